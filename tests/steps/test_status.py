"""Status believes only answers: what is silent never looks flat, running or well."""

import asyncio
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.app import run
from canary_cli.bootstrap import World
from canary_cli.core.model import (
    AccountMode,
    AccountSnapshot,
    AlgoOrder,
    AlgoStatus,
    Balance,
    OrderType,
    Position,
    Side,
)
from canary_cli.errors import ExitCode
from canary_cli.journal.beat import Beat, write_beat
from canary_cli.journal.latch import Latch, set_latch
from canary_cli.journal.record import Record
from canary_cli.journal.writer import Journal
from canary_cli.session.view_codec import publish, view_file
from canary_cli.steps import status as step
from canary_cli.steps.positions import Exposure, exposure
from canary_cli.steps.status import FRESH, Source, Status, read_status
from canary_cli.steps.why import blockers
from tests.render.views import view

NOW = datetime(2026, 2, 22, 12, tzinfo=UTC)
LATCH = Latch("breaker", "drawdown -3.04 %", "session", NOW)


def held(*, with_stop: bool = True) -> Exposure:
    position = Position("BTCUSDT", Decimal(1), Decimal(100), Decimal(101))
    stop = AlgoOrder(
        7, "s", "BTCUSDT", Side.SELL, OrderType.STOP_MARKET, AlgoStatus.NEW, Decimal(98), close_position=True
    )
    balance = Balance(Decimal(1000), Decimal(1), Decimal(1001), Decimal(900))
    mode = AccountMode(hedge=False, multi_assets=False)
    return exposure(AccountSnapshot(NOW, balance, mode, (position,), (), (stop,) if with_stop else ()))


RUNNING = Status("paper", Source(held()), Source(view(), timedelta(seconds=1)), (), Source(None), Source(7))


def test_a_running_session_says_what_it_says_of_itself() -> None:
    assert RUNNING.headline == ("RUNNING", "")
    assert RUNNING.next_command == "canary monitor --account paper"
    reduced = replace(RUNNING, session=Source(view(headline="REDUCE-ONLY", why="database: away"), timedelta()))
    assert reduced.headline == ("REDUCE-ONLY", "database: away")


def test_a_latch_beats_whatever_the_session_says() -> None:
    latched = replace(RUNNING, latches=(LATCH,))
    assert latched.headline == ("STOPPED", "latched by breaker: drawdown -3.04 %")
    assert next(blockers(latched)).startswith("latched by breaker since 2026-02-22 12:00 UTC (session)")


def test_a_silent_session_is_not_running_and_what_it_left_open_is_to_be_closed() -> None:
    silent = replace(RUNNING, session=Source(view(), FRESH + timedelta(seconds=1)))
    assert silent.headline == (
        "STOPPED",
        "the session is silent and may be dead; 1 open positions have only their resting stops",
    )
    assert silent.next_command == "canary close-all --account paper"


def test_a_session_that_was_killed_a_moment_ago_is_not_running(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    folder = home / ".canary" / "p"
    publish(view(), folder)
    write_beat(folder, Beat("r", dead.pid, NOW))
    run(["status"])
    assert "STOPPED  the session's process is gone" in capsys.readouterr().out
    write_beat(folder, Beat("r", os.getpid(), NOW))
    run(["status"])
    assert "RUNNING" in capsys.readouterr().out


def test_a_position_without_a_stop_is_to_be_closed_even_while_a_session_runs() -> None:
    naked = replace(RUNNING, exchange=Source(held(with_stop=False)))
    assert naked.next_command == "canary close-all --account paper"
    assert replace(naked, session=Source(None)).headline[1].endswith("; 1 open positions, NO STOP: BTCUSDT")


def test_an_exchange_without_an_answer_is_never_flat() -> None:
    unknown = replace(RUNNING, exchange=Source(None, failure="refused"), session=Source(None))
    assert unknown.headline == ("STOPPED", "no session is running; what is open is not known")
    assert unknown.next_command == "canary close-all --account paper"
    assert "the exchange gives no answer: refused" in list(blockers(unknown))


def test_what_stands_in_the_way_is_named_hardest_first() -> None:
    waiting = view(headline="REDUCE-ONLY", why="pair-silent", breaker="PRE_TRIP", phases=(), step="waiting for phase 1")
    assert list(blockers(replace(RUNNING, session=Source(waiting, timedelta())))) == [
        "REDUCE-ONLY: pair-silent",
        "breaker PRE_TRIP: only a named human arms it again",
        "no phase is running: waiting for phase 1",
    ]
    assert list(blockers(RUNNING)) == []


async def test_a_source_that_hangs_is_no_answer_and_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "PATIENCE", 0.05)
    released = threading.Event()
    source = await step._asked(lambda: step._in_thread(released.wait))
    assert source.answer is None
    assert "nothing within" in source.failure
    released.set()
    await asyncio.sleep(0)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A paper account whose exchange refuses connections: the port is ours and nobody listens."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "golive.toml").touch()
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    for name in ("DATABASE_URL", "CANARY_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (tmp_path / "accounts.toml").write_text(
            f'default = "p"\n[p]\nkind = "paper"\nport = {taken.getsockname()[1]}\n'
        )
        (tmp_path / ".canary" / "p").mkdir(parents=True)
        yield tmp_path


def test_status_of_a_dead_exchange_says_so_and_exits_7(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == ExitCode.EXCHANGE_UNREACHABLE
    captured = capsys.readouterr()
    assert "exchange  NO ANSWER" in captured.out
    assert "what is open is not known" in captured.out
    assert "next:  canary close-all --account p" in captured.err
    assert captured.err.endswith("RESULT NO_ANSWER exit=7\n")


def test_a_fresh_home_has_no_ledger_yet_and_looking_makes_none(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["status"])
    assert "ledger    now              none yet\n" in capsys.readouterr().out
    run(["status", "--json"])
    assert json.loads(capsys.readouterr().out)["ledger"] == {"answer": None, "age_seconds": None, "failure": ""}
    assert not list(home.rglob("ledger.db"))


def test_a_ledger_that_lost_its_lines_is_no_fresh_one(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from canary_cli.accounts import choose_account

    with closing(World(choose_account("p", home))) as world, world.ledger.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE events")
    run(["status"])
    assert "ledger    NO ANSWER" in capsys.readouterr().out


def test_the_document_has_flat_null_where_nobody_knows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_latch(home / ".canary" / "p", LATCH)
    publish(view(), home / ".canary" / "p")
    run(["status", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["flat"] is None
    assert document["headline"] == "STOPPED"
    assert document["session"]["answer"]["equity"] == "9955.50"
    assert document["latches"][0]["source"] == "breaker"
    assert document["exit_code"] == 7


def test_why_counts_what_refused_the_signals(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from canary_cli.core.clock import SystemClock

    journal = Journal(home / "logs" / "p", SystemClock().now)
    journal.append(Record("run_started", run_id="r"))
    for _ in range(3):
        journal.append(Record("signal_refused", run_id="r", reason="confluence"))
    journal.append(Record("signal", run_id="r"))
    journal.append(Record("risk_refused", run_id="r", data={"code": "OPEN_RISK"}))
    journal.close()
    run(["why"])
    out = capsys.readouterr().out
    assert "1. no session is running" in out
    assert "4 bars judged, 1 signals" in out
    assert "no signal: confluence x 3" in out
    assert "refused by the risk gate: OPEN_RISK x 1" in out


async def test_a_rehearsal_whose_clock_is_held_has_a_journal_with_an_age_too(home: Path) -> None:
    """As it is once its run has ended."""
    from canary_cli.accounts import choose_account
    from canary_cli.core.clock import ScaledClock

    async with World(choose_account("p", home)) as world:
        world.journal.append(Record("run_ended"))
        os.utime(next(world.account.log_dir.glob("audit-*")), (NOW.timestamp(), NOW.timestamp()))
        vars(world)["clock"] = ScaledClock(NOW, NOW, 0.0)
        told = (await read_status(world)).journal
    assert told.answer is not None and told.answer.event == "run_ended"
    assert told.age is not None and told.age > timedelta(days=1)


def test_monitor_once_is_a_health_check(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / ".canary" / "p"
    assert run(["monitor", "--once"]) == ExitCode.HUMAN_NEEDED
    publish(view(), folder)
    assert run(["monitor", "--once"]) == ExitCode.DONE
    assert "RUNNING" in capsys.readouterr().out
    os.utime(view_file(folder), (0, 0))
    assert run(["monitor", "--once"]) == ExitCode.HUMAN_NEEDED
    assert "has been silent for" in capsys.readouterr().out


async def test_monitor_tells_what_happens_until_the_session_ends(home: Path) -> None:
    from canary_cli.accounts import choose_account
    from canary_cli.core.clock import ManualClock
    from canary_cli.errors import DONE
    from canary_cli.steps.monitor import EVERY, Eyes, watch

    clock = ManualClock(NOW)

    async with World(choose_account("p", home)) as world:
        vars(world)["clock"] = clock
        folder = world.account.state_dir
        world.journal.append(Record("run_started", run_id="old news"))
        publish(view(), folder)
        os.utime(view_file(folder), (NOW.timestamp(), NOW.timestamp()))
        views, events = [], []
        watching = asyncio.create_task(watch(world, Eyes(views.append, lambda entry: events.append(entry.event))))
        await clock.advance(EVERY)
        world.journal.append(Record("fill"))
        await clock.advance(EVERY)
        view_file(folder).unlink()
        await clock.advance(EVERY)
        assert await watching == DONE
    assert events == ["fill"]
    assert [shown.headline for shown in views] == ["RUNNING", "RUNNING", "STOPPED"]
    assert views[-1].why == "the session has ended"
