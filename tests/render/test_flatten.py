"""What a closing says while it runs: a line a second, that stays one."""

import pytest

from canary_cli.render.flatten import show_progress
from canary_cli.session.flattening import Progress
from tests.core.trading.venue import position

LEFT = (position("BTCUSDT", "1"), position("ETHUSDT", "-2"))


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({}, "[00:02] 1 of 3 closed, left: BTCUSDT 1, ETHUSDT -2"),
        ({"ETHUSDT": "-4131"}, "[00:02] 1 of 3 closed, left: BTCUSDT 1, ETHUSDT -2 (-4131)"),
        (
            dict.fromkeys(("BTCUSDT", "ETHUSDT"), "silent"),
            "[00:02] 1 of 3 closed, left: BTCUSDT 1, ETHUSDT -2 (silent)",
        ),
        ({"account": "silent"}, "[00:02] 1 of 3 closed, left: BTCUSDT 1, ETHUSDT -2 (silent)"),
    ],
)
def test_what_is_in_the_way_of_all_is_said_once(
    trouble: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_progress(Progress(2.0, 1, 3, LEFT, trouble))
    assert capsys.readouterr().err == f"{said}\n"
