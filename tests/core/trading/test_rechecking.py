"""What a gap or a crash swallowed is found by looking at the account again, unasked."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from canary_cli.core.model import (
    AccountMode,
    AccountSnapshot,
    AlgoOrder,
    AlgoStatus,
    Balance,
    Fill,
    Income,
    Order,
    OrderStatus,
    OrderType,
    Position,
    Side,
)
from canary_cli.core.trading.effects import Effect, Journal, Place, QueryOrder, RaiseAlert, ReadAccount, ReopenStream
from canary_cli.core.trading.events import (
    AccountRead,
    AccountUpdated,
    AlgoUpdated,
    LeverageChanged,
    OrderUpdated,
    ReadFailed,
    Stream,
    StreamAlive,
    StreamUp,
)
from canary_cli.core.trading.facts import Intended, Purpose, WalletMoved
from canary_cli.core.trading.inputs import LatchChanged, QueryAnswered, Replied, Tick
from canary_cli.core.trading.order import Stage
from canary_cli.core.trading.reconcile import DOUBTS, OVERTAKEN, is_strange
from canary_cli.core.trading.replies import Confirmed, Rejected, Unknown
from canary_cli.core.trading.standing import gross_exposure, is_pressing
from tests.core.trading.conftest import Desk, order_of
from tests.core.trading.test_session import entered, placed, signal


def probe(desk: Desk) -> Intended:
    """Let time pass until the first probe goes out."""
    return next(effect.intent for effect in wait(desk, 91) if isinstance(effect, Place))


def reading(desk: Desk, *fills: Fill, position: Decimal = Decimal(0)) -> AccountRead:
    """An account that holds `position` of BTCUSDT, or nothing."""
    ten = Decimal(10_000)
    mode = AccountMode(hedge=False, multi_assets=False)
    held = (Position("BTCUSDT", position, Decimal(50_000), Decimal(50_000)),) if position else ()
    return AccountRead(desk.now, AccountSnapshot(desk.now, Balance(ten, Decimal(0), ten, ten), mode, held), fills)


def wait(desk: Desk, seconds: int) -> list[Effect]:
    """Seconds in which both streams live and a tick comes."""
    asked: list[Effect] = []
    for _ in range(seconds):
        asked += desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
        asked += desk.tell(StreamAlive(desk.now, Stream.USER))
        asked += desk.tell(Tick(desk.now))
    return asked


def test_a_fill_that_the_stream_never_told_is_soon_looked_for(desk: Desk) -> None:
    intent = probe(desk)
    filled = replace(order_of(intent), status=OrderStatus.FILLED, executed=intent.quantity)
    desk.tell(reading(desk))
    desk.tell(Replied(desk.now, intent.client_id, Confirmed(filled), 40.0, 35.0))
    assert not any(isinstance(effect, ReadAccount) for effect in wait(desk, 1))
    assert any(isinstance(effect, ReadAccount) for effect in wait(desk, 6))


def test_the_account_is_read_again_now_and_then_though_nothing_seems_amiss(desk: Desk) -> None:
    desk.tell(reading(desk))
    looks = [effect for effect in wait(desk, 180) if isinstance(effect, ReadAccount)]
    assert len(looks) == 3


def test_a_reading_that_was_refused_is_asked_again_when_the_exchange_lets_us(desk: Desk) -> None:
    for told, waits in ((0.0, 1.0), (42.0, 42.0)):
        effects = desk.tell(ReadFailed(desk.now, "asks for quiet", told))
        assert [effect.delay for effect in effects if isinstance(effect, ReadAccount)] == [waits]


def test_what_is_kept_for_exits_is_for_readings_that_something_waits_for(desk: Desk) -> None:
    assert is_pressing(desk.state), "nothing is known before the first reading"
    desk.tell(reading(desk))
    assert not is_pressing(desk.state)
    later = replace(desk.state, now=desk.now + timedelta(seconds=91))
    assert is_pressing(later), "without a reading a quiet stream is soon not believed any more"
    intent = probe(desk)
    assert is_pressing(desk.state), "nobody has answered for the probe"
    desk.confirm(intent)
    desk.fill(intent, "50000")
    assert is_pressing(desk.state), "it has to go out again"


def test_an_exit_whose_end_fell_into_a_gap_does_not_block_the_next_one(desk: Desk) -> None:
    """Its fills came by REST, its final update never: it must not count as under way for ever."""
    intent = probe(desk)
    desk.confirm(intent)
    exit_ = next(effect.intent for effect in desk.fill(intent, "50000") if isinstance(effect, Place))
    assert exit_.purpose is Purpose.PROBE_EXIT
    fill = Fill(exit_.symbol, 99, 8, exit_.client_id, Side.SELL, Decimal(50_000), exit_.quantity, desk.now)
    desk.tell(reading(desk, fill))
    assert desk.state.orders[exit_.client_id].stage is Stage.ENDED


def strange_fill(desk: Desk, intent: Intended, client_id: str) -> Fill:
    """A trade, found in a list, that closes a position of ours and that none of our orders explains."""
    return Fill(intent.symbol, 99, 77, client_id, Side.SELL, Decimal(50_000), intent.quantity, desk.now)


@pytest.mark.parametrize(
    ("client_id", "latched"),
    [("adl_autoclose", "rollback"), ("web_x1", "foreign-order"), ("KILL-a-1", "kill-order"), ("", "foreign-order")],
)
def test_what_others_did_behind_our_back_latches_as_if_we_had_seen_it(desk: Desk, client_id: str, latched: str) -> None:
    intent = probe(desk)
    desk.fill(intent, "50000")
    desk.tell(reading(desk, strange_fill(desk, intent, client_id)))
    assert list(desk.state.latches) == [latched]
    assert intent.symbol not in desk.state.held


def test_only_a_trade_of_no_order_we_know_is_strange(desk: Desk) -> None:
    intent = probe(desk)
    ours = replace(strange_fill(desk, intent, ""), order_id=7, trade_id=1)
    assert is_strange(desk.state, ours)
    desk.confirm(intent)
    assert not is_strange(desk.state, ours)
    assert is_strange(desk.state, strange_fill(desk, intent, ""))


def test_an_order_without_an_answer_is_asked_for_when_none_can_come_any_more(desk: Desk) -> None:
    intent = probe(desk)
    assert not any(isinstance(effect, QueryOrder) for effect in desk.tell(reading(desk)))
    wait(desk, 61)
    asked = desk.tell(reading(desk))
    assert [effect.client_id for effect in asked if isinstance(effect, QueryOrder)] == [intent.client_id]
    assert desk.state.orders[intent.client_id].stage is Stage.UNKNOWN


def test_the_end_of_a_confirmed_order_is_asked_for_and_taken_in(desk: Desk) -> None:
    intent = probe(desk)
    desk.confirm(intent)
    wait(desk, 61)
    assert any(isinstance(effect, QueryOrder) for effect in desk.tell(reading(desk)))
    expired = replace(order_of(intent), status=OrderStatus.EXPIRED)
    desk.tell(QueryAnswered(desk.now, intent.client_id, answered=True, order=expired))
    assert desk.state.orders[intent.client_id].stage is Stage.ENDED


def test_a_signal_that_comes_while_a_probe_is_under_way_enters_when_it_is_out(desk: Desk) -> None:
    inward = probe(desk)
    assert not placed(desk.tell(signal(desk, symbol=inward.symbol)))
    (out,) = placed(desk.fill(inward, "50000"))
    assert not placed(desk.tell(signal(desk, symbol=inward.symbol)))
    (entry,) = placed(desk.fill(out, "50000"))
    assert (entry.purpose, entry.symbol) == (Purpose.ENTRY, inward.symbol)


def test_a_signal_that_waits_for_a_probe_which_is_refused_enters_at_once(desk: Desk) -> None:
    inward = probe(desk)
    desk.tell(signal(desk, symbol=inward.symbol))
    (entry,) = placed(desk.tell(Replied(desk.now, inward.client_id, Rejected(-2010, "no"), 40.0, 35.0)))
    assert entry.purpose is Purpose.ENTRY


def test_no_probe_goes_into_a_pair_whose_entry_has_filled_and_not_been_told(desk: Desk) -> None:
    """The reply tells the end of an order before the stream tells its trades."""
    intent = probe(desk)
    out = placed(desk.fill(intent, "50000"))[0]
    desk.fill(out, "50000")
    desk.state = replace(desk.state, pairs=("BTCUSDT",))
    (entry,) = placed(desk.tell(signal(desk)))
    filled = replace(order_of(entry), status=OrderStatus.FILLED, executed=entry.quantity)
    desk.tell(Replied(desk.now, entry.client_id, Confirmed(filled), 40.0, 35.0))
    assert not [effect for effect in wait(desk, 100) if isinstance(effect, Place)]
    assert gross_exposure(desk.state) == entry.quantity * 50_000


def naked(desk: Desk) -> Intended:
    """Hold a position whose stop was never answered for, longer than that may last."""
    (entry,) = (effect.intent for effect in desk.tell(signal(desk)) if isinstance(effect, Place))
    desk.confirm(entry)
    desk.fill(entry, "50000")
    return entry


def exits(effects: list[Effect]) -> list[Intended]:
    return [e.intent for e in effects if isinstance(e, Place) and e.intent.purpose is Purpose.EXIT]


def test_nothing_is_closed_on_belief_before_the_account_has_been_read_once(desk: Desk) -> None:
    entry = naked(desk)
    desk.state = replace(desk.state, read_answered=None)  # as after a crash
    assert not exits(wait(desk, 60))
    desk.tell(reading(desk, position=entry.quantity))
    assert exits(wait(desk, 1))


def test_what_the_exchange_says_is_not_there_is_not_closed_again_and_again(desk: Desk) -> None:
    """A refused exit would count as an error of ours, and in phase 1 one error ends the run."""
    entry = naked(desk)
    desk.tell(reading(desk))
    assert not exits(wait(desk, 60))
    desk.tell(reading(desk, position=entry.quantity))
    assert exits(wait(desk, 1))


def test_a_signal_that_turns_closes_though_a_probe_of_the_pair_is_without_an_answer(desk: Desk) -> None:
    inward = probe(desk)
    desk.tell(reading(desk, replace(strange_fill(desk, inward, "web_1"), side=Side.BUY), position=inward.quantity))
    desk.state = replace(desk.state, held={inward.symbol: replace(desk.state.held[inward.symbol], foreign=False)})
    (exit,) = placed(desk.tell(signal(desk, Side.SELL, inward.symbol)))
    assert (exit.purpose, exit.side, exit.reduce_only) == (Purpose.EXIT, Side.SELL, True)


def doubted(desk: Desk, seen: AccountRead) -> None:
    for _ in range(3):
        desk.tell(seen)


@pytest.mark.parametrize(
    ("mode", "word"),
    [(AccountMode(hedge=True, multi_assets=False), "hedge"), (AccountMode(hedge=False, multi_assets=True), "multi")],
)
def test_an_account_whose_mode_somebody_has_switched_is_a_mismatch(desk: Desk, mode: AccountMode, word: str) -> None:
    seen = reading(desk)
    doubted(desk, replace(seen, snapshot=replace(seen.snapshot, mode=mode)))
    assert word in desk.state.latches["mismatch"]


def test_an_order_that_a_reading_finds_and_that_is_not_ours_latches(desk: Desk) -> None:
    theirs = Order(99, "web_1", "ETHUSDT", Side.BUY, OrderType.LIMIT, OrderStatus.NEW, Decimal(1))
    seen = reading(desk)
    desk.tell(replace(seen, snapshot=replace(seen.snapshot, orders=(theirs,))))
    assert "web_1" in desk.state.latches["foreign-order"]


def test_a_conditional_order_by_another_hand_latches(desk: Desk) -> None:
    theirs = AlgoOrder(99, "web_1", "ETHUSDT", Side.SELL, OrderType.STOP_MARKET, AlgoStatus.NEW, Decimal(2900))
    desk.tell(AlgoUpdated(desk.now, theirs))
    assert "web_1" in desk.state.latches["foreign-order"]


def moved(desk: Desk, amount: int, wallet: int, *, row: bool = True) -> AccountRead:
    """A reading after USDT was moved, with the row of the income ledger that tells of it."""
    seen, money = reading(desk), Decimal(wallet)
    rows = (Income("TRANSFER", 5, "", "USDT", Decimal(amount), desk.now),) if row else ()
    balance = Balance(money, Decimal(0), money, money)
    return replace(seen, snapshot=replace(seen.snapshot, balance=balance), transfers=rows)


@pytest.mark.parametrize("amount", [-400, 400])
def test_money_moved_while_nobody_listened_is_neither_won_nor_lost(desk: Desk, amount: int) -> None:
    desk.tell(reading(desk))
    wait(desk, 10)
    desk.tell(moved(desk, amount, 10_000 + amount))
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    assert (desk.state.equity, desk.state.peak) == (10_000 + amount, 10_000 + amount)
    assert not desk.state.rolling_back


@pytest.mark.parametrize(("amount", "wallet"), [(-400, 9200), (400, 10_800)])
def test_two_transfers_of_one_amount_within_a_gap_are_two(desk: Desk, amount: int, wallet: int) -> None:
    desk.tell(reading(desk))
    wait(desk, 10)
    both = moved(desk, amount, wallet)
    first = replace(both.transfers[0], id=4, time=desk.now - timedelta(seconds=3))
    for _ in range(2):
        desk.tell(replace(both, transfers=(first, *both.transfers)))
        desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
        assert (desk.state.equity, desk.state.peak) == (wallet, wallet)
    assert not desk.state.rolling_back


def test_a_transfer_that_the_stream_told_is_not_counted_again_when_the_wallet_changes(desk: Desk) -> None:
    desk.tell(reading(desk))
    wait(desk, 10)
    desk.tell(AccountUpdated(desk.now, "WITHDRAW", Decimal(9600), Decimal(-400)))
    for _ in range(2):
        desk.tell(moved(desk, -400, 9590))
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    assert (desk.state.equity, desk.state.peak) == (9590, 9600)


def test_what_went_without_a_transfer_is_a_loss(desk: Desk) -> None:
    """Seen once it may be a transfer that is about to be told; seen again it counts."""
    desk.tell(reading(desk))
    wait(desk, 10)
    effects = desk.tell(moved(desk, -400, 9600, row=False))
    assert [effect.delay for effect in effects if isinstance(effect, ReadAccount)] == [1.0]
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    assert not desk.state.rolling_back
    desk.tell(moved(desk, -400, 9600, row=False))
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    assert desk.state.rolling_back == "breaker"


@pytest.mark.parametrize("amount", [-1000, 1000])
def test_a_transfer_that_a_reading_shows_before_anybody_tells_of_it_trips_nothing(desk: Desk, amount: int) -> None:
    """A gain, and the deposit that it was, raised the peak twice; a withdrawal was a loss until it was told."""
    desk.tell(reading(desk))
    wait(desk, 10)
    told = AccountUpdated(desk.now, "TRANSFER", Decimal(10_000 + amount), Decimal(amount))
    desk.tell(moved(desk, amount, 10_000 + amount, row=False))
    desk.mark(after=0.2, BTCUSDT="50000", ETHUSDT="3000")
    desk.tell(told)
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    assert (desk.state.equity, desk.state.peak) == (10_000 + amount, 10_000 + amount)
    assert not desk.state.rolling_back


def test_what_a_stop_cost_in_a_gap_is_in_the_equity_whatever_else_the_stream_has_said_since(desk: Desk) -> None:
    """The position was gone and its loss not in the wallet yet: the breaker was blind to it until the next look."""
    desk.tell(reading(desk))
    entry, (stop, _) = entered(desk)
    desk.mark(after=1, BTCUSDT="36000", ETHUSDT="3000")
    fill = Fill("BTCUSDT", 501, 77, stop.client_id, Side.SELL, Decimal(36_000), entry.quantity, desk.now)
    seen = replace(moved(desk, -280, 9720, row=False), fills=(fill,))
    desk.mark(after=0.1, BTCUSDT="36000", ETHUSDT="3000")
    desk.tell(LeverageChanged(desk.now, "ETHUSDT", Decimal(10)))

    desk.tell(seen)

    desk.mark(after=1, BTCUSDT="36000", ETHUSDT="3000")
    assert not desk.state.held
    assert desk.state.equity == 9720


def told_by_reading(desk: Desk, entry: Intended) -> AccountRead:
    """The entry is found filled, a moment after it was sent, by a reading of half a minute later."""
    fill = Fill(entry.symbol, 77, 9, entry.client_id, Side.BUY, Decimal(50_000), entry.quantity, desk.now)
    wait(desk, 30)
    return reading(desk, fill, position=entry.quantity)


def test_a_stream_that_kept_a_trade_back_lives_no_more_by_its_pongs(desk: Desk) -> None:
    """The line is opened anew at once; where that brings nothing either, 30 s later the run is rolled back."""
    wait(desk, 30)
    (entry,) = placed(desk.tell(signal(desk)))

    effects = desk.tell(told_by_reading(desk, entry))
    assert [effect.stream for effect in effects if isinstance(effect, ReopenStream)] == [Stream.USER]
    assert "never told of trade 77" in desk.state.conditions["user-stream"].detail

    wait(desk, 29)
    assert not desk.state.rolling_back
    wait(desk, 3)
    assert desk.state.rolling_back == "user-stream"


def test_a_new_line_or_a_word_of_its_own_gives_the_stream_its_credit_back(desk: Desk) -> None:
    for proof in (StreamUp(desk.now, Stream.USER), AccountUpdated(desk.now, "ORDER", Decimal(9_990), Decimal(-10))):
        decider = Desk(desk.state.setup.plan).open()
        wait(decider, 30)
        (entry,) = placed(decider.tell(signal(decider)))
        decider.tell(told_by_reading(decider, entry))
        assert decider.state.user_doubt
        decider.tell(replace(proof, time=decider.now))
        decider.tell(reading(decider, position=entry.quantity))
        wait(decider, 40)
        assert not decider.state.rolling_back


def test_what_happened_before_a_line_came_up_or_only_just_now_is_no_doubt(desk: Desk) -> None:
    (entry,) = placed(desk.tell(signal(desk)))
    found = told_by_reading(desk, entry)
    just_now = replace(found, fills=tuple(replace(fill, time=desk.now) for fill in found.fills))
    for event in (just_now, found):  # `found` is of the moment in which the line came up
        decider = Desk(desk.state.setup.plan)
        decider.state = desk.state
        assert not [effect for effect in decider.tell(event) if isinstance(effect, ReopenStream)]


def test_a_reading_that_the_stream_has_overtaken_neither_sets_the_wallet_back_nor_stops_entries(desk: Desk) -> None:
    """Asked before the trade, answered after it was told: both say the truth of their moment."""
    desk.tell(reading(desk))
    late = reading(desk)
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    (entry,) = placed(desk.tell(signal(desk)))
    desk.confirm(entry)
    desk.fill(entry, "50000")
    desk.tell(AccountUpdated(desk.now, "ORDER", Decimal(9_990), Decimal(0)))

    effects = desk.tell(late)

    assert desk.state.wallet == 9_990
    assert desk.state.reconciled and not desk.state.absent
    assert [effect.delay for effect in effects if isinstance(effect, ReadAccount)] == [1.0]


def test_a_stream_that_speaks_after_every_question_hides_no_mismatch_for_ever(desk: Desk) -> None:
    desk.tell(reading(desk))
    for number in range(OVERTAKEN + DOUBTS):
        assert desk.state.reconciled is (number <= OVERTAKEN) and not desk.state.latches
        late = reading(desk, position=Decimal(1))
        desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
        desk.tell(AccountUpdated(desk.now, "ORDER", Decimal(10_000), Decimal(0)))
        desk.tell(late)
    assert set(desk.state.latches) == {"mismatch"}


def funding(desk: Desk, change: str, wallet: str, after: float = 0.0) -> AccountUpdated:
    return AccountUpdated(desk.now + timedelta(seconds=after), "FUNDING_FEE", Decimal(wallet), Decimal(change))


def moves(effects: Iterable[Effect]) -> list[Decimal]:
    return [e.fact.change for e in effects if isinstance(e, Journal) and isinstance(e.fact, WalletMoved)]


def test_a_funding_that_is_told_again_counts_once_also_much_later(desk: Desk) -> None:
    first, second = funding(desk, "-2", "9998"), funding(desk, "-2", "9996")
    assert moves((*desk.tell(first), *desk.tell(second), *desk.tell(first))) == [-2, -2]
    desk.tell(AccountUpdated(desk.now, "ORDER", Decimal(9_990), Decimal(0)))
    wait(desk, 600)
    assert not moves(desk.tell(first))
    assert desk.state.wallet == 9_990


def test_a_deposit_replayed_after_other_news_moves_the_peak_once(desk: Desk) -> None:
    deposit = AccountUpdated(desk.now, "DEPOSIT", Decimal(15_000), Decimal(5_000))
    desk.tell(deposit)
    desk.tell(AccountUpdated(desk.now + timedelta(seconds=9), "ORDER", Decimal(14_990), Decimal(0)))
    desk.tell(deposit)
    desk.mark(BTCUSDT="50000", ETHUSDT="3000")
    assert (desk.state.wallet, desk.state.peak) == (14_990, 15_000)


def test_news_out_of_its_order_counts_and_does_not_set_the_wallet_back(desk: Desk) -> None:
    late = funding(desk, "-3", "9997")
    desk.tell(AccountUpdated(desk.now + timedelta(seconds=1), "ORDER", Decimal(9_990), Decimal(0)))
    assert moves(desk.tell(late)) == [-3]
    desk.tell(AccountUpdated(desk.now - timedelta(seconds=5), "ORDER", Decimal(9_999), Decimal(0)))
    assert desk.state.wallet == 9_990


def test_a_reading_from_before_a_stop_was_sent_says_nothing_of_it(desk: Desk) -> None:
    """The exchange answers neither; the reading that was under way does not show the stop: it may rest all the same."""
    desk.tell(reading(desk))
    (entry,) = placed(desk.tell(signal(desk)))
    desk.confirm(entry)
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    early = reading(desk, position=entry.quantity)
    desk.mark(after=0.1, BTCUSDT="50000", ETHUSDT="3000")
    stop, target = placed(desk.fill(entry, "50000"))
    for one in (stop, target):
        desk.tell(Replied(desk.now, one.client_id, Unknown("503 Unknown error"), 40.0, 35.0))

    effects = desk.tell(early)

    assert not placed(effects), "nothing is closed"
    assert [effect for effect in effects if isinstance(effect, ReadAccount)]
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    (exit,) = placed(desk.tell(reading(desk, position=entry.quantity)))
    assert exit.purpose is Purpose.EXIT, "that one does not show it either: nothing guards the position"


def by_hand(desk: Desk, side: Side, quantity: str) -> Iterable[Effect]:
    """Somebody trades BTCUSDT in the exchange's own app."""
    amount = Decimal(quantity)
    order = Order(90, "web_1", "BTCUSDT", side, OrderType.MARKET, OrderStatus.FILLED, amount, amount)
    fill = Fill("BTCUSDT", 900 + len(desk.state.trades), 90, "web_1", side, Decimal(50_000), amount, desk.now)
    return desk.tell(OrderUpdated(desk.now, order, "TRADE", fill))


@pytest.mark.parametrize("has_traded", [False, True])
def test_a_position_opened_by_another_hand_is_counted_and_left_to_its_owner(desk: Desk, has_traded: bool) -> None:
    """It may be a hedge: it was sold after 30 s, or given a stop measured from an entry that was long over."""
    desk.tell(reading(desk))
    if has_traded:
        entry, _ = entered(desk)
        by_hand(desk, Side.SELL, str(entry.quantity))
        desk.tell(reading(desk))
    asked = [*by_hand(desk, Side.BUY, "3")]
    assert any(isinstance(one, RaiseAlert) and "opened by another hand" in one.message for one in asked)
    desk.tell(LatchChanged(desk.now, (), ("foreign-order",)))
    asked += [*desk.tell(reading(desk, position=Decimal(3))), *wait(desk, 40)]
    asked += desk.tell(signal(desk, Side.SELL))
    assert not placed(tuple(asked))
    desk.mark(after=1, BTCUSDT="49900", ETHUSDT="3000")
    assert desk.state.equity == 10_000 - 300 and desk.state.held["BTCUSDT"].quantity == 3


def test_what_another_hand_adds_to_a_position_of_ours_is_guarded_with_it(desk: Desk) -> None:
    desk.tell(reading(desk))
    entry, (stop, _) = entered(desk)
    by_hand(desk, Side.BUY, "1")
    desk.tell(Replied(desk.now, stop.client_id, Rejected(-2021, "would trigger"), 40.0, 35.0))
    (exit,) = [life.intent for life in desk.state.orders.values() if life.intent.purpose is Purpose.EXIT]
    assert exit.quantity == entry.quantity + 1


@pytest.mark.parametrize(("wallet", "change"), [("NaN", "1"), ("11000", "NaN"), ("Infinity", "0")])
def test_a_balance_that_is_no_number_is_asked_for_and_blinds_no_breaker(desk: Desk, wallet: str, change: str) -> None:
    desk.tell(reading(desk))
    entered(desk)
    for reason in ("ORDER", "DEPOSIT"):
        effects = desk.tell(AccountUpdated(desk.now, reason, Decimal(wallet), Decimal(change)))
        assert any(isinstance(effect, ReadAccount) for effect in effects)
    none = Decimal("NaN")
    held = reading(desk, position=Decimal("0.020"))
    desk.tell(replace(held, snapshot=replace(held.snapshot, balance=Balance(none, none, none, none))))
    desk.mark(after=1, BTCUSDT="50000", ETHUSDT="3000")
    assert (desk.state.equity, desk.state.peak) == (10_000, 10_000)
    desk.mark(after=1, BTCUSDT="34000", ETHUSDT="3000")
    assert desk.state.rolling_back == "breaker"


def alerts(effects: Iterable[Effect]) -> list[str]:
    return [effect.message for effect in effects if isinstance(effect, RaiseAlert)]


def test_an_account_that_cannot_be_read_is_told_once_until_it_can_be_again(desk: Desk) -> None:
    """Told each second it filled a channel, in which the word of a rollback then had to wait its turn."""
    for _ in range(2):
        told = [*desk.tell(ReadFailed(desk.now, "no answer")), *desk.tell(ReadFailed(desk.now, "no answer"))]
        assert alerts(told) == ["the account cannot be read: no answer"]
        desk.tell(reading(desk))


def test_an_exit_that_is_refused_again_and_again_is_told_ever_more_seldom(desk: Desk) -> None:
    desk.tell(reading(desk))
    entry, _ = entered(desk)
    told = list(desk.tell(signal(desk, Side.SELL)))
    assert alerts(told) == ["closing BTCUSDT: the signal turned"]
    for _ in range(16):
        (exit,) = [life.intent for life in desk.state.orders.values() if life.is_open and life.intent.reduce_only]
        told += desk.tell(Replied(desk.now, exit.client_id, Rejected(-1008, "overloaded"), 40.0, 35.0))
        told += desk.tell(reading(desk, position=entry.quantity))
    assert len(alerts(told)) == 1 + 5, "the 1st refusal, the 2nd, 4th, 8th and 16th"


def test_an_exit_that_is_refused_for_long_leaves_the_rates_to_whoever_closes_the_account(desk: Desk) -> None:
    """Ten orders a second, and a reading as soon as the one before was answered, had the address banned: then no exit
    passes either."""
    desk.tell(reading(desk))
    _, (stop, _) = entered(desk)
    gone = AlgoOrder(
        1, stop.client_id, "BTCUSDT", Side.SELL, OrderType.STOP_MARKET, AlgoStatus.CANCELED, Decimal(49_000)
    )
    effects, exits, pauses = desk.tell(AlgoUpdated(desk.now, gone)), 0, list[float]()
    for _ in range(180):
        for exit_ in placed(effects):
            exits += 1
            refusal = Replied(desk.now, exit_.client_id, Rejected(-4131, "the book is empty"), 40.0, 35.0)
            pauses += [effect.delay for effect in desk.tell(refusal) if isinstance(effect, ReadAccount)]
        effects = wait(desk, 1)
    assert 25 < exits < 35, "one in five seconds, once nothing had guarded it for thirty"
    assert set(pauses[10:]) == {5.0}
