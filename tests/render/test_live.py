"""The live view: what matters is on it at every size, and what is wrong is never what is cut."""

import io
from datetime import timedelta
from decimal import Decimal

import pytest
from rich.console import Console

from canary_cli.core.policy.breaker import BreakerLimits
from canary_cli.render.live import LiveView, frame, shares
from canary_cli.session.view import RunView
from tests.render.views import at, view


def drawn(shown: RunView, width: int = 80, height: int = 40, encoding: str = "utf-8") -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, height=height, markup=False, emoji=False, highlight=False)
    console.print(frame(shown, console))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 50), (120, 30), (200, 60)])
def test_it_fits_and_holds_what_an_operator_needs(width: int, height: int) -> None:
    lines = drawn(view(), width, height).splitlines()
    assert len(lines) <= height
    assert max(len(line) for line in lines) <= width
    text = "\n".join(lines)
    for needed in (
        "RUNNING",
        "rehearsal:7f3a PAPER",
        "2026-02-22 11:42:00 UTC",
        "speed 120x",
        "size 50% intended, 0.42 x equity open",
        "1 h 18 min left",
        "$9,955.50",
        "breaker ARMED",
        "slippage_mean",
        "NO STOP",
        "event number 29",
        "canary close-all --account rehearsal:7f3a",
    ):
        assert needed in text, needed


def test_the_longest_countdown_is_whole_at_80_columns() -> None:
    assert "59 min 59 s left" in drawn(view(now=at(120) + timedelta(seconds=1)))


def test_why_it_stopped_stands_beside_the_headline() -> None:
    assert "STOPPED  latched by breaker" in drawn(view(headline="STOPPED", why="latched by breaker"))


def test_what_is_wrong_is_shown_before_what_is_fine_when_there_is_little_room() -> None:
    text = drawn(view(), 80, 24)
    assert text.index("orders ") < text.index("slippage_mean") < text.index("latency_p95")
    assert "more checks" in text
    assert text.index("SOLUSDT") < text.index("BTCUSDT")  # the one without a stop


def test_each_check_shows_value_operator_limit_and_count() -> None:
    assert "latency_p95             212.4 <  500    n=42" in drawn(view(), 80, 60)


def test_the_drawdown_curve_has_the_breakers_line_as_the_plan_has_it() -> None:
    assert "-3 % breaker" in drawn(view(), 80, 50)
    text = drawn(view(limits=BreakerLimits(Decimal(-1), Decimal(-4))), 80, 50)
    curve = text[text.index("0 %") :].splitlines()
    assert "-1 % pre-trip" in curve[1]
    assert "-4 % breaker" in curve[4]
    assert "no readings yet" in drawn(view(equity_series=()), 80, 50)


def test_nothing_known_yet_still_draws() -> None:
    empty = view(
        phases=(), checks=(), positions=(), events=(), equity=None, peak=None, drawdown_pct=None, why="x" * 300
    )
    assert "no readings yet" in drawn(empty, 80, 24)


def test_plain_terminals_get_ascii_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(view(), 80, 50, encoding="ascii").isascii()
    monkeypatch.setenv("TERM", "dumb")
    assert drawn(view(), 120, 50).isascii()


def test_brackets_in_messages_stay_brackets() -> None:
    assert "[red]rejected[/red]" in drawn(view(headline="STOPPED", why="[red]rejected[/red]"))


def test_room_is_shared_in_turn_and_never_beyond_what_is_wanted() -> None:
    assert shares(10, (2, 20, 3)) == (2, 5, 3)
    assert shares(2, (5, 5, 5)) == (1, 1, 1)
    assert shares(100, (2, 0, 1)) == (2, 1, 1)


def test_the_last_frame_is_left_behind() -> None:
    console = Console(file=io.StringIO(), width=80, height=40, force_terminal=False)
    with LiveView(console) as live:
        live.show(view())
        live.show(view(headline="STOPPED", why="the end"))
    assert "STOPPED  the end" in console.file.getvalue()  # type: ignore[attr-defined]
