"""Flattening an account, told as stories under virtual time, and proved over random accounts and faults."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_cli.core.model import Order, OrderRequest, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from canary_cli.core.trading.flatten import (
    AccountSeen,
    Begin,
    CancelAlgo,
    CancelAll,
    CancelOrder,
    Close,
    Closed,
    Effect,
    Flatten,
    Outcome,
    Query,
    Read,
    Style,
    decide,
)
from canary_cli.core.trading.flatten.plan import closable, pieces
from canary_cli.core.trading.flatten.state import Leg
from canary_cli.core.trading.replies import Confirmed, Failed, Rejected, Reply, Throttled
from tests.core.trading.venue import PAIRS_20, SHAKY, Venue, World, position, resting, rules, stop

RTT = 0.05


def closes(world: World) -> list[OrderRequest]:
    return [effect.request for _, effect in world.log if isinstance(effect, Close)]


def times(world: World, kind: type) -> list[float]:
    return [at for at, effect in world.log if isinstance(effect, kind)]


def once(
    fault: Reply[object] | str, which: Callable[[Effect], bool]
) -> Callable[[Effect], "Reply[object] | str | None"]:
    """A fault that strikes the first effect it fits and never again."""
    left = [fault]

    def strike(effect: Effect) -> Reply[object] | str | None:
        return left.pop() if left and which(effect) else None

    return strike


def is_close(effect: Effect) -> bool:
    return isinstance(effect, Close)


def test_what_is_known_is_closed_at_once_while_a_reading_runs_beside() -> None:
    venue = Venue().hold(*(position(pair, "1") for pair in PAIRS_20))
    world = World(venue)
    state = world.run(venue.snapshot())
    assert state.outcome is Outcome.FLAT
    assert times(world, Close) == [0.0] * 20
    assert times(world, Read)[0] == 0.0
    assert state.acknowledged_at == pytest.approx(RTT)
    assert state.verified_at is not None and state.verified_at <= 5 * RTT + 0.2


def test_with_nothing_known_the_reading_comes_first() -> None:
    world = World(Venue().hold(position("BTCUSDT", "-0.5")))
    state = world.run()
    assert state.outcome is Outcome.FLAT
    [close] = closes(world)
    assert (close.side, close.quantity, close.reduce_only) == (Side.BUY, Decimal("0.5"), True)
    assert close.client_id.startswith("KILL-")


def test_an_empty_account_is_said_to_have_had_nothing_open() -> None:
    world = World(Venue())
    assert world.run().outcome is Outcome.NOTHING_OPEN
    assert len(times(world, Read)) == 2
    assert times(world, Read)[1] - times(world, Read)[0] >= 0.2


def test_orders_are_cancelled_before_the_close_and_protective_stops_after_flat_is_verified() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"))
    venue.rest(resting("BTCUSDT", "tp", reduce_only=True), stop("BTCUSDT", close_position=False))
    orphan = stop("ETHUSDT")  # protects a position that is gone, so nothing expires it
    venue.rest(orphan)
    world = World(venue)
    state = world.run(venue.snapshot())
    assert state.outcome is Outcome.FLAT
    assert times(world, CancelAll) == [0.0]
    assert times(world, Close) == [pytest.approx(RTT)]
    [last] = [at for at, effect in world.log if isinstance(effect, CancelAlgo) and effect.algo_id == orphan.algo_id]
    assert last == state.verified_at
    assert not venue.algos and not venue.orders


def test_the_guarding_stop_rests_until_the_position_is_gone() -> None:
    guard = stop("BTCUSDT")
    venue = Venue(depth={"BTCUSDT": Decimal("0.4")}).hold(position("BTCUSDT", "1")).rest(guard)
    world = World(venue)
    seen: list[bool] = []
    world.later(0.06, lambda v: seen.append(guard.algo_id in v.algos))
    assert world.run(venue.snapshot()).outcome is Outcome.FLAT
    assert seen == [True]


def test_a_stop_that_cannot_be_cancelled_is_not_read_about_all_the_time() -> None:
    """A reading weighs 95 of 2400 a minute: more than 25 a minute would silence us while something is open."""
    world = World(Venue().rest(stop("BTCUSDT")), fault=lambda e: "lost" if isinstance(e, CancelAlgo) else None)
    assert world.run(deadline=60.0).outcome is Outcome.INCOMPLETE
    assert 10 < len(times(world, Read)) < 35


@pytest.mark.parametrize("at", [0.08, 0.12, 0.25])
def test_what_is_opened_while_we_close_is_closed_too_and_shows_another_hand(at: float) -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1"))
    world = World(venue).later(at, lambda venue: venue.hold(position("BTCUSDT", "3")) and None)
    state = world.run()
    assert (state.outcome, venue.positions) == (Outcome.FLAT, {})
    assert [key[0] for key, leg in state.legs.items() if leg.grown] == ["BTCUSDT"]


def test_a_belief_that_was_too_small_shows_no_other_hand() -> None:
    believed = Venue().hold(position("BTCUSDT", "1")).snapshot()
    world = World(Venue().hold(position("BTCUSDT", "3"), position("ETHUSDT", "1")))
    state = world.run(believed)
    assert state.outcome is Outcome.FLAT
    assert not any(leg.grown for leg in state.legs.values())


def test_a_symbol_with_nothing_in_the_way_does_not_wait_for_the_others() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1")).rest(resting("ETHUSDT", "x"))
    world = World(venue)
    world.run(venue.snapshot())
    at = {effect.request.symbol: at for at, effect in world.log if isinstance(effect, Close)}
    assert at == {"BTCUSDT": 0.0, "ETHUSDT": pytest.approx(RTT)}


def test_a_close_whose_reply_is_lost_is_found_and_not_sent_again() -> None:
    world = World(Venue().hold(position("BTCUSDT", "1")), fault=once("unheard", is_close))
    assert world.run().outcome is Outcome.FLAT
    assert len(closes(world)) == 1
    assert times(world, Query)


def test_a_close_that_never_arrived_is_sent_again_with_a_new_id_after_a_reading() -> None:
    world = World(Venue().hold(position("BTCUSDT", "1")), fault=once("lost", is_close))
    assert world.run().outcome is Outcome.FLAT
    first, second = closes(world)
    assert first.client_id != second.client_id


def test_reduce_only_rejected_with_the_position_gone_is_success() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"))
    known = venue.snapshot()
    venue.positions.clear()
    world = World(venue)
    assert world.run(known).outcome is Outcome.FLAT
    assert len(closes(world)) == 1


def test_an_unknown_resting_take_profit_obstructs_and_is_cancelled_then_the_close_repeated() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"))
    known = venue.snapshot()
    venue.rest(resting("BTCUSDT", "tp", reduce_only=True))
    world = World(venue)
    assert world.run(known).outcome is Outcome.FLAT
    assert len(closes(world)) == 2
    assert not venue.orders


def test_a_closing_stop_that_keeps_obstructing_is_cancelled_too() -> None:
    guard = stop("BTCUSDT")
    venue = Venue().hold(position("BTCUSDT", "1")).rest(guard)

    def obstruct(effect: Effect) -> Reply[object] | None:
        return (
            Rejected(-4118, "ReduceOnly Order Failed.") if is_close(effect) and guard.algo_id in venue.algos else None
        )

    assert World(venue, fault=obstruct).run().outcome is Outcome.FLAT


def test_a_thin_book_is_left_by_reduce_only_limits_at_the_edge_of_the_band() -> None:
    world = World(Venue(depth={"BTCUSDT": Decimal(0)}).hold(position("BTCUSDT", "1")))
    assert world.run().outcome is Outcome.FLAT
    market, limit = closes(world)
    assert market.type is OrderType.MARKET
    assert (limit.type, limit.time_in_force, limit.reduce_only) == (OrderType.LIMIT, TimeInForce.IOC, True)
    assert limit.price == Decimal("95.2")


def test_limit_ioc_can_be_asked_for_from_the_start() -> None:
    venue = Venue().hold(position("BTCUSDT", "-1"))
    world = World(venue)
    world.state = type(world.state)("KILL-t-", venue.rules, Style.LIMIT_IOC)
    assert world.run().outcome is Outcome.FLAT
    assert closes(world)[0].price == Decimal("104.8")


def test_more_than_the_market_maximum_is_split_and_the_sum_is_exact() -> None:
    venue = Venue(rules={"BTCUSDT": rules("BTCUSDT", most="120")}).hold(position("BTCUSDT", "300.0005"))
    world = World(venue)
    state = world.run()
    assert state.outcome is Outcome.FLAT
    assert [close.quantity for close in closes(world)] == [Decimal(120), Decimal(120), Decimal(60)]
    [leg] = state.legs.values()
    assert leg.position.quantity == Decimal("0.0005")  # dust: named, and not closable


def test_a_filter_that_changed_meanwhile_halves_the_pieces() -> None:
    venue = Venue(rules={"BTCUSDT": rules("BTCUSDT", most="10")}).hold(position("BTCUSDT", "32"))
    world = World(venue)
    world.state = type(world.state)("KILL-t-", {"BTCUSDT": rules("BTCUSDT", most="1000")})
    assert world.run().outcome is Outcome.FLAT


def test_without_any_rules_everything_still_closes() -> None:
    venue = Venue(rules={"BTCUSDT": rules("BTCUSDT", most="10")}).hold(position("BTCUSDT", "32"))
    world = World(venue)
    world.state = type(world.state)("KILL-t-")
    assert world.run().outcome is Outcome.FLAT


def test_hedge_mode_closes_both_sides_without_reduce_only() -> None:
    long, short = position("BTCUSDT", "1", PositionSide.LONG), position("BTCUSDT", "-2", PositionSide.SHORT)
    world = World(Venue(hedge=True).hold(long, short))
    assert world.run().outcome is Outcome.FLAT
    sent = {(c.position_side, c.side, c.quantity, c.reduce_only) for c in closes(world)}
    assert sent == {
        (PositionSide.LONG, Side.SELL, Decimal(1), False),
        (PositionSide.SHORT, Side.BUY, Decimal(2), False),
    }


def test_one_symbol_that_always_errors_does_not_hold_up_the_others_nor_is_it_called_flat() -> None:
    def refuse(effect: Effect) -> Reply[object] | None:
        bad = isinstance(effect, Close) and effect.request.symbol == "BTCUSDT"
        return Rejected(-2019, "Margin is insufficient.") if bad else None

    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1"))
    world = World(venue, fault=refuse)
    state = world.run(deadline=20.0)
    assert state.outcome is Outcome.INCOMPLETE
    assert {symbol for symbol, _ in venue.positions} == {"BTCUSDT"}
    assert {c.quantity for c in closes(world)} == {Decimal(1)}  # never sized up
    assert "-2019" in state.legs["BTCUSDT", PositionSide.BOTH].trouble


def test_overload_for_five_minutes_is_outlasted_and_never_called_flat_meanwhile() -> None:
    world = World(Venue().hold(position("BTCUSDT", "1")))
    world._fault = lambda effect: Failed(-1008, "throttled") if is_close(effect) and world.now < 300 else None
    state = world.run(deadline=400.0)
    assert state.outcome is Outcome.FLAT
    assert state.acknowledged_at is not None and 300 <= state.acknowledged_at < 303
    assert len(times(world, Read)) < 300 * 25 / 60


def test_a_ban_is_waited_out_in_silence() -> None:
    thin = Venue(depth={"ETHUSDT": Decimal("0.5")}).hold(position("BTCUSDT", "1"), position("ETHUSDT", "1"))
    world = World(thin, fault=once(Throttled(130.0, banned=True), is_close))
    state = world.run(thin.snapshot(), deadline=200.0)
    assert state.outcome is Outcome.FLAT
    quiet = [at for at, effect in world.log if RTT < at < 130.0 and isinstance(effect, (Close, Read, CancelAll))]
    assert not quiet


def after_one_close(executed: str) -> tuple[Flatten, Venue]:
    """One close of 1 BTC answered at 0.05 s, while the reading asked at 0 s is still under way."""
    venue = Venue().hold(position("BTCUSDT", "1"))
    state, effects = decide(Flatten("KILL-t-", venue.rules), Begin(0.0, venue.snapshot()))
    [request] = [effect.request for effect in effects if isinstance(effect, Close)]
    order = Order(1, request.client_id, "BTCUSDT", Side.SELL, OrderType.MARKET, OrderStatus.FILLED, Decimal(1),
                  Decimal(executed))  # fmt: skip
    state, _ = decide(state, Closed(0.05, request.client_id, Confirmed(order)))
    return state, venue


def test_a_reading_asked_before_the_close_was_answered_does_not_bring_the_position_back() -> None:
    state, venue = after_one_close("1")
    state, effects = decide(state, AccountSeen(0.08, 0.0, venue.snapshot()))
    assert not [effect for effect in effects if isinstance(effect, Close)]
    assert state.legs["BTCUSDT", PositionSide.BOTH].position.quantity == 0


def test_a_reading_asked_before_the_close_was_answered_proves_nothing() -> None:
    state, _ = after_one_close("1")
    state, _ = decide(state, AccountSeen(0.08, 0.0, Venue().snapshot()))
    assert state.flat_since is None


def test_a_reading_that_overlaps_a_close_is_not_counted_beside_its_answer() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"))
    state, effects = decide(Flatten("KILL-t-", venue.rules), Begin(0.0, venue.snapshot()))
    [request] = [effect.request for effect in effects if isinstance(effect, Close)]
    venue.hold(position("BTCUSDT", "0.4"))
    state, _ = decide(state, AccountSeen(0.05, 0.0, venue.snapshot()))
    order = Order(1, request.client_id, "BTCUSDT", Side.SELL, OrderType.MARKET, OrderStatus.EXPIRED, Decimal(1),
                  Decimal("0.6"))  # fmt: skip
    state, _ = decide(state, Closed(0.06, request.client_id, Confirmed(order)))
    assert state.legs["BTCUSDT", PositionSide.BOTH].position.quantity == Decimal("0.4")


def test_a_fill_that_lands_after_its_order_was_cancelled_is_closed_too() -> None:
    world = World(Venue())
    world.later(0.15, lambda venue: venue.hold(position("BTCUSDT", "1")) and None)
    assert world.run().outcome is Outcome.FLAT
    assert len(closes(world)) == 1


def test_an_order_that_outlives_the_cancel_of_all_is_cancelled_by_itself() -> None:
    def is_all(effect: Effect) -> Reply[object] | None:
        return Confirmed("The operation of cancel all open order is done.") if isinstance(effect, CancelAll) else None

    venue = Venue().hold(position("BTCUSDT", "1")).rest(resting("BTCUSDT", "stays"), resting("ETHUSDT", "too"))
    world = World(venue, fault=is_all)
    state = world.run(venue.snapshot())
    assert (state.outcome, state.cancelled, venue.orders) == (Outcome.FLAT, 2, {})
    assert len(times(world, CancelAll)) == len(times(world, CancelOrder)) == 2


def test_a_protective_stop_that_outlives_its_cancel_is_read_no_oftener_than_that_either() -> None:
    def is_cancel(effect: Effect) -> Reply[object] | None:
        return Rejected(-2011, "Unknown order sent.") if isinstance(effect, CancelAlgo) else None

    world = World(Venue().rest(stop("ETHUSDT")), fault=is_cancel)
    assert world.run(deadline=60.0).outcome is Outcome.INCOMPLETE
    assert 10 < len(times(world, Read)) < 2400 // 95 * 2


def test_orders_that_outlive_every_cancel_are_read_no_oftener_than_the_weight_allows() -> None:
    def is_cancel(effect: Effect) -> Reply[object] | None:
        return Confirmed("done") if isinstance(effect, (CancelAll, CancelOrder, CancelAlgo)) else None

    venue = Venue().rest(resting("BTCUSDT", "stays"), stop("ETHUSDT", close_position=False))
    world = World(venue, fault=is_cancel)
    assert world.run(deadline=60.0).outcome is Outcome.INCOMPLETE
    assert 10 < len(times(world, Read)) < 2400 // 95 * 2  # a budget of one minute is never spent in one


def test_an_order_whose_cancel_fails_does_not_keep_the_position_open() -> None:
    def no_cancels(effect: Effect) -> Reply[object] | None:
        return Failed(0, "503 Service Unavailable") if isinstance(effect, CancelAll) else None

    venue = Venue().hold(position("BTCUSDT", "1")).rest(resting("BTCUSDT", "x"))
    state = World(venue, fault=no_cancels).run(deadline=10.0)
    assert not venue.positions
    assert state.outcome is Outcome.INCOMPLETE


def test_only_one_pair_can_be_closed() -> None:
    venue = Venue().hold(position("BTCUSDT", "1"), position("ETHUSDT", "1")).rest(stop("BTCUSDT"), stop("ETHUSDT"))
    world = World(venue)
    world.state = type(world.state)("KILL-t-", venue.rules, only="ETHUSDT")
    assert world.run().outcome is Outcome.FLAT
    assert {symbol for symbol, _ in venue.positions} == {"BTCUSDT"}
    assert {algo.symbol for algo in venue.algos.values()} == {"BTCUSDT"}


quantities = st.decimals(min_value="0.0001", max_value="500", places=4)


@given(quantity=quantities, most=st.integers(1, 50), least=st.sampled_from(["0.001", "0.01", "0.5"]))
def test_pieces_sum_exactly_and_keep_to_the_filters(quantity: Decimal, most: int, least: str) -> None:
    r = rules("X", step="0.001", least=least, most=str(most))
    whole = closable(Leg(position("X", str(quantity)), quantity), r)
    parts = pieces(whole, r)
    assert sum(parts, Decimal(0)) == whole <= quantity
    assert all(r.market_min_quantity <= part <= r.market_max_quantity for part in parts)
    assert not any(part % r.market_step for part in parts)


@st.composite
def venues(draw: st.DrawFn) -> Venue:
    venue = Venue(hedge=draw(st.booleans()))
    for pair in draw(st.lists(st.sampled_from(PAIRS_20[:5]), unique=True)):
        venue.rules[pair] = rules(pair, most=str(draw(st.integers(1, 200))))
        quantity = draw(quantities)
        if draw(st.booleans()):
            venue.depth[pair] = quantity / 3
        sides = draw(st.sets(st.sampled_from(["LONG", "SHORT"]), min_size=1)) if venue.hedge else {"BOTH"}
        for side in sides:
            short = side == "SHORT" or (side == "BOTH" and draw(st.booleans()))
            venue.hold(position(pair, str(-quantity if short else quantity), PositionSide(side)))
        if draw(st.booleans()):
            venue.rest(stop(pair))
        if draw(st.booleans()):
            venue.rest(stop(pair, close_position=False), resting(pair, f"tp-{pair}", reduce_only=draw(st.booleans())))
    return venue


@settings(max_examples=200, deadline=None)
@given(venue=venues(), data=st.data(), known=st.booleans())
def test_any_account_under_any_faults_ends_verified_flat_or_says_what_is_left(
    venue: Venue, data: st.DataObject, known: bool
) -> None:
    before = {key: abs(held.quantity) for key, held in venue.positions.items()}
    faults = iter(data.draw(st.lists(st.sampled_from(SHAKY), max_size=40)))
    asked = Venue.place
    world = World(venue, fault=lambda _effect: next(faults, None))

    def place(request: OrderRequest) -> Reply[object]:
        held = dict(venue.positions)
        reply = asked(venue, request)
        for key, now in venue.positions.items():
            assert abs(now.quantity) <= abs(held[key].quantity) <= before[key]
        return reply

    venue.place = place  # type: ignore[method-assign,assignment]
    state = world.run(venue.snapshot() if known else None, deadline=120.0)
    assert all(request.quantity <= before[request.symbol, request.position_side] for request in venue.received)
    assert state.outcome in (Outcome.FLAT, Outcome.NOTHING_OPEN)
    dust = {key: held for key, held in venue.positions.items() if abs(held.quantity) >= Decimal("0.001")}
    assert not dust and not venue.orders and not venue.algos
