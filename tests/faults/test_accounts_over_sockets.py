"""What can be wrong with clocks, keys, rules and prices, each against the paper exchange over sockets, by its row."""

from pathlib import Path

import pytest

from canary_cli.core.model import Side
from canary_cli.core.trading.conditions import DATABASE
from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.flatten import Outcome
from canary_cli.core.trading.inputs import ConditionChanged
from canary_cli.errors import ExchangeUnreachable
from canary_cli.session import skew
from tests.faults.desk import a_desk
from tests.faults.trader import a_trader

BTC = "BTCUSDT"


@pytest.mark.parametrize("milliseconds", [2000, -2000])
async def test_row_41_a_clock_two_seconds_off_is_measured_again_and_the_order_goes_through(
    tmp_path: Path, milliseconds: int
) -> None:
    """+2 s and -2 s"""
    async with a_trader(tmp_path) as trader:
        trader.desk.fault("clock_skew", milliseconds=milliseconds)
        await trader.enter()
        await trader.agreed()
        assert len(trader.intents(Purpose.ENTRY)) == 1


async def test_row_41_a_clock_that_stays_off_opens_nothing_until_it_is_right_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skew, "LOOK_EVERY", 0.05)
    async with a_trader(tmp_path) as trader:
        trader.desk.fault("clock_skew", lasting=20, milliseconds=-2000)
        await trader.until(lambda: skew.SKEW in trader.state.conditions, "the condition")
        trader.signal()
        await trader.until(lambda: trader.events("risk_refused"), "the refusal")
        await trader.until(lambda: skew.SKEW not in trader.state.conditions, "the time of health", within=20.0)
        await trader.enter("ETHUSDT")
        assert len(trader.intents(Purpose.ENTRY)) == 1


async def test_row_12_the_session_hears_how_much_of_the_order_rate_is_used(tmp_path: Path) -> None:
    async with a_trader(tmp_path, speed=1.0) as trader:
        trader.desk.venue.limits.spend_orders(100, 100, trader.desk.clock.wall().timestamp())
        trader.signal()
        await trader.until(lambda: trader.state.quota_used > 8, "the count")


async def test_row_42_a_reply_nine_seconds_late_costs_three_and_is_asked_about(tmp_path: Path) -> None:
    """given up after 2.5 to 4.5 s of wall time"""
    async with a_trader(tmp_path, speed=5.0) as trader:
        trader.desk.fault("latency", on=r"^POST /fapi/v1/order$", milliseconds=9000, first=1)
        trader.signal()
        took = await trader.until(lambda: trader.events("order_unknown"), "the deadline")
        assert 2.5 < took < 4.5
        assert len(trader.intents(Purpose.ENTRY)) == 1


async def test_row_43_a_revoked_key_is_said_plainly_and_opens_nothing(tmp_path: Path) -> None:
    async with a_desk(home=tmp_path) as desk:
        desk.by_hand(revoke=desk.account.api_key)
        with pytest.raises(ExchangeUnreachable, match="key"):
            await desk.exchange.snapshot()


async def test_row_43_a_key_that_loses_its_right_to_trade_opens_nothing_and_its_stops_stay(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        account = trader.desk.account
        trader.desk.by_hand(key={"name": account.api_key, "secret": account.api_secret, "can_trade": False})
        trader.signal("ETHUSDT")
        await trader.until(lambda: trader.events("order_rejected"), "the refusal")
        assert trader.events("order_rejected")[0].data["code"] == -2015
        await trader.agreed()
        assert list(trader.theirs) == [BTC]
        report = await trader.desk.flatten(deadline=1.0)
        assert report.outcome is Outcome.INCOMPLETE
        assert "-2015" in (report.trouble or {})[BTC]
        assert trader.desk.resting == 2  # its stop and its target


async def test_row_44_a_locked_account_refuses_entries_and_lets_exits_pass(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        trader.desk.by_hand(locked=True)
        assert [lock.symbol for lock in await trader.desk.exchange.trading_locks()]
        trader.signal("ETHUSDT")
        await trader.until(lambda: trader.events("order_rejected"), "the refusal")
        trader.signal(BTC, Side.SELL)  # turns: the exit passes, the entry behind it does not
        await trader.until(lambda: BTC not in trader.theirs, "the exit")
        await trader.agreed()


async def test_row_44_filters_that_change_while_we_trade_refuse_and_break_nothing(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        trader.desk.market(kind="filters", symbols=[BTC], filters={"market_max_quantity": "0.001"})
        trader.signal()
        await trader.until(lambda: trader.events("order_rejected"), "the refusal")
        await trader.agreed()
        assert trader.theirs == {}


async def test_row_29_without_a_database_nothing_is_opened_and_everything_closes(tmp_path: Path) -> None:
    """no entries within 2 s"""
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        began = trader.desk.clock.monotonic()
        trader.session.post(ConditionChanged(trader.desk.clock.now(), DATABASE, True, "no answer"))
        await trader.until(lambda: DATABASE in trader.state.conditions)
        assert trader.desk.clock.monotonic() - began < 2.0
        trader.signal("ETHUSDT")
        await trader.until(lambda: trader.events("risk_refused"), "the refusal")
        trader.signal(BTC, Side.SELL)
        await trader.until(lambda: not trader.theirs, "the exit")
        await trader.agreed()
        assert len(trader.intents(Purpose.ENTRY)) == 1


async def test_row_54_one_signal_a_thousand_times_is_one_order(tmp_path: Path) -> None:
    """1,000 signals, 1 order, 999 refusals"""
    async with a_trader(tmp_path) as trader:
        for _ in range(1000):
            trader.signal()
        await trader.until(lambda: len(trader.events("risk_refused")) == 999, "the refusals")
        await trader.until(lambda: trader.ours, "the one entry")
        await trader.agreed()
        assert len(trader.intents(Purpose.ENTRY)) == 1


@pytest.mark.parametrize("distance", ["0.00001", "0.99"])
async def test_row_54_an_absurd_stop_distance_never_exceeds_the_caps(tmp_path: Path, distance: str) -> None:
    async with a_trader(tmp_path) as trader:
        equity = trader.state.equity
        assert equity is not None
        trader.signal(distance=distance)
        await trader.until(lambda: trader.ours or trader.events("risk_refused"), "a judgement")
        asked = [one.quantity * one.decision_price for one in trader.intents(Purpose.ENTRY)]
        assert sum(asked) <= equity * 3


@pytest.mark.parametrize("move", ["deposit", "withdraw"])
async def test_row_03_money_moved_during_a_phase_is_neither_won_nor_lost(tmp_path: Path, move: str) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        before = trader.state.wallet
        trader.desk.by_hand(**{move: "500000"})
        await trader.until(lambda: trader.state.wallet is not None and abs(trader.state.wallet - before) > 400_000)
        marked = trader.state.marks
        await trader.until(lambda: trader.state.marks is not marked, "the next mark")
        assert trader.state.drawdown_pct is not None and trader.state.drawdown_pct > -1
        assert not trader.stops


async def test_row_03_money_withdrawn_during_a_gap_is_found_in_the_income_and_is_no_loss(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        before = trader.state.wallet
        trader.desk.fault("silence", on="private", lasting=10.0)
        trader.desk.by_hand(withdraw="500000")
        trader.desk.fault("close", on="private")
        await trader.until(lambda: before - trader.state.wallet > 400_000, "the reading")
        assert not [entry for entry in trader.events("wallet") if entry.data["reason"] == "WITHDRAW"]
        marked = trader.state.marks
        await trader.until(lambda: trader.state.marks is not marked, "the next mark")
        assert trader.state.drawdown_pct is not None and trader.state.drawdown_pct > -1
        assert not trader.stops
