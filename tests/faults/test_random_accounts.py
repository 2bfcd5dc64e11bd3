"""Random accounts, closed over sockets: verified flat, or exit 6 with a true list. Never "flat" when the exchange
says otherwise."""

import asyncio
import sys
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from canary_cli.core.model import AccountSnapshot, Position, PositionSide
from canary_cli.errors import ExitCode
from canary_cli.session.flattening import FlattenReport
from canary_cli.steps.close_all import CloseResult
from tests.faults.desk import Desk, a_desk
from tests.faults.random_accounts import ACCOUNTS, RandomAccount, furnish, obstruct

SHORT, LONG, AT_ONCE = 25, 200, 5
GIVES_UP, PATIENT = 2.5, 45.0
"""Wall seconds for accounts that cannot become flat, and for all others."""

STORY = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # a race shrinks to nothing
    suppress_health_check=list(HealthCheck),
)


def test_a_random_account_ends_flat_or_with_six_and_a_true_list() -> None:
    seen = close_random_accounts(SHORT)
    assert seen[ExitCode.DONE] > SHORT / 2


@pytest.mark.soak
def test_two_hundred_random_accounts_end_flat_or_with_six_and_a_true_list() -> None:
    seen = close_random_accounts(LONG)
    sys.stdout.write(f"{sum(seen.values())} accounts: {seen[ExitCode.DONE]} flat, {seen[ExitCode.INCOMPLETE]} with 6\n")
    assert seen[ExitCode.DONE] > seen[ExitCode.INCOMPLETE] > 0


def close_random_accounts(count: int) -> dict[ExitCode, int]:
    seen = {ExitCode.DONE: 0, ExitCode.INCOMPLETE: 0}

    async def close_all(accounts: list[RandomAccount]) -> None:
        for code in await asyncio.gather(*(close(account) for account in accounts)):
            seen[code] += 1

    @settings(STORY, max_examples=count // AT_ONCE)
    @given(st.lists(ACCOUNTS, min_size=AT_ONCE, max_size=AT_ONCE))
    def story(accounts: list[RandomAccount]) -> None:
        asyncio.run(close_all(accounts))

    story()
    return seen


async def close(account: RandomAccount) -> ExitCode:
    async with a_desk() as desk:
        await furnish(desk, account)
        past = await desk.exchange.snapshot()
        await obstruct(desk, account)
        known = await told(desk, account, past)
        report = await desk.flatten(known, GIVES_UP if account.lasting else PATIENT, style=account.style)
        assert report.grown == (), report  # nobody else is at work
        code = CloseResult(report, None, True, "", None).result.code
        if code is ExitCode.DONE:
            assert (sellable(desk), desk.resting) == ({}, 0), report
            assert listed(report.dust) == desk.held, report
        else:
            assert account.lasting, report
            assert_true(report, desk)
        return code


async def told(desk: Desk, account: RandomAccount, past: AccountSnapshot) -> AccountSnapshot | None:
    if account.known == "truth" and not account.lasting and not account.faults:
        return await desk.exchange.snapshot()
    return past if account.known == "past" else None


def sellable(desk: Desk) -> dict[tuple[str, PositionSide], Decimal]:
    """What the exchange holds and would sell: whole steps, not under its minimum."""
    rules = desk.rules
    return {
        key: held
        for key, held in desk.held.items()
        if abs(held) // rules[key[0]].market_step * rules[key[0]].market_step >= rules[key[0]].market_min_quantity
    }


def listed(positions: tuple[Position, ...]) -> dict[tuple[str, PositionSide], Decimal]:
    return {(one.symbol, one.position_side): one.quantity for one in positions}


def assert_true(report: FlattenReport, desk: Desk) -> None:
    """What is held stands in the list, in full; where the account could not be read, the report says so."""
    trouble = report.trouble or {}
    if "account" in trouble:
        return
    left = listed(report.left)
    assert left.keys() >= sellable(desk).keys(), report
    for key, held in sellable(desk).items():
        assert abs(left[key]) >= abs(held), report
