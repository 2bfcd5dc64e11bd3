"""The session lives on one host, whoever closes sits at another: no latch file, no control port, only the exchange."""

import asyncio
import socket
from pathlib import Path

from canary_cli.core.trading.facts import Purpose
from canary_cli.journal.latch import read_latches
from tests.faults.desk import a_desk
from tests.faults.hosts import another_host
from tests.faults.terminal import a_terminal, until
from tests.faults.trader import Trader, a_trader

RE_ENTERS = ("ETHUSDT", "SOLUSDT", "XRPUSDT")


async def test_row_26_a_session_elsewhere_that_re_enters_latches_itself_on_the_first_kill_order(tmp_path: Path) -> None:
    """no entry after the first KILL- order it hears of"""
    async with a_trader(tmp_path, speed=1.0) as trader, another_host(trader.desk, tmp_path / "host") as terminal:
        await trader.enter("BTCUSDT")
        await trader.enter("BNBUSDT")
        trader.desk.fault("latency", on="orders", milliseconds=50, to_milliseconds=150)
        typed = await terminal.begin("close-all", "--no-recheck")
        entering = asyncio.create_task(keep_entering(trader))
        ended = await typed.ended()
        entering.cancel()
        assert ended.code == 0, ended
        assert "kill-order" in trader.state.latches
        await until(lambda: (trader.desk.held, trader.desk.resting) == ({}, 0), "a flat account that stays so")
        latched = next(one.seq for one in trader.events("latch_set") if one.data["source"] == "kill-order")
        late = [
            one for one in trader.events("order_intent") if one.seq > latched and one.data["purpose"] == Purpose.ENTRY
        ]
        assert late == []
        assert {one.source for one in read_latches(terminal.account.state_dir)} == {"close-all"}  # each host its own


async def test_a_writer_who_hears_nothing_is_closed_again_and_named(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT", "ETHUSDT")
        desk.fault("latency", on="orders", milliseconds=50, to_milliseconds=150)
        typed = await terminal.begin("close-all", "--no-recheck")
        await until(lambda: len(desk.held) < 2, "a first close")
        order = {"symbol": "SOLUSDT", "side": "BUY", "quantity": str(desk.quantity("SOLUSDT"))}
        desk.by_hand(order=order)
        ended = await typed.ended()
        assert (ended.code, desk.held) == (0, {}), ended
        assert "OPENED WHILE WE CLOSED: SOLUSDT: another writer" in ended.err


async def keep_entering(trader: Trader) -> None:
    """The strategy wants in, all the time."""
    while True:
        for symbol in RE_ENTERS:
            trader.signal(symbol)
        await trader.desk.clock.pause(0.05)


async def test_the_other_host_reaches_the_exchange_and_nothing_else_of_ours(tmp_path: Path) -> None:
    """So that the story above is one of two hosts, and not of two folders."""
    async with a_trader(tmp_path) as trader, another_host(trader.desk, tmp_path / "host") as terminal:
        with socket.create_server(("127.0.0.1", 0)) as control:
            port = control.getsockname()[1]
            reach = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
            process = await asyncio.create_subprocess_exec(
                *terminal.before, "python3", "-c", reach, stderr=asyncio.subprocess.DEVNULL
            )
            assert await process.wait() == 1
        proven = await terminal.type("close-all", "--dry-run", "--format", "nagios")
        assert (proven.code, proven.out.split(" - ")[0]) == (0, "CLOSE-ALL OK"), proven
