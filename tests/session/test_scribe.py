"""What a disk refuses is kept, said, and never taken for safe."""

from datetime import UTC, datetime

import pytest

from canary_cli.journal.record import Record
from canary_cli.session.scribe import Scribe
from canary_cli.session.simulate.journal import MemoryJournal

NOW = datetime(2026, 2, 22, 12, tzinfo=UTC)


class Disk(MemoryJournal):
    """Takes no line while it is `full`, and fails to sync while it is `broken`."""

    full = broken = False

    def append(self, record: Record) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().append(record)

    async def durable(self) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")
        await super().durable()


@pytest.fixture
def disk() -> Disk:
    return Disk(lambda: NOW)


@pytest.fixture
def scribe(disk: Disk) -> Scribe:
    return Scribe(disk, "run-1", "session")


async def test_lines_that_a_full_disk_refuses_wait_in_their_order(disk: Disk, scribe: Scribe) -> None:
    disk.full = True
    for word in ("one", "two"):
        scribe.write("note", data={"word": word})
    assert "No space left" in scribe.catch_up()
    with pytest.raises(OSError, match="No space left"):
        await scribe.durable()
    disk.full = False
    assert scribe.catch_up() == ""
    assert [entry.data["word"] for entry in disk.entries()] == ["one", "two"]


async def test_a_sync_that_failed_is_trouble_until_the_run_begins_again(disk: Disk, scribe: Scribe) -> None:
    scribe.write("note", data={})
    disk.broken = True
    with pytest.raises(OSError, match="Input/output error"):
        await scribe.durable()
    disk.broken = False
    assert "Input/output error; mend the disk" in scribe.catch_up()
    with pytest.raises(OSError, match="mend the disk"):
        await scribe.durable()
