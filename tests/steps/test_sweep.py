"""What the process that goes on closing says while it does."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.journal.latch import Latch, set_latch
from canary_cli.session.flattening import Progress
from canary_cli.steps import sweep
from canary_cli.steps.sweep import left, start_sweeper
from tests.core.trading.venue import position


def test_pairs_are_named_with_what_stands_in_their_way() -> None:
    told = Progress(2.0, 1, 3, (position("BTCUSDT", "1"), position("ETHUSDT", "-2")), {"ETHUSDT": "-4131 no depth"})
    assert left(told) == "left: BTCUSDT 1, ETHUSDT -2; ETHUSDT: -4131 no depth"


def test_an_account_that_cannot_be_read_is_not_an_empty_one() -> None:
    assert left(Progress(2.0, 0, 0, (), {"account": "no answer"})) == "left: not known; account: no answer"


@pytest.mark.parametrize("is_latched", [True, False])
def test_the_sweeper_is_told_where_no_latch_could_be_written(
    is_latched: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it could take a latch that was cleared before it began to look for one that never was, and close on."""
    typed: list[str] = []

    def detached(_account: object, _log: object, *words: str) -> object:
        typed.extend(words)
        raise OSError("no process")

    monkeypatch.setattr(sweep, "_detached", detached)
    account = paper_account(tmp_path, name="desk")
    if is_latched:
        set_latch(account.state_dir, Latch("close-all", "fire", "ana", datetime(2026, 2, 22, tzinfo=UTC)))
    assert start_sweeper(account, None, is_flat=True) is None
    assert ("--unlatched" in typed) is not is_latched
