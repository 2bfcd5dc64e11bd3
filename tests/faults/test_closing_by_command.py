"""Closing as it is typed: processes of their own against the paper exchange, while the market and other hands move."""

import asyncio
import json
import re
from collections import deque
from decimal import Decimal
from pathlib import Path

from canary_cli.core.model import ZERO, Side
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from canary_cli.journal.record import Record
from canary_cli.journal.writer import Journal
from canary_cli.paper.limits import ADDRESS
from tests.e2e.house import Ended
from tests.faults.desk import PAIRS, Desk, a_desk
from tests.faults.terminal import CLOCK, Typed, a_terminal, rehearses, until

ORDERS = r"^POST /fapi/v1/order$"
LEFT = re.compile(r"left: XRPUSDT ([-0-9.]+)")
A_MOMENT = 3.0
"""Wall seconds from what the exchange held to the line that says so, for this process may be slow to read it."""


def log_of(ended: Ended) -> Path:
    """Where the process that was named says how it fares."""
    found = re.search(r"process \d+, (\S+)", ended.err)
    assert found, ended
    return Path(found[1])


def pid_of(ended: Ended) -> int:
    found = re.search(r"process (\d+)", ended.err)
    assert found, ended
    return int(found[1])


async def test_a_position_re_opened_by_a_late_fill_is_closed_by_the_re_checks_and_said(tmp_path: Path) -> None:
    """filled 8 s after flat"""
    async with a_desk(speed=12.0) as desk, a_terminal(desk, tmp_path) as terminal:
        rehearses(terminal, desk)
        await desk.open("BTCUSDT")
        ended = await terminal.type("close-all")
        assert (ended.code, desk.held) == (0, {}), ended
        assert "re-checks at +2, +10, +60 s: process" in ended.err
        await desk.clock.sleep(8.0)
        desk.by_hand(order={"symbol": "BTCUSDT", "side": "BUY", "quantity": str(desk.quantity("BTCUSDT"))})
        log = log_of(ended)
        await until(lambda: "RE-OPENED and closed again: BTCUSDT" in log.read_text(), "the re-check")
        await until(lambda: "FLAT CONFIRMED" in log.read_text(), "three quiet looks in a row")
        assert desk.held == {}
        await until(lambda: pid_of(ended) not in terminal.left_running, "the end of the re-checks")
        told = [(entry.event, entry.data.get("message")) for entry in read(terminal.account.log_dir)]
        assert ("warning", "RE-OPENED: BTCUSDT") in told and told[-1][0] == "flat_confirmed"


async def test_an_account_whose_positions_others_opened_may_trade_again_once_it_is_flat(tmp_path: Path) -> None:
    """The fills of the closes alone left the ledger short for ever, and no verb took that back."""
    async with a_desk(speed=120.0) as desk, a_terminal(desk, tmp_path) as terminal:
        rehearses(terminal, desk)
        await desk.open("BTCUSDT", "ETHUSDT")
        await desk.clock.sleep(300.0)
        ended = await terminal.type("close-all", "--no-recheck")
        assert (ended.code, desk.held) == (0, {}), ended
        name = terminal.account.name
        enabled = await terminal.type("trading", "enable", "--by", "ana", "--reason", "flat", "--confirm", name)
        assert enabled.code == 0, enabled
        verified = await terminal.type("verify-db")
        assert verified.code == 0, verified


async def test_what_a_closing_came_to_is_the_last_point_of_the_equity_curve_and_no_withdrawal_is(
    tmp_path: Path,
) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        rehearses(terminal, desk)
        await desk.open("BTCUSDT")
        before = (await desk.exchange.snapshot()).balance.wallet
        journal = Journal(terminal.account.log_dir, desk.clock.now)
        journal.append(Record("equity", run_id="dead", data=marked(before, peak=before + 100)))
        journal.close()
        desk.let_pass(60)
        desk.by_hand(withdraw="500")
        ended = await terminal.type("close-all", "--no-recheck")
        assert ended.code == 0, ended
        last = [entry for entry in read(terminal.account.log_dir) if entry.event == "equity"][-1]
        wallet = (await desk.exchange.snapshot()).balance.wallet
        assert (last.run_id, Decimal(last.data["equity"])) == ("dead", wallet)
        assert Decimal(last.data["peak"]) == round((before + 100) * (before - 500) / before, 8)
        assert -3 < Decimal(last.data["drawdown_pct"]) < 0
        told = json.loads((await terminal.type("pnl", "--json", "--from", "2020-01-01T00:00Z")).out)
        worst = min(marked(before, peak=before + 100)["drawdown_pct"], Decimal(last.data["drawdown_pct"]))
        assert Decimal(told["max_drawdown_pct"]) == worst


def marked(equity: Decimal, peak: Decimal) -> dict[str, Decimal]:
    figures = {"wallet": equity, "unrealized": ZERO, "equity": equity, "peak": peak}
    drawdown = (equity - peak) / peak * 100
    return {**figures, "drawdown_pct": drawdown, "fresh_seconds": ZERO, "stale_seconds": ZERO}


async def test_what_a_thin_pair_has_left_is_the_exchanges_own_figure_until_a_named_process_has_closed_it(
    tmp_path: Path,
) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("XRPUSDT", "BTCUSDT", notional=40_000)
        desk.market(kind="thin", symbols=["XRPUSDT"], depth=0.0001, **{"for": 600})
        await desk.clock.pause(1.1)  # the book of the next second is the thin one
        opened = sum(held for (symbol, _), held in desk.held.items() if symbol == "XRPUSDT")
        typed = await terminal.begin("close-all", "--timeout", "4")
        seen: deque[tuple[float, Decimal]] = deque()
        watching = asyncio.create_task(watch_xrp(desk, seen))
        ended = await typed.ended()
        watching.cancel()
        assert ended.code == 6, ended
        listed = re.search(r"NOT FLAT on desk: XRPUSDT ([0-9.]+) ", ended.out)
        assert listed and Decimal(listed[1]) <= opened, (
            ended
        )  # no more where every bid was beyond the exchange's bounds
        for at, quantity in (*told_left(typed), (CLOCK.monotonic(), Decimal(listed[1]))):
            assert quantity in {held for when, held in seen if when >= at - A_MOMENT}, (at, quantity, ended)
        assert f"process {pid_of(ended)}" in ended.err and pid_of(ended) in terminal.left_running
        desk.let_pass(600)
        await until(lambda: not desk.held, "the named process")
        await until(lambda: "FLAT after" in log_of(ended).read_text(), "its own word")


async def watch_xrp(desk: Desk, seen: deque[tuple[float, Decimal]]) -> None:
    while True:
        held = [quantity for (symbol, _), quantity in desk.held.items() if symbol == "XRPUSDT"]
        seen.append((CLOCK.monotonic(), sum(held, Decimal(0))))
        await CLOCK.pause(0.005)


def told_left(typed: Typed) -> list[tuple[float, Decimal]]:
    return [(at, Decimal(found[1])) for at, line in typed.lines if (found := LEFT.search(line))]


async def test_row_27_two_operators_who_type_it_at_once_end_flat_with_nothing_doubled(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        began = desk.clock.now()
        await desk.open(*PAIRS)
        desk.fault("latency", on="orders", milliseconds=20, to_milliseconds=120)
        ends = await asyncio.gather(*(terminal.type("close-all", "--no-recheck") for _ in range(3)))
        assert [one.code for one in ends] == [0, 0, 0], ends
        assert desk.held == {}
        for pair in PAIRS:
            fills = await desk.exchange.trades(pair, began)
            assert sum(fill.quantity for fill in fills if fill.side is Side.SELL) == desk.quantity(pair)


async def test_limits_at_the_bands_edge_close_as_well(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT", "ETHUSDT")
        ended = await terminal.type("close-all", "--type", "limit-ioc", "--no-recheck")
        assert (ended.code, desk.held) == (0, {}), ended
        kinds = {order.type.value for order in desk.venue.engine.state.orders.history() if "KILL-" in order.client_id}
        assert kinds == {"LIMIT"}


REFUSED = {"positions": 7, "close-all --dry-run": 7, "trading disable": 0, "close-all": 6, "rollback": 6}


async def test_a_key_that_is_refused_by_address_is_said_in_one_line(tmp_path: Path) -> None:
    """-2015, as for an address that is not on the key's list"""
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT")
        desk.by_hand(revoke=desk.account.api_key)
        for verb, code in REFUSED.items():
            ended = await terminal.type(*verb.split())
            assert ended.code == code, (verb, ended)
            said = [line for line in (ended.out + ended.err).splitlines() if "-2015" in line and "refuses" in line]
            assert said and "Traceback" not in ended.err, (verb, ended)
            closes = verb in ("close-all", "rollback")
            assert any("NOBODY IS CLOSING" in line for line in said) is closes, (verb, ended)
        sources = [one.source for one in read_latches(terminal.account.state_dir)]
        assert sources == ["trading disable", "close-all", "rollback"] and desk.held


async def test_a_rollback_that_may_not_close_still_gathers_the_evidence_and_opens_an_incident(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        desk.by_hand(revoke=desk.account.api_key)
        ended = await terminal.type("rollback", "--reason", "story", "--json")
        assert ended.code == 6, ended
        told = json.loads(ended.out)
        assert (told["result"], told["closer"].split(":")[0]) == ("ROLLBACK_INCOMPLETE", "NOBODY IS CLOSING")
        assert {"capture-logs", "postmortem"} <= told["done"].keys()
        assert (Path(told["evidence"]) / "post-mortem.md").exists()


async def test_a_reason_is_kept_where_one_is_typed_and_never_missed(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT", "ETHUSDT")
        words = ("close", "BTCUSDT", "--reason", "thin book"), ("close-all", "--no-recheck", "--reason", "fat finger")
        for typed in words:
            ended = await terminal.type(*typed)
            assert ended.code == 0, ended
        assert desk.held == {}
        assert [one.reason for one in read_latches(terminal.account.state_dir)] == ["fat finger"]
        began = [one for one in read(terminal.account.log_dir) if one.event == "flatten_started"]
        assert [one.reason for one in began] == ["thin book", "fat finger"]


async def test_in_whatever_folder_it_is_typed_it_means_the_same_account(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        (tmp_path / "elsewhere").mkdir()
        for folder in ("/", tmp_path / "runbooks", tmp_path / "elsewhere"):
            await desk.open("BTCUSDT")
            terminal.at = Path(folder)
            ended = await terminal.type("close-all", "--no-recheck")
            assert (ended.code, desk.held) == (0, {}), ended
            assert ended.err.startswith("ACCOUNT desk PAPER\n")
        assert read_latches(terminal.account.state_dir)


async def test_with_several_accounts_and_none_chosen_nothing_is_touched_and_their_names_are_said(
    tmp_path: Path,
) -> None:
    verbs = ("close-all", "rollback", "trading disable", "positions", "status", "watchdog --once")
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        more = '[second]\nkind = "paper"\nport = 9\n'
        (tmp_path / "accounts.toml").write_text((tmp_path / "accounts.toml").read_text() + more)
        await desk.open("BTCUSDT")
        for ended in await asyncio.gather(*(terminal.type(*verb.split()) for verb in verbs)):
            assert (ended.code, ended.out) == (2, ""), ended
            assert ended.err.splitlines()[0] == "error: 2 accounts and none chosen: desk, second"
        assert desk.held and not read_latches(terminal.account.state_dir)


async def test_the_way_is_proven_for_monitoring_without_sending_anything_that_executes(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT")
        held = desk.held
        proven = await terminal.type("close-all", "--dry-run", "--format", "nagios")
        assert proven.out == "CLOSE-ALL OK - desk: signed test order accepted; 1 closes and 0 cancels would be sent\n"
        assert (proven.code, desk.held) == (0, held)
        desk.by_hand(revoke=desk.account.api_key)
        refused = await terminal.type("close-all", "--dry-run", "--format", "nagios")
        assert refused.out.startswith("CLOSE-ALL CRITICAL - desk: ") and "-2015" in refused.out
        assert refused.code == 2 and not read_latches(terminal.account.state_dir)


async def test_whoever_only_looks_leaves_the_closing_what_is_kept_for_it(tmp_path: Path) -> None:
    """a minute of which others have used 84 %, counted by address; a closing of one pair reads for 16 % more"""
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT")
        weight = desk.venue.limits.visitor(ADDRESS).weight
        weight.seconds = 1e9  # a minute that does not end while the story lasts
        weight.add(2010, desk.venue.wall_ms() / 1000)
        for verb in ("positions", "close-all --dry-run", "positions"):
            looked = await terminal.type(*verb.split())
            assert looked.code == 7 and "asks for quiet" in looked.err, looked
        assert weight.used < 2010 + 20
        typed = await terminal.begin("close-all", "--no-recheck")
        await until(lambda: not desk.held, "the closing")
        typed.kill()
        await typed.ended()


async def test_a_silent_exchange_is_waited_for_no_longer_than_was_asked(tmp_path: Path) -> None:
    """and then nothing more is asked: by the five seconds of each question it took three times as long"""
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        await desk.open("BTCUSDT")
        desk.fault("latency", on="all", milliseconds=600_000)
        typed = await terminal.begin("close-all", "--timeout", "2")
        ended = await typed.ended()
        assert ended.code == 6 and pid_of(ended) in terminal.left_running, ended
        assert typed.lines[-1][0] - typed.lines[0][0] < 5.0, typed.lines
