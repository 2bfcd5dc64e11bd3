"""`canary trading`, `stop` and `positions`, as typed."""

import getpass
import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from canary_cli.app import run
from canary_cli.core.clock import SystemClock
from canary_cli.journal.beat import Beat, end_beat, write_beat
from canary_cli.journal.closing import closing
from canary_cli.journal.enabled import read_enabled
from canary_cli.journal.files import version
from canary_cli.journal.latch import Latch, latch_file, read_latches, set_latch
from canary_cli.journal.reader import read
from canary_cli.session.view import HoldLine
from canary_cli.session.view_codec import publish
from canary_cli.steps import disabling, switching
from canary_cli.steps import trading as step
from tests.commands.exchange import an_exchange_on
from tests.core.trading.venue import Venue, position, stop
from tests.render.views import view as a_view

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.delenv("CANARY_ACCOUNT", raising=False)
    monkeypatch.setattr(step, "ACKNOWLEDGED_WITHIN", 0.1)
    (tmp_path / "accounts.toml").write_text('default = "desk"\n[desk]\nkind = "paper"\nport = 9\n')
    return tmp_path


def latches(home: Path) -> list[tuple[str, str, str]]:
    return [(one.source, one.reason, one.by) for one in read_latches(home / ".canary" / "desk")]


def test_disabling_needs_no_exchange_and_says_what_it_does_not_know(home: Path, capsys: Capture) -> None:
    assert run(["trading", "disable", "--by", "ana", "--reason", "odd fills"]) == 0
    assert latches(home) == [("trading disable", "odd fills", "ana")]
    shown = capsys.readouterr()
    assert shown.out.startswith("Trading disabled on desk\nno running session acknowledged\n")
    assert "what is still open is not known" in shown.out
    assert "flatten: canary close-all --account desk" in shown.err
    assert shown.err.endswith("RESULT DISABLED exit=0\n")


@pytest.mark.parametrize(
    "typed", [["--reason", "the key was s3cret-key-1 then"], ["--reason=the key was s3cret-key-1 then"]]
)
def test_a_secret_typed_into_a_reason_is_kept_nowhere(
    home: Path, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_API_SECRET", "s3cret-key-1")
    assert run(["stop", *typed]) == 0
    assert [reason for _, reason, _ in latches(home)] == ["the key was ******** then"]
    assert not any(b"s3cret" in file.read_bytes() for file in home.rglob("*") if file.is_file())


def test_disabling_needs_no_key(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BINANCE_API_KEY", "BINANCE_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    profile = '[desk]\nkind = "live"\nrest_url = "http://127.0.0.1:9"\n'
    (home / "accounts.toml").write_text(profile)
    assert run(["stop"]) == 0
    assert run(["trading", "status"]) == 0
    assert latches(home)
    assert "what is still open is not known: " in capsys.readouterr().out


def test_disabling_twice_keeps_the_first_reason(home: Path) -> None:
    assert run(["stop", "--reason", "first"]) == 0
    assert run(["trading", "disable", "--reason", "second"]) == 0
    assert [reason for _, reason, _ in latches(home)] == ["first"]


def test_disabling_shows_what_is_open_and_what_it_may_lose(home: Path, capsys: Capture) -> None:
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "2")).rest(stop("BTCUSDT"))):
        assert run(["trading", "disable"]) == 0
    out = capsys.readouterr().out
    assert "open risk: NOT KNOWN, NO STOP: ETHUSDT; $10.00 at the stops of the others" in out


def test_stopping_loads_no_library_that_it_does_not_need(home: Path) -> None:
    script = (
        "import sys; from canary_cli.app import run; run(['trading', 'disable', '--reason', 'odd']);"
        "print([name for name in ('typer', 'asyncio', 'rich', 'pydantic', 'binance', 'aiohttp', 'sqlalchemy',"
        " 'canary_cli.ledger', 'canary_cli.alerts', 'canary_cli.core.signals',"
        " 'canary_cli.core.policy') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"
    assert latches(home) == [("trading disable", "odd", getpass.getuser())]


@pytest.mark.parametrize(
    "words",
    [
        ["--account=desk"],
        ["--by", "ana", "--json"],
        ["--reason=odd"],
    ],
)
def test_words_out_of_the_ordinary_are_read_by_typer_and_stop_just_as_well(home: Path, words: list[str]) -> None:
    assert run(["stop", *words]) == 0
    assert len(latches(home)) == 1


@pytest.mark.parametrize("words", [["--nope", "x"], ["desk"], ["--reason"], ["--by", "--reason", "x", "y"]])
def test_words_that_mean_nothing_stop_nothing_and_are_named(home: Path, words: list[str], capsys: Capture) -> None:
    assert run(["trading", "disable", *words]) == 2
    assert latches(home) == []
    assert "RESULT USAGE exit=2" in capsys.readouterr().err


def test_an_exchange_that_takes_too_long_is_not_waited_for(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disabling, "PATIENCE", 0.2)
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1")), latency=5.0):
        assert run(["trading", "disable"]) == 0
    assert "what is still open is not known: NO ANSWER" in capsys.readouterr().out
    assert len(latches(home)) == 1


def test_the_session_that_saw_the_latch_is_named(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "ACKNOWLEDGED_WITHIN", 5.0)
    state = home / ".canary" / "desk"
    state.mkdir(parents=True)
    seen = threading.Event()

    def session() -> None:
        while not seen.wait(0.01):
            write_beat(state, Beat("run-7", os.getpid(), SystemClock().wall(), latch=version(latch_file(state))))

    write_beat(state, Beat("run-7", os.getpid(), SystemClock().wall()))
    watching = threading.Thread(target=session)
    watching.start()
    for _again in range(2):  # what is latched already is acknowledged as well
        assert run(["trading", "disable"]) == 0
        assert "session run-7 has acknowledged" in capsys.readouterr().out
    seen.set()
    watching.join()


def test_a_session_that_hangs_is_not_taken_for_none(home: Path, capsys: Capture) -> None:
    state = home / ".canary" / "desk"
    state.mkdir(parents=True)
    write_beat(state, Beat("run-7", os.getpid(), SystemClock().wall() - timedelta(minutes=1)))
    assert run(["trading", "disable"]) == 0
    assert f"session run-7 (process {os.getpid()}) HAS NOT ACKNOWLEDGED" in capsys.readouterr().out


def test_a_disk_that_refuses_means_not_disabled(home: Path, capsys: Capture) -> None:
    (home / ".canary").write_text("a file where a folder should be")
    assert run(["trading", "disable"]) == 10
    assert "NOT disabled" in capsys.readouterr().err


def test_enabling_wants_a_name_a_reason_and_the_accounts_name(home: Path, capsys: Capture) -> None:
    assert run(["trading", "enable"]) == 2
    run(["trading", "disable"])
    with an_exchange_on(home, Venue()):
        assert run(["trading", "enable", "--by", "ana", "--reason", "mended"]) == 10
        assert run(["trading", "enable", "--by", "ana", "--reason", "mended", "--confirm", "other"]) == 10
        assert len(latches(home)) == 1
        assert "add --confirm desk" in capsys.readouterr().err
        assert run(["trading", "enable", "--by", "ana", "--reason", "mended", "--confirm", "desk", "--json"]) == 0
    assert latches(home) == []
    document = json.loads(capsys.readouterr().out)
    assert [one["source"] for one in document["cleared"]] == ["trading disable"]
    entry = list(read(home / "logs" / "desk"))[-1]
    assert (entry.event, entry.actor, entry.data["sources"]) == ("latch_cleared", "ana", ["trading disable"])


def test_enabling_needs_the_exchange_to_answer(home: Path) -> None:
    run(["trading", "disable"])
    assert run(["trading", "enable", "--by", "ana", "--reason", "x", "--confirm", "desk"]) == 7
    assert len(latches(home)) == 1


def test_enabling_is_refused_while_the_account_is_being_closed(home: Path, capsys: Capture) -> None:
    run(["trading", "disable"])
    with an_exchange_on(home, Venue()):
        with closing(home / ".canary" / "desk"):
            assert run(["trading", "enable", "--by", "ana", "--reason", "x", "--confirm", "desk"]) == 10
        assert "desk is being closed by another process" in capsys.readouterr().err
        assert len(latches(home)) == 1
        assert run(["trading", "enable", "--by", "ana", "--reason", "x", "--confirm", "desk"]) == 0


def test_enabling_is_refused_where_a_closing_began_while_somebody_typed_the_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as meanwhile, an_exchange_on(home, Venue()):
        begin = closing(home / ".canary" / "desk")
        monkeypatch.setattr(switching, "confirm_account", lambda *_: meanwhile.enter_context(begin))
        run(["trading", "disable"])
        assert run(["trading", "enable", "--by", "ana", "--reason", "mended"]) == 10
        assert len(latches(home)) == 1


def test_enabling_is_refused_while_a_position_has_no_stop(home: Path, capsys: Capture) -> None:
    run(["trading", "disable"])
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1"))):
        assert run(["trading", "enable", "--by", "ana", "--reason", "x", "--confirm", "desk"]) == 10
    assert "no stop rests for BTCUSDT" in capsys.readouterr().err
    assert len(latches(home)) == 1


def test_enabling_is_refused_while_the_exchange_holds_what_no_fill_explains(home: Path, capsys: Capture) -> None:
    run(["trading", "disable"])
    with an_exchange_on(home, Venue().hold(position("BTCUSDT", "1")).rest(stop("BTCUSDT"))):
        assert run(["trading", "enable", "--by", "ana", "--reason", "x", "--confirm", "desk"]) == 10
    said = capsys.readouterr().err
    assert "not reconciled: BTCUSDT" in said
    assert "canary run --adopt --account desk" in said
    assert len(latches(home)) == 1


def test_what_was_latched_while_somebody_typed_the_name_stays_latched(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(_name: str, _given: str, _what: str) -> None:
        set_latch(home / ".canary" / "desk", Latch("close-all", "fire", "ben", SystemClock().now()))

    monkeypatch.setattr(switching, "confirm_account", meanwhile)
    run(["trading", "disable", "--reason", "odd"])
    with an_exchange_on(home, Venue()):
        assert run(["trading", "enable", "--by", "ana", "--reason", "mended"]) == 10
    assert [source for source, _, _ in latches(home)] == ["close-all"]
    assert "still latched, set meanwhile: close-all (fire)" in capsys.readouterr().err
    assert read_enabled(home / ".canary" / "desk") is None


@pytest.mark.parametrize("words", [["--by", " ", "--reason", "x"], ["--by", "ana", "--reason", " "]])
def test_a_blank_is_neither_a_name_nor_a_reason(home: Path, words: list[str]) -> None:
    assert run(["trading", "enable", *words, "--confirm", "desk"]) == 2


STOP = HoldLine("order errors", "all entries", "order errors 4 beyond 3 (n=100, orders sent)", waits=False)
ASKED = HoldLine("fill rate", "all entries", "no answer for 2 min", waits=True)


def a_session_holds(home: Path, *holds: HoldLine) -> Path:
    """A session that lives says that its triggers hold these."""
    folder = home / ".canary" / "desk"
    folder.mkdir(parents=True, exist_ok=True)
    write_beat(folder, Beat("run-7", os.getpid(), SystemClock().wall()))
    publish(a_view(headline="REDUCE-ONLY", why="order errors", holds=holds), folder)
    return folder


def test_enabling_lets_go_what_a_living_session_s_triggers_hold_and_says_so(home: Path, capsys: Capture) -> None:
    folder = a_session_holds(home, STOP, ASKED)
    with an_exchange_on(home, Venue()):
        assert run(["trading", "enable", "--by", "ana", "--reason", "keys mended", "--confirm", "desk"]) == 0
    word = read_enabled(folder)
    assert word is not None
    assert (word.by, word.releases) == ("ana", ("order errors",))
    shown = capsys.readouterr()
    assert f"clears 1: all entries held by {STOP.detail}" in shown.err
    assert "Trading enabled on desk by ana; cleared:\n  order errors: all entries (" in shown.out
    assert "fill rate" not in shown.out


def test_a_hold_that_waits_for_an_answer_is_none_that_enabling_lets_go(home: Path, capsys: Capture) -> None:
    folder = a_session_holds(home, ASKED)
    with an_exchange_on(home, Venue()):
        assert run(["trading", "enable", "--by", "ana", "--reason", "hope", "--confirm", "desk"]) == 0
    assert "nothing is latched on desk" in capsys.readouterr().out
    assert read_enabled(folder) is None


def test_what_a_dead_session_said_is_held_is_no_news(home: Path, capsys: Capture) -> None:
    folder = a_session_holds(home, STOP)
    end_beat(folder, "it ended")
    with an_exchange_on(home, Venue()):
        assert run(["trading", "enable", "--by", "ana", "--reason", "hope", "--confirm", "desk"]) == 0
    assert read_enabled(folder) is None


def test_status_and_why_say_which_command_ends_what_is_held(home: Path, capsys: Capture) -> None:
    a_session_holds(home, STOP, ASKED)
    assert run(["trading", "status"]) == 0
    shown = capsys.readouterr()
    assert "order errors: all entries (order errors 4 beyond 3" in shown.out
    assert "no latch" not in shown.out
    assert "cleared only by: canary trading enable --by NAME --reason WHY --account desk" in shown.err
    assert "canary keep --by NAME --reason WHY --account desk" in shown.err
    with an_exchange_on(home, Venue()):
        assert run(["why", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["next"] == "canary trading enable --by NAME --reason WHY --account desk"
    assert [one.rpartition("; ")[2] for one in told["blockers"][-2:]] == [
        told["next"],
        "canary keep --by NAME --reason WHY --account desk answers it",
    ]


def test_a_word_of_an_older_version_lets_no_trigger_go(tmp_path: Path) -> None:
    (tmp_path / "enabled.json").write_text('{"by": "ana", "reason": "x", "at": "2026-02-22T12:00:00+00:00"}')
    word = read_enabled(tmp_path)
    assert word is not None
    assert word.releases == ()


def test_status_asks_the_disk_only(home: Path, capsys: Capture) -> None:
    assert run(["trading", "status"]) == 0
    assert "no latch on desk" in capsys.readouterr().out
    run(["trading", "disable", "--by", "ana", "--reason", "odd"])
    capsys.readouterr()
    assert run(["trading", "status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["latched"], document["latches"][0]["by"]) == (True, "ana")


def test_positions_are_shown_with_their_stops(home: Path, capsys: Capture) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "-2")).rest(stop("BTCUSDT"))
    with an_exchange_on(home, venue):
        assert run(["positions"]) == 0
        text = capsys.readouterr().out
        assert run(["positions", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "LONG" in text and "SHORT" in text and "NO STOP" in text
    assert document["unprotected"] == ["ETHUSDT"]
    assert [one["stop"] for one in document["positions"]] == ["90", None]


def test_positions_of_an_exchange_that_is_silent_are_not_known(home: Path) -> None:
    assert run(["positions"]) == 7
