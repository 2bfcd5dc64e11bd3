"""What must keep a run from starting, each against the paper exchange over sockets, by its row's number."""

from dataclasses import replace
from pathlib import Path

import pytest

from canary_cli.bootstrap import World
from canary_cli.core.binance.client import BinanceExchange
from canary_cli.core.policy.checks import Status
from canary_cli.errors import ExchangeUnreachable
from canary_cli.steps.preflight import exchange as checks
from canary_cli.steps.preflight.scene import Scene
from tests.faults.desk import Desk, a_desk
from tests.faults.trader import GOLIVE


def scene_of(desk: Desk) -> Scene:
    world = World(desk.account)
    world.exchange = desk.exchange
    return Scene(world, GOLIVE)


async def test_row_24_hedge_mode_stops_preflight_which_changes_nothing(tmp_path: Path) -> None:
    async with a_desk(home=tmp_path) as desk:
        desk.by_hand(hedge=True)
        finding = await checks.account_mode(scene_of(desk))
        assert (finding.status, finding.evidence) == (Status.FAIL, "hedge mode")
        assert (await desk.exchange.snapshot()).mode.hedge


async def test_row_44_a_locked_account_stops_preflight(tmp_path: Path) -> None:
    async with a_desk(home=tmp_path) as desk:
        desk.by_hand(locked=True)
        finding = await checks.trading_status(scene_of(desk))
        assert finding.status is Status.FAIL
        assert "locked by" in finding.evidence


async def test_row_43_a_key_that_was_revoked_stops_preflight(tmp_path: Path) -> None:
    async with a_desk(home=tmp_path) as desk:
        desk.by_hand(revoke=desk.account.api_key)
        with pytest.raises(ExchangeUnreachable, match="key"):
            await checks.keys(scene_of(desk))


def live(desk: Desk, **rights: object) -> Scene:
    """The desk's key with these rights, on an account that asks what its key may do, as a live one does."""
    desk.by_hand(key={"name": desk.account.api_key, "secret": desk.account.api_secret, **rights})
    account = replace(desk.account, kind="live")
    desk.exchange = BinanceExchange(account, desk.clock)
    return scene_of(desk)


@pytest.mark.parametrize(("rights", "status", "evidence"), [
    ({}, Status.PASS, "trading allowed"),
    ({"can_trade": False}, Status.FAIL, "may not trade futures"),
    ({"can_withdraw": True}, Status.FAIL, "may withdraw"),
    ({"ip_restricted": False}, Status.WARN, "works from any address"),
])  # fmt: skip
async def test_row_43_what_a_live_key_may_do_is_asked_before_it_is_used(
    tmp_path: Path, rights: dict[str, bool], status: Status, evidence: str
) -> None:
    async with a_desk(home=tmp_path) as desk:
        await desk.exchange.close()
        finding = await checks.keys(live(desk, **rights))
        assert finding.status is status
        assert evidence in finding.evidence


async def test_row_43_a_key_that_is_not_listed_for_this_address_stops_preflight(tmp_path: Path) -> None:
    async with a_desk(home=tmp_path) as desk:
        await desk.exchange.close()
        with pytest.raises(ExchangeUnreachable, match="-2015") as refused:
            await checks.keys(live(desk, addresses=["203.0.113.7"]))
        assert "127.0.0.1" in refused.value.message
        assert "allowed addresses" in refused.value.hint
        assert desk.account.api_secret not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize("status", ["TRADING_HALT", "SETTLING"])
async def test_row_44_a_pair_that_does_not_trade_stops_preflight(tmp_path: Path, status: str) -> None:
    async with a_desk(home=tmp_path) as desk:
        desk.market(kind="status", symbols=["BTCUSDT"], value=status)
        finding = await checks.symbols(scene_of(desk))
        assert finding.status is Status.FAIL
        assert f"BTCUSDT is {status}" in finding.evidence
