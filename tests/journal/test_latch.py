"""The latch fails closed: what cannot be read is set, and what is set stays set until somebody clears it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary_cli.journal.latch import UNREADABLE, Latch, clear_latches, latch_file, read_latches, set_latch

AT = datetime(2026, 2, 22, 11, 15, tzinfo=UTC)
ROLLBACK = Latch("rollback", "breaker at -3 %", "session", AT)
RESTORE = Latch("restore-db", "restored an older ledger", "ops", AT)


def test_no_file_is_no_latch(tmp_path: Path):
    assert read_latches(tmp_path / "never") == ()


def test_several_sources_are_set_and_one_is_cleared(tmp_path: Path):
    set_latch(tmp_path, ROLLBACK)
    set_latch(tmp_path, RESTORE)
    assert read_latches(tmp_path) == (ROLLBACK, RESTORE)
    assert clear_latches(tmp_path, (RESTORE,)) == (RESTORE,)
    assert read_latches(tmp_path) == (ROLLBACK,)
    assert clear_latches(tmp_path, (ROLLBACK, RESTORE)) == (ROLLBACK,)
    assert read_latches(tmp_path) == ()


def test_a_source_set_twice_keeps_its_first_reason(tmp_path: Path):
    set_latch(tmp_path, ROLLBACK)
    later = AT + timedelta(hours=1)
    set_latch(tmp_path, Latch("rollback", "again", "somebody", later))
    assert read_latches(tmp_path) == (replace(ROLLBACK, again=later),)


def test_what_was_set_after_somebody_looked_stays_set(tmp_path: Path):
    set_latch(tmp_path, ROLLBACK)
    seen = read_latches(tmp_path)
    set_latch(tmp_path, RESTORE)
    set_latch(tmp_path, Latch("rollback", "again", "somebody", AT))
    assert clear_latches(tmp_path, seen) == ()
    assert [latch.source for latch in read_latches(tmp_path)] == ["rollback", "restore-db"]


@pytest.mark.parametrize("content", [b"", b"[", b"{}x", b'[{"source":"a"}]', b"\xff\xfe", b"[1]", b'{"a":1}'])
def test_a_file_nobody_understands_is_a_latch(tmp_path: Path, content: bytes):
    latch_file(tmp_path).write_bytes(content)
    assert [latch.source for latch in read_latches(tmp_path)] == [UNREADABLE]
    set_latch(tmp_path, ROLLBACK)
    assert [latch.source for latch in read_latches(tmp_path)] == [UNREADABLE, "rollback"]


def test_a_file_that_cannot_be_opened_is_a_latch(tmp_path: Path):
    latch_file(tmp_path).mkdir()
    assert [latch.source for latch in read_latches(tmp_path)] == [UNREADABLE]


def test_a_failed_write_leaves_the_old_latch(tmp_path: Path, monkeypatch):
    import os

    set_latch(tmp_path, ROLLBACK)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        clear_latches(tmp_path, (ROLLBACK,))
    assert read_latches(tmp_path) == (ROLLBACK,)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".new")] == []
