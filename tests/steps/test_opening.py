"""A run that begins again finds its rollback cut short: whatever else is wrong, that goes on."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.bootstrap import World
from canary_cli.core.trading.inputs import RollBack
from canary_cli.core.trading.state import Held
from canary_cli.steps import opening
from canary_cli.steps.plan import load_plan
from canary_cli.steps.run import Run
from tests.docs.commands import ROOT
from tests.steps.test_phases import Watched


@pytest.fixture
async def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """It holds a position, and has not agreed with the exchange yet."""
    monkeypatch.setattr(opening, "RECONCILE_WITHIN", timedelta(seconds=0.1))
    async with World(paper_account(tmp_path)) as world:
        plan = load_plan(ROOT / "runbooks" / "golive.toml", ROOT)
        run = Run(world, plan, Path("golive.toml"), "run-7", world.clock.now(), 1)
        run.session = session = Watched(run)  # type: ignore[assignment]
        session.run = run
        held = Held("BTCUSDT", Decimal(1), Decimal(100), run.now)
        session.state = replace(session.state, held={"BTCUSDT": held})
        yield session


@pytest.mark.parametrize("found", [{}, {"mismatch": "BTCUSDT: the exchange holds 2, our fills say 1"}])
async def test_a_rollback_that_was_cut_short_goes_on_though_the_account_cannot_be_read_or_differs(
    session: Watched, found: dict[str, str]
) -> None:
    """The run would end and tell the watchdog that this is meant, with the position open and nobody closing."""
    session.state = replace(session.state, latches={"rollback": "breaker: -3 %", **found})
    await opening._reconciled(session.run)
    assert [one.detail for one in session.posted if isinstance(one, RollBack)] == ["breaker: -3 %"]


async def test_a_run_that_was_not_rolling_back_asks_a_person_first(session: Watched) -> None:
    assert (await opening._reconciled(session.run)).word == "NOT RECONCILED"
    assert session.posted == []
