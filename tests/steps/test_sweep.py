"""What the process that goes on closing says while it does."""

from canary_cli.session.flattening import Progress
from canary_cli.steps.sweep import left
from tests.core.trading.venue import position


def test_pairs_are_named_with_what_stands_in_their_way() -> None:
    told = Progress(2.0, 1, 3, (position("BTCUSDT", "1"), position("ETHUSDT", "-2")), {"ETHUSDT": "-4131 no depth"})
    assert left(told) == "left: BTCUSDT 1, ETHUSDT -2; ETHUSDT: -4131 no depth"


def test_an_account_that_cannot_be_read_is_not_an_empty_one() -> None:
    assert left(Progress(2.0, 0, 0, (), {"account": "no answer"})) == "left: not known; account: no answer"
