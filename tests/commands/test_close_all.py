"""`canary close-all`, `close`, as typed at 3 a.m.: from any folder, without a terminal, with whatever else broken."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.app import run
from canary_cli.core.clock import SystemClock
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from tests.commands.exchange import an_exchange_on
from tests.core.binance.stage import says
from tests.core.trading.venue import Venue, position, resting, stop

Capture = pytest.CaptureFixture[str]
CLOCK = SystemClock()
FIVE = [position(f"P{n}USDT", "1") for n in range(5)]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.delenv("CANARY_ACCOUNT", raising=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return tmp_path


@pytest.fixture
def reap() -> Iterator[Callable[[int], None]]:
    """Ends sweepers that a test left behind on purpose."""
    pids: list[int] = []
    yield pids.append
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_five_positions_are_closed_the_account_latched_and_the_cost_said(home: Path, capsys: Capture) -> None:
    venue = Venue().hold(*FIVE).rest(*(stop(one.symbol) for one in FIVE), resting("P0USDT", "tp"))
    with an_exchange_on(home, venue):
        assert run(["close-all", "--type", "market", "--timeout", "60", "--no-recheck"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].split() == ["P0USDT", "SELL", "1", "closed"]
    assert lines[5].startswith("Closed 5 positions in ")
    assert lines[6] == "P&L: -$125.25"
    assert lines[8].startswith("FLAT on desk: first order ")
    assert shown.err.splitlines()[0] == "ACCOUNT desk PAPER"
    assert shown.err.splitlines()[-1] == "RESULT FLAT exit=0"
    assert not venue.positions and not venue.orders and not venue.algos
    assert [latch.source for latch in read_latches(home / ".canary" / "desk")] == ["close-all"]
    events = [entry.event for entry in read(home / "logs" / "desk")]
    assert events == ["latch_set", "flatten_started", "flat", *["fill"] * 5, *["adopted"] * 5]  # others had opened them


def test_what_no_session_saw_is_booked_once(home: Path) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"))
    with an_exchange_on(home, venue):
        assert run(["close-all", "--no-recheck"]) == 0
        assert run(["close-all", "--no-recheck"]) == 0
    (booked,) = [entry for entry in read(home / "logs" / "desk") if entry.event == "fill"]
    assert (booked.pair, booked.side, booked.quantity) == ("BTCUSDT", "SELL", Decimal(1))
    assert booked.data["purpose"] == "kill"


def test_nothing_open_is_said_as_such(home: Path, capsys: Capture) -> None:
    with an_exchange_on(home, Venue()):
        assert run(["flatten", "--no-recheck"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "NOTHING OPEN on desk\n"
    assert shown.err.endswith("RESULT NOTHING_OPEN exit=0\n")
    with an_exchange_on(home, Venue()):
        assert run(["close-all", "--no-recheck", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["reason"], told["pair"]) == ("NOTHING_OPEN", "NOTHING OPEN on desk", None)


def test_the_document_holds_money_as_strings(home: Path, capsys: Capture) -> None:
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "-0.5"))):
        assert run(["close-all", "--no-recheck", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema_version"], document["outcome"], document["pnl"]) == (1, "FLAT", "-25.05")
    assert document["positions"] == [{"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.5", "left": "0"}]
    assert document["latched"] is True


def test_what_is_left_at_the_time_out_is_listed_and_a_named_process_goes_on(
    home: Path, capsys: Capture, reap: Callable[[int], None]
) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1"))
    with an_exchange_on(home, venue) as server:
        works = server.stage.answers["/fapi/v1/order"][0]

        async def refuse_bitcoin(asked):  # type: ignore[no-untyped-def]
            if asked.fields.get("symbol") == "BTCUSDT" and not released:
                return await says({"code": -1008, "msg": "Request throttled"}, 503)(asked)
            return await works(asked)

        released: list[bool] = []
        server.stage.answer("/fapi/v1/order", refuse_bitcoin)
        assert run(["close-all", "--timeout", "1", "--json"]) == 6
        shown = capsys.readouterr()
        document = json.loads(shown.out)
        reap(document["closing"]["pid"])
        assert [(one["symbol"], one["quantity"]) for one in document["left"]] == [("BTCUSDT", "1")]
        assert "-1008" in document["trouble"]["BTCUSDT"]
        assert shown.err.endswith("RESULT INCOMPLETE exit=6\n")
        assert [symbol for symbol, _ in venue.positions] == ["BTCUSDT"]
        released.append(True)
        wait_until(lambda: not venue.positions)  # the process that was named finishes
        wait_until(lambda: "FLAT after" in Path(document["closing"]["log"]).read_text())


def wait_until(true: Callable[[], bool], within: float = 20.0) -> None:
    import threading

    until = CLOCK.monotonic() + within
    while not true():
        assert CLOCK.monotonic() < until
        threading.Event().wait(0.05)


def test_a_broken_disk_stops_neither_the_closing_nor_its_words(home: Path, capsys: Capture) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"))
    (home / ".canary").write_text("a file where a folder should be")
    (home / "logs").write_text("here too")
    with an_exchange_on(home, venue):
        assert run(["close-all", "--no-recheck"]) == 0
    assert not venue.positions
    assert "LATCH NOT WRITTEN" in capsys.readouterr().err


def test_one_pair_is_closed_and_nothing_latched(home: Path, capsys: Capture) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1")).rest(stop("BTCUSDT"), stop("ETHUSDT"))
    with an_exchange_on(home, venue):
        assert run(["close", "ethusdt"]) == 0
        assert run(["close", "ethusdt"]) == 0
        assert run(["close", "fooUSDT"]) == 2
    assert [symbol for symbol, _ in venue.positions] == ["BTCUSDT"]
    assert [algo.symbol for algo in venue.algos.values()] == ["BTCUSDT"]
    assert read_latches(home / ".canary" / "desk") == ()
    shown = capsys.readouterr()
    assert "Closed 1 position in " in shown.out
    assert "\nFLAT in ETHUSDT on desk: " in shown.out and "\nNOTHING OPEN in ETHUSDT on desk\n" in shown.out
    assert "error: FOOUSDT is no pair of this exchange: nothing was closed\n" in shown.err


def test_a_sweep_of_one_pair_confirms_nothing_of_what_may_be_opened_again(home: Path, capsys: Capture) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1"))
    with an_exchange_on(home, venue):
        assert run(["close-all", "--sweep", "--only", "ETHUSDT"]) == 0
    assert [symbol for symbol, _ in venue.positions] == ["BTCUSDT"]
    shown = capsys.readouterr()
    assert "FLAT after " in shown.out and "CONFIRMED" not in shown.out
    assert shown.err.endswith("RESULT FLAT exit=0\n")


def test_a_pair_that_is_held_is_closed_though_the_exchange_lists_it_no_more(home: Path) -> None:
    venue = Venue().hold(position("GONEUSDT", "1"))
    with an_exchange_on(home, venue):
        assert run(["close", "GONEUSDT"]) == 0
    assert not venue.positions


def test_a_dry_run_shows_the_deeds_and_sends_none(home: Path, capsys: Capture) -> None:
    venue = Venue().hold(position("BTCUSDT", "1")).rest(resting("BTCUSDT", "x"))
    with an_exchange_on(home, venue) as server:
        assert run(["close-all", "--dry-run"]) == 0
        asked = {one.path for one in server.stage.asked if one.method != "GET"}
    assert asked == {"/fapi/v1/order/test"}
    assert capsys.readouterr().out.splitlines() == [
        "cancel BTCUSDT all orders",
        "close BTCUSDT SELL 1 MARKET reduce-only",
        "test order: accepted",
    ]
    assert read_latches(home / ".canary" / "desk") == ()


def test_a_monitoring_system_reads_whether_the_way_is_open(home: Path, capsys: Capture) -> None:
    with an_exchange_on(home, Venue(rules={}).hold(position("BTCUSDT", "1"))):
        assert run(["close-all", "--dry-run", "--format", "nagios"]) == 0
    assert capsys.readouterr().out.startswith("CLOSE-ALL OK - desk: signed test order accepted; 1 closes")
    assert run(["close-all", "--dry-run", "--format", "nagios"]) == 2  # the exchange is gone now
    assert capsys.readouterr().out.startswith("CLOSE-ALL CRITICAL - desk: ")
    (home / "accounts.toml").write_text('[desk]\nkind = "live"\n[other]\nkind = "paper"\n')
    assert run(["close-all", "--dry-run", "--format", "nagios"]) == 3
    assert capsys.readouterr().out == "CLOSE-ALL UNKNOWN - 2 accounts and none chosen: desk, other\n"
    assert run(["close-all", "--dry-run", "--format", "nagios", "--account", "desk"]) == 2
    assert capsys.readouterr().out == "CLOSE-ALL CRITICAL - desk: account desk: no api_key\n"


def test_proving_the_way_never_closes_by_a_forgotten_word(home: Path) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"))
    with an_exchange_on(home, venue):
        assert run(["close-all", "--format", "nagios"]) == 2
        assert run(["close-all", "--dry-run", "--format", "bogus"]) == 2
    assert venue.positions and not read_latches(home / ".canary" / "desk")


def test_without_a_key_it_latches_and_says_that_nobody_closes(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BINANCE_API_KEY", "BINANCE_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    (home / "accounts.toml").write_text('[desk]\nkind = "live"\n')
    assert run(["close-all"]) == 6
    assert "NOBODY IS CLOSING: account desk: no api_key" in capsys.readouterr().err
    assert read_latches(home / ".canary" / "desk")
    assert run(["close-all", "--dry-run"]) == 78


def test_a_refused_key_is_said_at_once_and_that_nobody_closes(home: Path, capsys: Capture) -> None:
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1"))) as server:
        refused = says({"code": -2015, "msg": "Invalid API-key, IP, or permissions for action"}, 401)
        for path in ("accountConfig", "openOrders", "openAlgoOrders"):
            server.stage.answer(f"/fapi/v1/{path}", refused)
        assert run(["close-all", "--no-recheck"]) == 6
    err = capsys.readouterr().err
    assert "NOBODY IS CLOSING" in err and "-2015" in err
    assert [latch.source for latch in read_latches(home / ".canary" / "desk")] == ["close-all"]


def test_an_exchange_that_is_away_ends_incomplete_never_flat(
    home: Path, capsys: Capture, reap: Callable[[int], None]
) -> None:
    (home / "accounts.toml").write_text('default = "desk"\n[desk]\nkind = "paper"\nport = 9\n')
    assert run(["close-all", "--timeout", "1", "--json"]) == 6
    document = json.loads(capsys.readouterr().out)
    reap(document["closing"]["pid"])
    assert (document["outcome"], document["pnl"]) == ("INCOMPLETE", None)
    assert "cannot connect" in document["trouble"]["account"]


def test_where_no_process_can_be_started_it_says_that_nobody_is_closing(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "accounts.toml").write_text('default = "desk"\n[desk]\nkind = "paper"\nport = 9\n')
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert run(["close-all", "--timeout", "1"]) == 6
    shown = capsys.readouterr()
    assert shown.out.startswith("NOT FLAT on desk: http://127.0.0.1:9: ") and "cannot connect" in shown.out
    assert "NOBODY IS CLOSING: type it again, or close by hand in the exchange's own app" in shown.err


def test_bad_words_are_one_clear_line(home: Path, capsys: Capture) -> None:
    assert run(["close", "BTC/USDT"]) == 2
    assert run(["close-all", "--type", "hope"]) == 2
    assert run(["close-all", "--account", "nobody"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_typed_in_a_shell_without_a_terminal_it_closes_too(home: Path) -> None:
    venue = Venue().hold(*FIVE)
    with an_exchange_on(home, venue, latency=0.02):
        done = subprocess.run(
            [sys.executable, "-m", "canary_cli", "close-all", "--no-recheck"],
            capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, "NO_COLOR": "1", "TERM": "dumb"},
        )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "RESULT FLAT exit=0")
    assert "Closed 5 positions in" in done.stdout
    assert not venue.positions


def test_the_kill_path_loads_no_ledger_no_alerts_no_signals() -> None:
    code = (
        "import sys, canary_cli.commands.close_all, canary_cli.steps.closing, canary_cli.core.binance.client\n"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " ('sqlalchemy', 'pymysql', 'slack_sdk', 'pagerduty', 'talib', 'numpy', 'pandas', 'matplotlib', 'pydantic')"
        " or name.startswith(('canary_cli.ledger', 'canary_cli.alerts', 'canary_cli.core.signals'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("quantity", ["1.0005", "0.0005"])
def test_dust_is_named_and_the_account_flat_without_it(home: Path, capsys: Capture, quantity: str) -> None:
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", quantity))):
        assert run(["close-all", "--no-recheck"]) == 0
    left = Decimal("0.0005")
    assert f"dust: BTCUSDT {left} is under the exchange's minimum and stays" in capsys.readouterr().out


def test_plain_words_load_neither_typer_nor_what_only_others_need_of_python_binance(home: Path) -> None:
    script = (
        "import sys; from canary_cli.app import run; run(['close-all', '--no-recheck', '--reason', 'odd']);"
        "print([name for name in ('typer', 'pydantic', 'dateparser', 'requests', 'cffi') if name in sys.modules])"
    )
    venue = Venue().hold(*FIVE)
    with an_exchange_on(home, venue):
        told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert told.stdout.splitlines()[-1] == "[]"
    assert not venue.positions


@pytest.mark.parametrize("words", [["--timeout=30"], ["--type", "limit-ioc", "--recheck", "--no-recheck"]])
def test_words_out_of_the_ordinary_are_read_by_typer_and_close_just_as_well(home: Path, words: list[str]) -> None:
    venue = Venue().hold(*FIVE)
    with an_exchange_on(home, venue):
        assert run(["close-all", "--no-recheck", *words]) == 0
    assert not venue.positions


@pytest.mark.parametrize("words", [["--timeout", "0"], ["--timeout", "soon"], ["--no-recheck", "--no-recheck", "x"]])
def test_words_that_mean_nothing_close_nothing_and_are_named(home: Path, words: list[str], capsys: Capture) -> None:
    venue = Venue().hold(*FIVE)
    with an_exchange_on(home, venue):
        assert run(["close-all", *words]) == 2
    assert len(venue.positions) == 5
    assert "RESULT USAGE exit=2" in capsys.readouterr().err
