"""Reading back, proving the chain, following it, and finding the newest run."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.journal.files import lines_backwards
from canary_cli.journal.reader import last_run, read, verify_chain
from canary_cli.journal.record import Record
from canary_cli.journal.tail import Tail, follow
from tests.journal.conftest import START


@pytest.fixture
def three_days(open_journal, folder: Path) -> Path:
    from datetime import timedelta

    for day in range(3):
        journal = open_journal(START + timedelta(days=day))
        journal.append(Record("run_started", run_id=f"run-{day}"))
        journal.append(Record("note"))
    return folder


def test_reading_starts_where_it_is_asked_to(three_days: Path):
    assert [entry.seq for entry in read(three_days)] == [1, 2, 3, 4, 5, 6]
    for after in range(8):
        assert [entry.seq for entry in read(three_days, after_seq=after)] == list(range(after + 1, 7))


def test_one_run_is_read_by_its_id(three_days: Path):
    assert [entry.seq for entry in read(three_days, run_id="run-1")] == [3]


def test_the_newest_run_is_found(three_days: Path, tmp_path: Path):
    run = last_run(three_days)
    assert run is not None
    assert run.run_id == "run-2"
    assert last_run(tmp_path / "nothing") is None


def test_no_journal_is_an_empty_and_sound_one(tmp_path: Path):
    assert list(read(tmp_path / "nothing")) == []
    assert verify_chain(tmp_path / "nothing").ok


def edit(line: bytes) -> bytes:
    return line.replace(b'"note"', b'"fine"')


@pytest.mark.parametrize(
    ("number", "change", "first_bad"),
    [
        (2, edit, "audit-2026-02-23.jsonl:1"),
        (4, lambda _: b"", "audit-2026-02-24.jsonl:1"),
        (1, lambda _: b"", "audit-2026-02-22.jsonl:1"),
        (3, lambda _: b"garbage\n", "audit-2026-02-23.jsonl:2"),
    ],
)
def test_a_line_that_is_missing_or_edited_shows(three_days: Path, number: int, change, first_bad: str):
    path = sorted(three_days.glob("*.jsonl"))[(number - 1) // 2]
    lines = path.read_bytes().splitlines(keepends=True)
    lines[(number - 1) % 2] = change(lines[(number - 1) % 2])
    path.write_bytes(b"".join(lines))
    report = verify_chain(three_days)
    assert (report.ok, report.first_bad) == (False, first_bad)


def test_a_tail_hands_out_each_entry_once_and_no_half_lines(open_journal, folder: Path):
    journal = open_journal()
    tail = Tail(folder)
    assert tail.new() == []
    journal.append(Record("one"))
    journal.append(Record("two"))
    assert [entry.event for entry in tail.new(limit=1)] == ["one"]
    assert [entry.event for entry in tail.new()] == ["two"]
    with (folder / "audit-2026-02-22.jsonl").open("ab") as crashed:
        crashed.write(b'{"half')
    assert tail.new() == []
    open_journal().append(Record("three"))
    assert [entry.event for entry in tail.new()] == ["journal_torn", "three"]


async def test_following_pauses_when_there_is_nothing_new(open_journal, folder: Path):
    journal = open_journal()
    pauses = 0

    async def pause() -> None:
        nonlocal pauses
        pauses += 1
        journal.append(Record(f"after pause {pauses}"))

    journal.append(Record("first"))
    seen = []
    async for entry in follow(folder, pause):
        seen.append(entry.event)
        if len(seen) == 3:
            break
    assert seen == ["first", "after pause 1", "after pause 2"]


def test_what_is_newer_and_what_an_event_tells_is_found_wherever_it_lies(open_journal, folder: Path):
    """The newest lines are looked for from the end, and lines of other events are passed over unread."""
    journal = open_journal()
    for number in range(40):
        journal.append(Record("fill" if number % 3 else "equity", run_id="r", data={"event": "equity", "n": number}))
    everything = list(read(folder))
    for after in (0, 1, 20, 39, 40, 99):
        assert list(read(folder, after_seq=after)) == [entry for entry in everything if entry.seq > after]
    assert list(read(folder, events=("equity",))) == [entry for entry in everything if entry.event == "equity"]
    assert list(read(folder, after_seq=20, events=("equity", "no such"))) == [
        entry for entry in everything if entry.seq > 20 and entry.event == "equity"
    ]


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 50))
def test_lines_backwards_are_the_lines_reversed(tmp_path_factory, content: bytes, block: int):
    path = tmp_path_factory.getbasetemp() / "backwards"
    path.write_bytes(content)
    assert list(lines_backwards(path, block)) == content.split(b"\n")[::-1]
