"""Limits as a live session meets them: drawdown, broken figures, error rates, gates, flapping metrics, by row."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.core.model import Side
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.policy.gates import Evidence, Verdict, judge
from canary_cli.core.policy.plan import Plan
from canary_cli.core.trading.events import AccountUpdated, MarksUpdated, Stream
from canary_cli.core.trading.facts import Purpose
from canary_cli.core.trading.protection import closing
from canary_cli.core.trading.standing import session_readings
from canary_cli.paper.configuring import set_leverage
from tests.core.trading.conftest import Desk as Decider
from tests.faults.trader import PHASE, Trader, a_trader, the_plan

BTC, ETH = "BTCUSDT", "ETHUSDT"
ORDERS = "^POST /fapi/v1/order$"
LONG = 600.0  # seconds of plan time that silence is not what rolls back
HAIR = Decimal("1e-12")  # USDT: what rounding a mark may cost


def the_breaker_alone() -> Plan:
    """Without the tighter limits of drawdown that a phase's own gate has."""
    plan = the_plan()
    gates = [replace(p.gate, checks=tuple(c for c in p.gate.checks if c.metric != "drawdown")) for p in plan.phases]
    return replace(plan, phases=tuple(replace(p, gate=gate) for p, gate in zip(plan.phases, gates, strict=True)))


def mark_down(trader: Trader, pct: str) -> None:
    """Marks come in that leave equity so many percent below its peak, what is held losing equal parts of it."""
    state = trader.state
    assert state.peak is not None and state.wallet is not None
    loss = state.wallet - state.peak * (100 - Decimal(pct)) / 100 + HAIR
    marks = {symbol: held.entry_price - loss / len(state.held) / held.quantity for symbol, held in state.held.items()}
    trader.session.post(MarksUpdated(trader.desk.clock.now(), marks))


async def only_our_marks(trader: Trader) -> None:
    """The exchange's own are silent from now on, and those on their way have come in."""
    trader.desk.fault("silence", on="markPrice")
    quiet = timedelta(seconds=5)
    await trader.until(lambda: trader.desk.clock.now() - trader.state.heard[Stream.MARKET] > quiet, "the silence")


async def test_row_01_drawdown_trips_at_its_limit_and_not_a_hundredth_before(tmp_path: Path) -> None:
    """-2.99 %: entries stop; -3.00 %: rollback"""
    async with a_trader(tmp_path, silence=LONG, plan=the_breaker_alone()) as trader:
        await trader.enter()
        await only_our_marks(trader)
        mark_down(trader, "2.99")
        await trader.until(lambda: trader.state.breaker.zone is Zone.PRE_TRIP, "the warning")
        assert (trader.stops, trader.state.latches) == ([], {})
        mark_down(trader, "3.00")
        await trader.until(lambda: trader.stops, "the trip")
        assert trader.stops[0].cause == "breaker"
        assert [one.symbol for one in trader.stops[0].known.positions] == [BTC]
        assert [one.data["zone"] for one in trader.events("breaker")] == ["PRE_TRIP", "TRIGGERED"]


async def test_row_02_what_is_lost_on_paper_only_trips_too(tmp_path: Path) -> None:
    """3 % unrealized over two positions, not a cent realized"""
    async with a_trader(tmp_path, silence=LONG, plan=the_breaker_alone()) as trader:
        await trader.enter(BTC)
        await trader.enter(ETH, Side.SELL)
        await only_our_marks(trader)
        mark_down(trader, "3.00")
        await trader.until(lambda: trader.stops, "the trip")
        assert trader.stops[0].cause == "breaker"
        assert all(Decimal(one.data["realized"]) == 0 for one in trader.events("fill"))
        assert len(trader.theirs) == 2


@pytest.mark.parametrize("mark", ["NaN", "0", "-1"])
async def test_row_04_equity_that_is_no_number_opens_nothing_and_loses_nothing(tmp_path: Path, mark: str) -> None:
    async with a_trader(tmp_path, silence=LONG) as trader:
        await trader.enter()
        await only_our_marks(trader)
        trader.session.post(MarksUpdated(trader.desk.clock.now(), {BTC: Decimal(mark)}))
        trader.signal(ETH)  # before a reading of the account tells a mark again
        await trader.until(lambda: trader.events("risk_refused"), "the refusal")
        assert trader.events("risk_refused")[0].risk_gate == "no-equity"
        assert (trader.state.breaker.zone, trader.stops) == (Zone.ARMED, [])


async def test_row_04_a_position_whose_mark_is_no_number_is_rolled_back_as_in_silence(tmp_path: Path) -> None:
    """after 30 s of plan time"""
    async with a_trader(tmp_path, speed=15.0) as trader:
        await trader.enter()
        trader.desk.fault("silence", on="markPrice")

        def told_nonsense() -> bool:
            marks = {**trader.desk.marks, BTC: Decimal("NaN")}
            trader.session.post(MarksUpdated(trader.desk.clock.now(), marks))
            return bool(trader.stops)

        await trader.until(told_nonsense, "the rollback", within=20.0)
        assert trader.stops[0].cause == "market-stream"


async def test_row_04_a_mark_too_old_opens_nothing(tmp_path: Path) -> None:
    """no entries from 15 s of plan time on, which is 1.5 s of wall time"""
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        trader.desk.fault("silence", on="markPrice")
        await trader.until(lambda: "market-stale" in trader.state.conditions, "the condition")
        trader.signal(ETH)
        await trader.until(lambda: trader.events("risk_refused"), "the refusal")
        assert len(trader.intents(Purpose.ENTRY)) == 1


async def test_leverage_is_what_the_exchange_tells_also_when_another_hand_sets_it(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.until(lambda: trader.state.leverages.get(ETH) == 20, "the leverage read")
        set_leverage(trader.desk.venue.engine.state, ETH, 1)
        await trader.until(lambda: trader.state.leverages[ETH] == 1, "the leverage told")
        assert [(entry.pair, entry.reason) for entry in trader.events("leverage_changed")] == [
            (ETH, "leverage 20x became 1x")
        ]


def errors_above_five_percent() -> Plan:
    """Only the trigger that rolls back, speaking from one error on, and entries as fast as they come."""
    plan = the_plan()
    kept = [replace(t, min_errors=1) for t in plan.triggers if t.name == "order errors, 5 %"]
    return replace(plan, triggers=tuple(kept), risk=replace(plan.risk, duplicate_window=timedelta()))


async def test_row_37_one_error_of_one_or_of_twenty_is_within_the_limit_and_two_of_twenty_one_are_not(
    tmp_path: Path,
) -> None:
    """100 % of 1 order: too few; 5.0 % of 20: at the limit; 9.5 % of 21: rollback"""
    async with a_trader(tmp_path, plan=errors_above_five_percent()) as trader:
        await refuse_an_entry(trader, BTC)
        await trader.enter(BTC)
        for side in (Side.SELL, Side.BUY) * 2:  # an exit, an entry, its stop and its target
            await turn(trader, side)
        await trader.until(lambda: rate(trader)[1] == 20, "the last reply")
        assert rate(trader)[0] == 5
        ticked = trader.state.ticked
        await trader.until(lambda: trader.state.ticked != ticked, "a tick")
        assert trader.stops == []
        await refuse_an_entry(trader, ETH)
        await trader.until(lambda: trader.stops, "the rollback")
        assert trader.stops[0].cause == "order errors, 5 %"


async def turn(trader: Trader, side: Side) -> None:
    """Its entry is asked for again where a reading that fell between the two has put it off."""
    await trader.until(lambda: trader.state.reconciled and not closing(trader.state, BTC), "the exit before")
    trader.signal(BTC, side)

    def turned() -> bool:
        held = trader.state.held.get(BTC)
        if held is None and trader.state.reconciled and not closing(trader.state, BTC):
            trader.signal(BTC, side)
        return held is not None and held.side is side

    await trader.until(turned, f"the turn to {side}")
    await trader.agreed()


async def refuse_an_entry(trader: Trader, symbol: str) -> None:
    await trader.until(lambda: trader.state.reconciled, "a reading that agrees")
    told = len(trader.events("order_rejected"))
    trader.desk.fault("reject", on=ORDERS, code=-2019, first=1)
    trader.signal(symbol)
    await trader.until(lambda: len(trader.events("order_rejected")) > told, "the refusal")


def rate(trader: Trader) -> tuple[Decimal | None, int]:
    reading = session_readings(trader.state)["order_error_rate_recent"]
    return reading.value, reading.n


async def test_row_48_a_gate_on_no_trade_or_on_one_is_inconclusive(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        gate = trader.state.setup.plan.phase(PHASE).gate
        proven = Evidence(100, 100, 0, breaker_self_test=True, pairs_operational=6, pairs_wanted=6, audit_gaps=0)
        assert judge(gate, session_readings(trader.state), proven).verdict is Verdict.INCONCLUSIVE
        await trader.enter()
        found = judge(gate, session_readings(trader.state), proven)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert next(check for check in found.checks if check.metric == "orders").value == 1


async def test_row_49_a_drawdown_that_flaps_around_its_limit_is_told_once(tmp_path: Path) -> None:
    """-1.51 % and -1.45 % in turn: one alert; well again at -1.2 %, then another"""
    async with a_trader(tmp_path, silence=LONG) as trader:
        await trader.enter()
        await only_our_marks(trader)
        for pct in ("1.51", "1.45", "1.51", "1.45", "1.51"):
            await hold_at(trader, pct)
        assert len(alerts(trader)) == 1
        await hold_at(trader, "1.20")
        await hold_at(trader, "1.60")
        await trader.until(lambda: len(alerts(trader)) == 2, "the second alert")
        assert trader.stops == []


async def hold_at(trader: Trader, pct: str) -> None:
    """Long enough for the triggers to look."""
    mark_down(trader, pct)
    seen = trader.state.curve
    await trader.until(lambda: trader.state.curve is not seen)
    ticked = trader.state.ticked
    await trader.until(lambda: trader.state.ticked != ticked, "a tick")


def alerts(trader: Trader) -> list[str]:
    return [alert for alert in trader.alerts if alert.startswith("drawdown ")]


def test_row_36_a_deposit_told_twice_moves_the_peak_once() -> None:
    decider = Decider(the_plan()).open()
    deposit = AccountUpdated(decider.now, "DEPOSIT", Decimal(15000), Decimal(5000), ())
    for _ in range(2):
        decider.tell(deposit)
    decider.mark(BTCUSDT="50000")
    assert (decider.state.equity, decider.state.peak, decider.state.breaker.zone) == (15000, 15000, Zone.ARMED)
