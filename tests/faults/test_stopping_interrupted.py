"""A signal during a closing: what is left is handed over and the heir named; a lost terminal changes nothing."""

import asyncio
import re
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from canary_cli.core.clock import SystemClock
from canary_cli.journal.beat import Beat, write_beat
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from canary_cli.steps.incidents import of_account
from tests.faults.desk import Desk, a_desk
from tests.faults.terminal import Terminal, Typed, a_terminal, until

ORDERS = r"^POST /fapi/v1/order$"
closing_verbs = pytest.mark.parametrize("verb", ["close-all", "rollback"])


async def closing(desk: Desk, terminal: Terminal, *words: str) -> Typed:
    """Typed, latched, and refused its closes for as long as the desk's fault stands."""
    await desk.open("BTCUSDT")
    desk.fault("reject", on=ORDERS, code=-1008, status=503, msg="Request throttled.")
    typed = await terminal.begin(*words)
    await until(lambda: any(asked(desk)), "the first close")
    return typed


def asked(desk: Desk) -> list[object]:
    return [fault for fault in desk.venue.faults.all() if fault.struck]


def let_close(desk: Desk) -> None:
    for fault in desk.venue.faults.all():
        desk.venue.faults.remove(fault.id)


@closing_verbs
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "INTERRUPTED"), (signal.SIGTERM, 143, "TERMINATED")]
)
async def test_a_signal_hands_the_closing_over_and_says_to_whom(
    tmp_path: Path, verb: str, number: signal.Signals, code: int, word: str
) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        typed = await closing(desk, terminal, verb)
        typed.process.send_signal(number)
        ended = await typed.ended()
        assert (ended.code, ended.err.splitlines()[-1]) == (code, f"RESULT {word} exit={code}"), ended
        heir = re.search(r"process (\d+)", ended.out + ended.err)
        assert heir and int(heir[1]) in terminal.left_running, ended
        assert "does not answer this host" not in ended.err, ended  # it did, and refused
        assert "left BTCUSDT" in ended.out or "NOT FLAT" in ended.out, ended
        assert read_latches(terminal.account.state_dir)
        assert "flatten_incomplete" in [entry.event for entry in read(terminal.account.log_dir)]
        assert [one.state for one in of_account(terminal.account)] == ["OPEN"] * (verb == "rollback")
        let_close(desk)
        await until(lambda: not desk.held, "the process that was named")


@closing_verbs
async def test_nobody_enables_trading_while_the_account_is_being_closed(tmp_path: Path, verb: str) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        typed = await closing(desk, terminal, verb)
        name = terminal.account.name
        refused = await terminal.type("trading", "enable", "--by", "ana", "--reason", "hope", "--confirm", name)
        assert (refused.code, "is being closed by another process" in refused.err) == (10, True), refused
        let_close(desk)
        assert (await typed.ended()).code == 0
        assert read_latches(terminal.account.state_dir)


@closing_verbs
async def test_a_terminal_that_is_lost_changes_nothing(tmp_path: Path, verb: str) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        typed = await closing(desk, terminal, verb)
        typed.process.send_signal(signal.SIGHUP)
        let_close(desk)
        ended = await typed.ended()
        assert (ended.code, desk.held) == (0, {}), ended


async def test_a_sweeper_that_is_ended_says_that_nobody_closes(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        typed = await closing(desk, terminal, "close-all", "--sweep")
        typed.process.send_signal(signal.SIGTERM)
        ended = await typed.ended()
        assert ended.code == 143 and "NOBODY IS CLOSING" in ended.out, ended


async def test_of_several_sweepers_the_one_started_last_goes_on_alone(tmp_path: Path) -> None:
    """Five that were left by as many commands cut short were banned by the exchange within a minute."""
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        first = await closing(desk, terminal, "close-all", "--sweep")
        second = await terminal.begin("close-all", "--sweep")
        ended = await first.ended()
        assert ended.code == 0 and f"process {second.process.pid}, started later, goes on" in ended.out, ended
        assert second.is_running and desk.held
        let_close(desk)
        await until(lambda: not desk.held, "the one started last")
        after_flat = await terminal.begin("close-all", "--sweep", "--after-flat", "--unlatched")
        ended = await second.ended()
        assert f"process {after_flat.process.pid}, started later, goes on" in ended.out, ended


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_watchdog_that_is_ended_says_by_what(tmp_path: Path, number: signal.Signals, code: int) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        typed = await terminal.begin("watchdog")
        assert typed.process.stdout is not None
        assert b"watching" in await typed.process.stdout.readline()
        typed.process.send_signal(number)
        ended = await typed.ended()
        assert (ended.code, f"ended by {number.name}: nobody watches now" in ended.out) == (code, True), ended


async def test_a_watchdog_that_is_ended_while_it_closes_hands_over_and_says_to_whom(tmp_path: Path) -> None:
    async with a_desk() as desk, a_terminal(desk, tmp_path) as terminal:
        terminal.account.state_dir.mkdir(parents=True)
        write_beat(terminal.account.state_dir, Beat("run-7", 4242, SystemClock().wall() - timedelta(minutes=1)))
        typed = await closing(desk, terminal, "watchdog")
        typed.process.send_signal(signal.SIGTERM)
        ended = await typed.ended()
        heir = re.search(r"process (\d+) goes on closing", ended.out)
        assert ended.code == 143 and heir and int(heir[1]) in terminal.left_running, ended
        let_close(desk)
        await until(lambda: not desk.held, "the process that was named")


async def test_what_a_signal_cut_off_after_flat_is_done_by_the_rollback_typed_next(tmp_path: Path) -> None:
    deaf = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)  # an alert that takes its time
    told = {
        "SLACK_BOT_TOKEN": "xoxb-test",
        "SLACK_API_URL": f"http://127.0.0.1:{deaf.sockets[0].getsockname()[1]}/api/",
    }
    async with a_desk() as desk, a_terminal(desk, tmp_path, **told) as terminal:
        await desk.open("BTCUSDT")
        typed = await terminal.begin("rollback")
        await until(lambda: any(one.event == "flat" for one in read(terminal.account.log_dir)), "flat")
        typed.process.send_signal(signal.SIGTERM)
        ended = await typed.ended()
        assert (ended.code, desk.held) == (143, {}), ended
        assert "cut short: canary rollback --account desk does what is left" in ended.err, ended
        again = await terminal.type("rollback")
        assert again.code == 0 and list((tmp_path / "logs" / "incidents").glob("*/post-mortem.md")), again
    deaf.close()
