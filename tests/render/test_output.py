"""Data on stdout, words on stderr, money as strings, times in UTC, and no colour where none is wanted."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.render import figures, output
from canary_cli.render.output import Mark


@dataclass(frozen=True)
class Thing:
    price: Decimal
    at: datetime
    mark: Mark


def test_a_document_has_its_version_money_as_strings_and_times_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    lisbon = timezone(timedelta(hours=1))
    output.print_document({"thing": Thing(Decimal("0.10"), datetime(2026, 2, 22, 11, tzinfo=lisbon), Mark.GOOD)})
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["thing"] == {"price": "0.10", "at": "2026-02-22T10:00:00.000Z", "mark": "✓"}


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="names no zone"):
        output.plain({"at": datetime(2026, 2, 22)})


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_event({"spans": [timedelta(seconds=2)], "names": ("a", "b")})
    assert capsys.readouterr().out == '{"schema_version": 1, "spans": [2.0], "names": ["a", "b"]}\n'


def test_the_account_is_named_on_stderr(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    output.announce(paper_account(tmp_path, name="rehearsal:7f3a"))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "ACCOUNT rehearsal:7f3a PAPER\n")


def test_no_line_is_folded_coloured_or_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    text = "[bold]" + "word " * 100 + ":smile:"
    output.line(text, style="bold red")
    assert capsys.readouterr().out == text + "\n"


def test_marks_have_ascii_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert all(output.glyph(mark, output.stdout()).isascii() for mark in Mark)
    monkeypatch.setenv("TERM", "xterm")
    assert len({output.glyph(mark, output.stdout()) for mark in Mark}) == len(Mark)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (figures.money(Decimal("-124.319")), "-$124.32"),
        (figures.money(Decimal("342.5"), signed=True), "+$342.50"),
        (figures.money(Decimal("-0.001")), "$0.00"),
        (figures.mark(Decimal("106202.50000000")), "106,202.50"),
        (figures.mark(Decimal("0.81834000")), "0.81834"),
        (figures.mark(Decimal("4")), "4.00"),
        (figures.money(None), "-"),
        (figures.number(Decimal("212.400")), "212.4"),
        (figures.number(Decimal("1E+3")), "1,000"),
        (figures.percent(Decimal("-0.001")), "0.00%"),
        (figures.percent(Decimal("-3.049")), "-3.05%"),
        (figures.share(Decimal("0.1")), "10%"),
        (figures.duration(timedelta(milliseconds=4)), "4 ms"),
        (figures.duration(timedelta(seconds=45)), "45 s"),
        (figures.duration(timedelta(minutes=47)), "47 min 00 s"),
        (figures.duration(timedelta(days=1, hours=2)), "1 d 02 h"),
        (figures.duration(timedelta(seconds=-45)), "-45 s"),
        (figures.day(datetime(2026, 2, 22, tzinfo=UTC)), "22 FEV"),
    ],
)
def test_figures_read_the_same_everywhere(text: str, expected: str) -> None:
    assert text == expected
