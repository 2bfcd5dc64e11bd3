"""A session decides: what it does about signals, fills, refusals, silence, strangers and falling equity."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from canary_cli.core.accounting.metrics import Metrics
from canary_cli.core.model import (
    AccountMode,
    AccountSnapshot,
    AlgoOrder,
    AlgoStatus,
    Balance,
    Book,
    Fill,
    Order,
    OrderStatus,
    OrderType,
    Position,
    Side,
)
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.policy.plan import Action, Level
from canary_cli.core.policy.risk import TradingState
from canary_cli.core.policy.triggers import DecisionClock, Fired, TriggerStates
from canary_cli.core.signals import Evaluation, Evidence, Reason, Signal
from canary_cli.core.trading.apply import apply
from canary_cli.core.trading.effects import (
    Effect,
    Journal,
    Note,
    Place,
    QueryOrder,
    RaiseAlert,
    ReadAccount,
    SetLatch,
    StartRollback,
)
from canary_cli.core.trading.events import (
    AccountRead,
    AlgoUpdated,
    MarksUpdated,
    OrderUpdated,
    Quoted,
    Stream,
    StreamAlive,
)
from canary_cli.core.trading.facts import Filled, Intended, Purpose, RiskRefused
from canary_cli.core.trading.inputs import (
    ArmAgain,
    ConditionChanged,
    Decided,
    EnterPhase,
    Keep,
    LatchChanged,
    QueryAnswered,
    Replied,
    Tick,
    WindDown,
)
from canary_cli.core.trading.record import from_data, to_data
from canary_cli.core.trading.replies import Confirmed, Denied, Rejected, Unknown
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.standing import is_quiet, may_still_open, session_readings, trading_state
from canary_cli.core.trading.state import Condition, Session
from tests.core.trading.conftest import NOON, Desk, order_of


def signal(desk: Desk, side: Side = Side.BUY, symbol: str = "BTCUSDT") -> Decided:
    evaluation = Evaluation(symbol, desk.now, 50000.0, side, (), 3.5, 82.0, 4, 0, 100.0, 250.0, Reason.NONE, Evidence())
    entry = desk.state.mids[symbol]
    distance = entry / 100
    return Decided(
        desk.now,
        evaluation,
        Signal(
            symbol, side, desk.now, entry, entry - side.sign * distance, entry + side.sign * distance * 3 / 2, 250.0,
            evaluation,
        ),
    )  # fmt: skip


def refusals(effects: tuple[Effect, ...]) -> list[RiskRefused]:
    return [e.fact for e in effects if isinstance(e, Journal) and isinstance(e.fact, RiskRefused)]


def placed(effects: tuple[Effect, ...]) -> list[Intended]:
    return [effect.intent for effect in effects if isinstance(effect, Place)]


def asked_for(effects: tuple[Effect, ...], kind: type) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, kind)]


def rest(desk: Desk, intent: Intended, algo_id: int = 900) -> None:
    """The exchange confirms a conditional order."""
    algo = AlgoOrder(
        algo_id, intent.client_id, intent.symbol, intent.side, intent.type, AlgoStatus.NEW,
        intent.trigger_price or Decimal(0), close_position=True,
    )  # fmt: skip
    desk.tell(Replied(desk.now, intent.client_id, Confirmed(algo), 30.0, 25.0))


def entered(desk: Desk) -> tuple[Intended, list[Intended]]:
    """A filled entry and the conditional orders that were sent to protect it."""
    (entry,) = placed(desk.tell(signal(desk)))
    desk.confirm(entry)
    return entry, placed(desk.fill(entry, "50000"))


def test_a_signal_becomes_an_order_sized_by_risk_and_its_intent_is_journalled_first(desk: Desk) -> None:
    effects = desk.tell(signal(desk))

    (entry,) = placed(effects)
    assert entry.purpose is Purpose.ENTRY
    assert entry.quantity == Decimal("0.020")  # 0.1 % of 10,000 lost over 500
    journalled = [i for i, e in enumerate(effects) if isinstance(e, Journal) and e.fact is entry]
    assert journalled < [i for i, e in enumerate(effects) if isinstance(e, Place)]


def test_the_fill_rests_a_stop_and_a_target_measured_from_the_price_we_got(desk: Desk) -> None:
    (entry,) = placed(desk.tell(signal(desk)))
    desk.confirm(entry)
    stop, target = placed(desk.fill(entry, "50010.0"))

    assert (stop.type, stop.side, stop.close_position) == (OrderType.STOP_MARKET, Side.SELL, True)
    assert stop.trigger_price == Decimal("49510.0")
    assert target.trigger_price == Decimal("50760.0")


def test_what_a_stop_slipped_is_measured_from_its_trigger_and_not_from_where_the_market_was_when_it_was_placed(
    desk: Desk,
) -> None:
    _entry, (stop, target) = entered(desk)
    assert (stop.decision_price, target.decision_price) == (stop.trigger_price, target.trigger_price)


def test_an_entry_whose_stop_is_refused_is_closed_at_once(desk: Desk) -> None:
    _entry, (stop, _target) = entered(desk)

    (exit_,) = placed(desk.tell(Replied(desk.now, stop.client_id, Rejected(-2021, "would trigger"), 5.0, 4.0)))

    assert (exit_.purpose, exit_.side, exit_.reduce_only) == (Purpose.EXIT, Side.SELL, True)
    assert exit_.quantity == Decimal("0.020")


def test_a_stop_that_dies_while_its_position_lives_closes_the_position(desk: Desk) -> None:
    _entry, (stop, target) = entered(desk)
    rest(desk, stop)
    rest(desk, target, 901)
    dead = AlgoOrder(
        900, stop.client_id, "BTCUSDT", Side.SELL, OrderType.STOP_MARKET, AlgoStatus.REJECTED, Decimal("49500")
    )

    (exit_,) = placed(desk.tell(AlgoUpdated(desk.now, dead)))

    assert exit_.purpose is Purpose.EXIT


def test_a_trade_told_twice_counts_once(desk: Desk) -> None:
    entry, _ = entered(desk)
    before = desk.state
    desk._trade -= 1

    desk.fill(replace(entry, quantity=Decimal("0.020")), "50000", "0")

    assert desk.state.held == before.held


def test_an_unanswered_entry_is_asked_for_and_never_sent_again(desk: Desk) -> None:
    (entry,) = placed(desk.tell(signal(desk)))

    effects = desk.tell(Replied(desk.now, entry.client_id, Unknown("timeout"), 3000.0, 3000.0))
    assert [e.delay for e in asked_for(effects, QueryOrder)] == [0.2]  # type: ignore[attr-defined]
    for _ in range(4):
        effects = desk.tell(QueryAnswered(desk.now, entry.client_id, answered=True))

    assert asked_for(effects, ReadAccount)
    assert len([i for i in placed(tuple(desk.asked)) if i.purpose is Purpose.ENTRY]) == 1


def test_a_second_signal_on_an_open_pair_is_refused_and_says_why(desk: Desk) -> None:
    entered(desk)
    desk.mark(after=120, BTCUSDT="50000")

    effects = desk.tell(signal(desk))

    assert not placed(effects)
    assert [refusal.code for refusal in refusals(effects)] == ["position-open"]


def test_a_signal_against_the_position_closes_it_and_enters_once_flat(desk: Desk) -> None:
    _entry, (stop, target) = entered(desk)
    rest(desk, stop)
    rest(desk, target, 901)
    desk.mark(after=120, BTCUSDT="50000", ETHUSDT="3000")

    (exit_,) = placed(desk.tell(signal(desk, Side.SELL)))
    effects = desk.fill(exit_, "50000")

    (turned,) = [intent for intent in placed(effects) if intent.purpose is Purpose.ENTRY]
    assert turned.side is Side.SELL


def test_three_percent_down_rolls_back_once_latched_and_journalled(desk: Desk) -> None:
    _entry, (stop, _) = entered(desk)
    rest(desk, stop)

    effects = desk.mark(BTCUSDT="34999")  # 0.02 x -15,001 = -300.02 of 10,000
    again = desk.mark(BTCUSDT="34000")

    assert [e.cause for e in asked_for(effects, StartRollback)] == ["breaker"]  # type: ignore[attr-defined]
    assert asked_for(effects, SetLatch)
    assert not asked_for(again, StartRollback)
    assert desk.state.breaker.zone is Zone.TRIGGERED


def test_what_the_rollback_itself_slipped_is_measured_from_the_price_at_its_trip(desk: Desk) -> None:
    """Else its cost is told as fees alone."""
    entry, _ = entered(desk)
    desk.mark(BTCUSDT="34999")
    desk.mark(after=1, BTCUSDT="34000")
    order = replace(order_of(entry, 9), client_id="KILL-ab12-1", side=Side.SELL, status=OrderStatus.FILLED)
    fill = Fill("BTCUSDT", 99, 9, "KILL-ab12-1", Side.SELL, Decimal(34_500), entry.quantity, desk.now)
    effects = desk.tell(OrderUpdated(desk.now, order, "TRADE", fill))
    (told,) = [e.fact for e in effects if isinstance(e, Journal) and isinstance(e.fact, Filled)]
    assert (told.purpose, told.decision_price, told.slippage_bps) == ("kill", 34_999, None)


def test_the_rollback_is_the_first_thing_asked_for_at_a_trip(desk: Desk) -> None:
    entered(desk)

    effects = desk.mark(BTCUSDT="34999")

    assert isinstance(effects[0], StartRollback)


def test_after_the_latch_no_entry_passes(desk: Desk) -> None:
    desk.tell(LatchChanged(desk.now, (("trading-disable", "typed", "ana"),)))

    assert not placed(desk.tell(signal(desk)))
    assert trading_state(desk.state)[0] == "HALTED"


def test_a_kill_order_of_another_hand_latches_the_session(desk: Desk) -> None:
    stranger = Order(5, "KILL-ab12-1", "BTCUSDT", Side.SELL, OrderType.MARKET, OrderStatus.NEW, Decimal("0.02"))

    effects = desk.tell(OrderUpdated(desk.now, stranger, "NEW"))

    assert [e.source for e in asked_for(effects, SetLatch)] == ["kill-order"]  # type: ignore[attr-defined]


def test_a_liquidation_rolls_back(desk: Desk) -> None:
    forced = Order(6, "autoclose-17", "BTCUSDT", Side.SELL, OrderType.LIQUIDATION, OrderStatus.NEW, Decimal("0.02"))

    effects = desk.tell(OrderUpdated(desk.now, forced, "NEW"))

    assert [e.cause for e in asked_for(effects, StartRollback)] == ["liquidation"]  # type: ignore[attr-defined]


def test_silence_first_stops_entries_and_then_rolls_back(desk: Desk) -> None:
    desk.tell(Tick(NOON + timedelta(seconds=11)))
    assert trading_state(desk.state)[0] == "REDUCING"

    assert not asked_for(desk.tell(Tick(NOON + timedelta(seconds=29.9))), StartRollback)
    assert asked_for(desk.tell(Tick(NOON + timedelta(seconds=30.1))), StartRollback)


def test_a_pong_counts_only_while_the_account_can_be_read(desk: Desk) -> None:
    desk.state = replace(desk.state, read_answered=NOON)
    for seconds, vouched in ((119, True), (140, False)):
        at = NOON + timedelta(seconds=seconds)
        desk.mark(after=(at - desk.now).total_seconds(), BTCUSDT="50000")
        desk.tell(StreamAlive(at, Stream.USER))
        assert (desk.state.heard[Stream.USER] == at) is vouched


def test_a_breaker_before_its_trip_is_armed_again_by_a_named_person_only(desk: Desk) -> None:
    entered(desk)
    desk.mark(BTCUSDT="37000", ETHUSDT="3000")
    assert trading_state(desk.state) == (
        "REDUCING", "the breaker is PRE_TRIP until a named person enables trading",
    )  # fmt: skip
    desk.mark(BTCUSDT="51000", ETHUSDT="3000")
    assert desk.state.breaker.zone is Zone.PRE_TRIP

    desk.tell(ArmAgain(desk.now, "ana", "a bad tick"))

    assert (desk.state.breaker.zone, desk.state.breaker.reset_by) == (Zone.ARMED, "ana")
    assert trading_state(desk.state)[0] == "ACTIVE"


def test_a_breaker_armed_again_beyond_its_limit_trips_again_at_the_next_mark(desk: Desk) -> None:
    entered(desk)
    desk.mark(BTCUSDT="37000", ETHUSDT="3000")
    desk.tell(ArmAgain(desk.now, "ana", "hope"))
    desk.mark(after=1, BTCUSDT="37000", ETHUSDT="3000")
    assert desk.state.breaker.zone is Zone.PRE_TRIP


def test_a_pair_closed_by_hand_latches_nothing(desk: Desk) -> None:
    entry, _protection = entered(desk)
    order = Order(5, "CLOSE-ab12-1", "BTCUSDT", Side.SELL, OrderType.MARKET, OrderStatus.FILLED, entry.quantity)
    fill = Fill("BTCUSDT", 99, 5, order.client_id, Side.SELL, Decimal("50010"), entry.quantity, desk.now)

    desk.tell(OrderUpdated(desk.now, order, "TRADE", fill))

    assert (desk.state.held, desk.state.latches) == ({}, {})


def test_a_condition_clears_after_a_minute_of_health(desk: Desk) -> None:
    desk.tell(ConditionChanged(desk.now, "database", True, "away"))
    desk.tell(ConditionChanged(desk.now, "database", False))
    for second in range(0, 60, 5):
        desk.mark(after=5, BTCUSDT="50000")
        desk.state = replace(desk.state, heard=dict.fromkeys(desk.state.heard, desk.now))
        desk.tell(Tick(desk.now))
        assert ("database" in desk.state.conditions) == (second < 55)


def test_what_we_deny_ourselves_is_no_error_of_an_order(desk: Desk) -> None:
    (entry,) = placed(desk.tell(signal(desk)))
    desk.tell(Replied(desk.now, entry.client_id, Denied("the disk took too long"), 2000.0, 0.0))

    assert not desk.state.orders[entry.client_id].is_open
    errors = session_readings(desk.state)["errors"]
    assert (errors.value, errors.n) == (0, 0)


def test_the_last_fifth_of_the_order_rate_is_for_exits(desk: Desk) -> None:
    entry, _protection = entered(desk)
    desk.tell(Tick(desk.now, quota_used=Decimal(80)))

    assert [refusal.code for refusal in refusals(desk.tell(signal(desk, symbol="ETHUSDT")))] == ["order-quota"]
    (out,) = placed(desk.tell(signal(desk, Side.SELL)))
    assert (out.purpose, out.quantity) == (Purpose.EXIT, entry.quantity)


def test_probes_go_in_and_straight_out_again(desk: Desk) -> None:
    plan = desk.state.setup.plan
    every = plan.phase(1).probes.every.total_seconds()  # type: ignore[union-attr]
    due = NOON + timedelta(seconds=every)
    desk.state = replace(desk.state, heard=dict.fromkeys(Stream, due), mark_times=dict.fromkeys(desk.state.marks, due))
    effects = desk.tell(Tick(due))

    (probe,) = placed(effects)
    desk.confirm(probe)
    (out,) = placed(desk.fill(probe, "50000"))

    assert (probe.purpose, out.purpose, out.reduce_only) == (Purpose.PROBE, Purpose.PROBE_EXIT, True)
    desk.fill(out, "50000")
    assert not desk.state.held


def test_an_exit_that_has_ended_is_not_sent_again_before_its_trades_are_told(desk: Desk) -> None:
    entered(desk)
    desk.mark(after=120, BTCUSDT="50000", ETHUSDT="3000")
    (exit_,) = placed(desk.tell(signal(desk, Side.SELL)))
    filled = replace(expired(exit_), status=OrderStatus.FILLED, executed=exit_.quantity)
    desk.tell(Replied(desk.now, exit_.client_id, Confirmed(filled), 40.0, 35.0))
    assert desk.state.held, "no trade was told yet"
    assert not placed(desk.tell(reading_of(desk)))


def test_replaying_the_journalled_facts_rebuilds_the_session(desk: Desk, golive: object) -> None:
    _entry, (stop, target) = entered(desk)
    rest(desk, stop)
    rest(desk, target, 901)
    facts = [effect.fact for effect in desk.asked if isinstance(effect, Journal)]

    rebuilt = Session(setup=desk.state.setup, now=NOON)
    for fact in facts:
        again = from_data(fact.event, to_data(fact))
        assert again == fact
        rebuilt = apply(rebuilt, again)

    assert rebuilt.held == desk.state.held
    assert rebuilt.orders == desk.state.orders
    assert rebuilt.algos == desk.state.algos
    assert rebuilt.sequence == desk.state.sequence


def test_a_fill_missed_by_the_stream_is_taken_from_the_list_of_trades_by_its_order_number(desk: Desk) -> None:
    (entry,) = placed(desk.tell(signal(desk)))
    desk.confirm(entry, order_id=77)
    held = Position("BTCUSDT", entry.quantity, Decimal(50000), Decimal(50000))
    money = Balance(Decimal(10000), Decimal(0), Decimal(10000), Decimal(9000))
    missed = Fill("BTCUSDT", 5, 77, "", Side.BUY, Decimal(50000), entry.quantity, desk.now)

    effects = desk.tell(
        AccountRead(desk.now, AccountSnapshot(desk.now, money, AccountMode(False, False), (held,)), (missed,))
    )

    assert {intent.purpose for intent in placed(effects)} == {Purpose.STOP, Purpose.TARGET}
    assert desk.state.reconciled


def expired(intent: Intended) -> Order:
    return Order(8, intent.client_id, intent.symbol, intent.side, intent.type, OrderStatus.EXPIRED, intent.quantity)


def test_an_exit_that_the_book_could_not_take_is_tried_again_later_and_later(desk: Desk) -> None:
    _entry, (stop, target) = entered(desk)
    rest(desk, stop)
    rest(desk, target, 901)
    desk.mark(after=120, BTCUSDT="50000", ETHUSDT="3000")
    (first,) = placed(desk.tell(signal(desk, Side.SELL)))

    delays = []
    exit_ = first
    for _ in range(3):
        effects = desk.tell(OrderUpdated(desk.now, expired(exit_), "EXPIRED"))
        (reading,) = asked_for(effects, ReadAccount)
        delays.append(reading.delay)  # type: ignore[attr-defined]
        (exit_,) = placed(desk.tell(reading_of(desk)))

    assert delays == [0.2, 2.5, 2.5]
    assert exit_.purpose is Purpose.EXIT


def reading_of(desk: Desk) -> AccountRead:
    """The exchange shows exactly what the session holds."""
    held = tuple(
        Position(h.symbol, h.quantity, h.entry_price, desk.state.marks[h.symbol]) for h in desk.state.held.values()
    )
    money = Balance(Decimal(10000), Decimal(0), Decimal(10000), Decimal(9000))
    return AccountRead(desk.now, AccountSnapshot(desk.now, money, AccountMode(False, False), held))


def test_a_database_away_for_a_moment_stops_entries_and_for_five_minutes_rolls_back(desk: Desk) -> None:
    desk.tell(ConditionChanged(desk.now, "database", True, "away"))
    assert not placed(desk.tell(signal(desk)))

    def later(seconds: float) -> tuple[Effect, ...]:
        desk.mark(after=seconds, BTCUSDT="50000")
        desk.state = replace(desk.state, heard=dict.fromkeys(desk.state.heard, desk.now))
        return desk.tell(Tick(desk.now))

    assert not asked_for(later(299), StartRollback)
    assert [e.cause for e in asked_for(later(1), StartRollback)] == ["database"]  # type: ignore[attr-defined]
    assert "database" in desk.state.latches


def test_the_breaker_stays_tripped_through_a_restart(desk: Desk) -> None:
    entered(desk)
    desk.mark(BTCUSDT="34999")

    rebuilt = Session(setup=desk.state.setup, now=NOON)
    for effect in desk.asked:
        if isinstance(effect, Journal):
            rebuilt = apply(rebuilt, effect.fact)

    assert rebuilt.breaker.zone is Zone.TRIGGERED
    assert rebuilt.latches.keys() == {"rollback"}
    assert rebuilt.peak == desk.state.peak


def test_a_person_who_keeps_the_run_ends_the_decision_clock_and_the_hold_that_no_answer_brought(desk: Desk) -> None:
    fired = Fired("fill rate", Level.CRITICAL, Decimal(88), Decimal(90), 50, Action.INVESTIGATE)
    clocks = (DecisionClock("fill rate", desk.now, fired), DecisionClock("latency, lasting", desk.now, fired))
    held = {"fill rate": Condition("no answer for 2 min", desk.now)}
    desk.state = replace(desk.state, triggers=TriggerStates(clocks=clocks), conditions=held)
    effects = desk.tell(Keep(desk.now, "fill rate", "ana", "known"))
    assert [clock.trigger for clock in desk.state.triggers.clocks] == ["latency, lasting"]
    assert not desk.state.conditions["fill rate"].holds
    assert [one.data for one in effects if isinstance(one, Note)] == [
        {"trigger": "fill rate", "by": "ana", "reason": "known"}
    ]


def test_a_signal_of_a_bar_seen_too_late_is_judged_and_not_traded(desk: Desk) -> None:
    late = signal(desk)
    desk.mark(after=451, BTCUSDT="50000", ETHUSDT="3000")

    effects = desk.tell(replace(late, time=desk.now))

    assert not placed(effects)
    (refusal,) = refusals(effects)
    assert (refusal.code, refusal.detail) == ("stale", "the bar closed 8 min ago")


def test_when_the_run_ends_nothing_new_is_opened_and_a_probe_under_way_is_seen_out(desk: Desk) -> None:
    assert is_quiet(desk.state)
    desk.mark(after=91, BTCUSDT="50000", ETHUSDT="3000")
    desk.tell(StreamAlive(desk.now, Stream.USER))
    (probe,) = placed(desk.tell(Tick(desk.now)))
    assert probe.purpose is Purpose.PROBE and not is_quiet(desk.state)
    desk.tell(WindDown(desk.now, "the run ends"))
    (out,) = placed(desk.fill(probe, "50000"))
    assert out.purpose is Purpose.PROBE_EXIT and not is_quiet(desk.state)
    desk.fill(out, "50000")
    assert is_quiet(desk.state)
    desk.mark(after=300, BTCUSDT="50000", ETHUSDT="3000")
    desk.tell(StreamAlive(desk.now, Stream.USER))
    assert not placed(desk.tell(Tick(desk.now)))
    assert not placed(desk.tell(signal(desk)))


def test_an_immediate_stop_for_order_errors_pages_somebody(desk: Desk) -> None:
    metrics = Metrics()
    for number in range(96):
        metrics = metrics.ordered(f"good-{number}", "BTCUSDT", "entry", 40.0, Decimal(1))
    for number in range(4):
        metrics = metrics.rejected(f"bad-{number}", "BTCUSDT", "entry")
    desk.tell(EnterPhase(desk.now, desk.state.setup.plan.phase(2), ("BTCUSDT",), None))
    desk.state = replace(desk.state, metrics=metrics)
    effects = desk.tell(Tick(desk.now))
    assert trading_state(desk.state)[0] is TradingState.REDUCING
    pages = [e for e in effects if isinstance(e, RaiseAlert) and e.severity == "CRITICAL"]
    assert [page.key for page in pages] == ["trigger/order errors"]


def pass_time(desk: Desk, seconds: int, quota_used: str = "0", **prices: str) -> list[Intended]:
    """Seconds in which both streams live, and the orders of them."""
    sent: list[Intended] = []
    for _ in range(seconds):
        desk.mark(after=1, **prices)
        desk.tell(StreamAlive(desk.now, Stream.USER))
        sent += placed(desk.tell(Tick(desk.now, Decimal(quota_used))))
    return sent


def test_no_probe_goes_to_a_pair_whose_prices_are_silent(desk: Desk) -> None:
    assert [probe.symbol for probe in pass_time(desk, 91, ETHUSDT="3000")] == ["ETHUSDT"]


def test_no_probe_takes_of_what_is_kept_for_exits(desk: Desk) -> None:
    assert pass_time(desk, 91, "80", BTCUSDT="50000", ETHUSDT="3000") == []
    assert pass_time(desk, 1, "79.9", BTCUSDT="50000", ETHUSDT="3000")


def test_an_empty_book_is_no_price(desk: Desk) -> None:
    nothing = (Decimal(0), Decimal(0))
    desk.tell(Quoted(desk.now, Book("BTCUSDT", (nothing,), (nothing,), desk.now)))
    assert [probe.symbol for probe in pass_time(desk, 91, ETHUSDT="3000")] == ["ETHUSDT"]


def test_marks_that_are_no_numbers_are_silence(desk: Desk) -> None:
    entered(desk)
    nan = {"BTCUSDT": Decimal("NaN"), "ETHUSDT": Decimal(0)}
    for second in range(1, 32):
        time = NOON + timedelta(seconds=second)
        desk.tell(MarksUpdated(time, nan))
        desk.tell(StreamAlive(time, Stream.USER))
        effects = desk.tell(Tick(time))
        assert desk.state.equity is None
        assert (second > 10) == ("market-stale" in desk.state.conditions)
        assert [one.cause for one in asked_for(effects, StartRollback)] == ["market-stream"] * (second == 31)  # type: ignore[attr-defined]


def entries_in(effects: tuple[Effect, ...]) -> list[Intended]:
    return [intent for intent in placed(effects) if intent.purpose is Purpose.ENTRY]


def test_a_signal_that_turns_while_an_exit_is_under_way_waits_for_that_exit_and_enters(desk: Desk) -> None:
    """The exit was for another reason; its fills are told last."""
    _entry, (stop, _target) = entered(desk)
    (exit_,) = placed(desk.tell(Replied(desk.now, stop.client_id, Rejected(-2021, "would trigger"), 5.0, 4.0)))
    desk.mark(after=120, BTCUSDT="50000", ETHUSDT="3000")

    assert not placed(desk.tell(signal(desk, Side.SELL)))
    done = replace(order_of(exit_), status=OrderStatus.FILLED, executed=exit_.quantity)
    assert not placed(desk.tell(Replied(desk.now, exit_.client_id, Confirmed(done), 40.0, 35.0)))

    (turned,) = entries_in(desk.fill(exit_, "50000", str(exit_.quantity)))
    assert turned.side is Side.SELL


def test_a_signal_that_waited_for_a_probe_enters_though_the_probe_found_nobody_to_trade_with(desk: Desk) -> None:
    probe = next(intent for _ in range(91) for intent in placed(_a_second(desk)) if intent.purpose is Purpose.PROBE)
    desk.confirm(probe)
    assert not placed(desk.tell(signal(desk, symbol=probe.symbol)))

    expired = replace(order_of(probe), status=OrderStatus.EXPIRED)
    effects = desk.tell(OrderUpdated(desk.now, expired, "EXPIRED"))

    assert [intent.symbol for intent in entries_in(effects)] == [probe.symbol]


def _a_second(desk: Desk) -> tuple[Effect, ...]:
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    desk.tell(StreamAlive(desk.now, Stream.USER))
    return desk.tell(Tick(desk.now))


def figures(desk: Desk) -> dict[str, Decimal | None]:
    found = session_readings(desk.state)
    return {name: found[name].value for name in ("errors", "orders", "fill_rate")}


def test_an_order_that_the_stream_has_told_before_its_reply_was_lost_is_no_error(desk: Desk) -> None:
    """In phase 1 one error ends the run, and nobody would ever have taken this one back."""
    (entry,) = placed(desk.tell(signal(desk)))
    desk.fill(entry, "50000")
    desk.tell(Replied(desk.now, entry.client_id, Unknown("no reply within 3 s"), 3000.0, 3000.0))
    assert figures(desk) == {"errors": 0, "orders": 1, "fill_rate": 100}
    desk.tell(Tick(desk.now))
    assert not desk.state.rolling_back


def test_an_order_that_the_stream_tells_after_its_reply_was_lost_is_an_error_until_then(desk: Desk) -> None:
    (entry,) = placed(desk.tell(signal(desk)))
    desk.tell(Replied(desk.now, entry.client_id, Unknown("no reply within 3 s"), 3000.0, 3000.0))
    assert figures(desk) == {"errors": 1, "orders": 0, "fill_rate": None}
    order = order_of(entry)
    desk.tell(OrderUpdated(desk.now, order, "NEW"))
    assert figures(desk) == {"errors": 0, "orders": 1, "fill_rate": None}
    desk.tell(OrderUpdated(desk.now, replace(order, status=OrderStatus.EXPIRED), "EXPIRED"))
    assert figures(desk) == {"errors": 0, "orders": 1, "fill_rate": 0}


def test_an_order_whose_end_the_stream_tells_before_its_reply_counts_in_the_fill_rate(desk: Desk) -> None:
    """The stream is often faster: what found nobody to trade with must not be what nobody counts."""
    (entry,) = placed(desk.tell(signal(desk)))
    desk.tell(OrderUpdated(desk.now, expired(entry), "EXPIRED"))
    desk.tell(Replied(desk.now, entry.client_id, Confirmed(expired(entry)), 40.0, 35.0))
    assert figures(desk) == {"errors": 0, "orders": 1, "fill_rate": 0}


def test_an_order_that_nobody_acknowledged_in_time_is_a_slow_one_for_good(desk: Desk) -> None:
    """Found later it is no error; were it in no latency either, an exchange that answers nothing would be fast."""
    for number in range(3):
        entry = placed(desk.tell(signal(desk)))[0]
        desk.tell(Replied(desk.now, entry.client_id, Unknown("no reply within 3 s"), 3000.0 + number, 3000.0))
        desk.fill(entry, "50000")
        desk.state = replace(desk.state, held={}, last_entry={})
    found = session_readings(desk.state)
    assert [found[name].value for name in ("errors", "latency_max", "latency_3_of_5")] == [0, 3002, 3000]


def test_an_order_that_is_found_half_filled_counts_half_in_the_fill_rate(desk: Desk) -> None:
    (entry,) = placed(desk.tell(signal(desk)))
    desk.tell(Replied(desk.now, entry.client_id, Unknown("no reply within 3 s"), 3000.0, 3000.0))
    half = entry.quantity / 2
    found = replace(order_of(entry), status=OrderStatus.PARTIALLY_FILLED, executed=half)
    desk.tell(QueryAnswered(desk.now, entry.client_id, answered=True, order=found))
    fill = Fill("BTCUSDT", 5, 7, entry.client_id, Side.BUY, Decimal(50_000), half, desk.now)
    desk.tell(OrderUpdated(desk.now, found, "TRADE", fill))
    desk.tell(OrderUpdated(desk.now, replace(found, status=OrderStatus.EXPIRED), "EXPIRED"))
    assert figures(desk) == {"errors": 0, "orders": 1, "fill_rate": 50}


def test_an_entry_that_was_cleared_goes_out_under_a_condition_and_not_under_a_latch(desk: Desk) -> None:
    desk.tell(ConditionChanged(desk.now, "database", True, "away"))
    assert may_still_open(desk.state)
    for stops in (LatchChanged(desk.now, (("by hand", "why", "ana"),)), WindDown(desk.now, "the run ends")):
        assert not may_still_open(decide(desk.state, stops)[0])
