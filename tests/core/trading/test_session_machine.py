"""Any script of events, crashes included: the session and the flatten keep what `promises` lists.

The session writes into a journal that a power cut shortens, its requests and the exchange's messages get lost, late,
doubled or out of order, and people and strangers act on the same account. 200 scripts here, 2,000 in `make soak`.
"""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from canary_cli.core.model import AlgoStatus, Book, OrderType, Side
from canary_cli.core.policy.plan import Plan
from canary_cli.core.signals import Evaluation, Evidence, Reason, Signal
from canary_cli.core.trading import flatten
from canary_cli.core.trading.conditions import DATABASE
from canary_cli.core.trading.effects import (
    CancelAlgo,
    Effect,
    Journal,
    Note,
    Place,
    QueryOrder,
    ReadAccount,
    ReadLeverage,
    SetLatch,
    StartRollback,
)
from canary_cli.core.trading.events import (
    AccountRead,
    LeverageRead,
    MarksUpdated,
    Quoted,
    ReadFailed,
    Stream,
    StreamAlive,
    StreamDown,
    StreamUp,
)
from canary_cli.core.trading.facts import Intended
from canary_cli.core.trading.inputs import (
    ConditionChanged,
    Decided,
    EnterPhase,
    Input,
    LatchChanged,
    QueryAnswered,
    Replied,
    Tick,
)
from canary_cli.core.trading.replies import Failed, Rejected, Reply, Throttled, Unknown
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.state import Session, Setup
from canary_cli.session.live import known_account
from canary_cli.session.rebuilding import rebuilt
from canary_cli.session.scribe import Scribe, Standing
from canary_cli.session.simulate.journal import MemoryJournal
from canary_cli.steps.plan import load_plan
from tests.core.trading.conftest import GOLIVE, NOON
from tests.core.trading.conftest import rules as filters
from tests.core.trading.promises import Promises, assert_closes
from tests.core.trading.trading_venue import TradingVenue

RULES = {"BTCUSDT": filters("BTCUSDT", "0.1", "0.001"), "ETHUSDT": filters("ETHUSDT", "0.01", "0.001")}
PRICES = {"BTCUSDT": Decimal(50_000), "ETHUSDT": Decimal(3_000)}
LOST, UNHEARD, LATE, DONE = "lost", "done, and not heard of", "done later, and not heard of", "done"
RECV_WINDOW = timedelta(seconds=2.5)
"""Less than the time that an order without an answer is asked about before it counts as absent."""

REFUSALS: tuple[Reply[Any], ...] = (Rejected(-2010, "no"), Failed(-1001, "503"), Throttled(1.0), Unknown("-1007"))

symbols = st.sampled_from(sorted(RULES))
sides = st.sampled_from(list(Side))
which = st.integers(0, 7)
"""Picks one of what waits; modulo how many there are."""
fates: st.SearchStrategy[Any] = st.sampled_from([*[DONE] * 6, UNHEARD, LOST, LATE, *REFUSALS])
CALM = 100
"""Rounds of 2.6 s without any trouble after which everything must be settled."""

seconds = st.sampled_from([0.1, 0.5, 1.0, 5.0, 20.0, 95.0])


@cache
def the_plan() -> Plan:
    return load_plan(GOLIVE, GOLIVE.parents[1])


class Trading(RuleBasedStateMachine):
    """A session at a venue. What it asks for waits in lists until a rule lets it happen, in any order or never."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.venue = TradingVenue(now=NOON, rules=dict(RULES), prices=dict(PRICES))
        self.journal = MemoryJournal(lambda: self.now)
        self.promises = Promises(self.venue)
        self.latches: dict[str, str] = {}
        self.starts = 0
        self.late: list[tuple[datetime, Intended]] = []
        self.touched_by_others: set[str] = set()
        self.checks = 0
        self.start()
        self.read(True)
        self.prices()
        self.journal.sync()

    # The session's life

    def start(self) -> None:
        self.starts += 1
        self.scribe = Scribe(self.journal, "run-1", "run", self.standing)
        self.scribe.heard.append(self.promises.on_record)
        self.state = rebuilt(self.setup, self.now, self.journal.entries())
        self.orders: list[Intended] = []
        self.replies: list[Input] = []
        self.messages: list[Input] = []
        self.questions: list[tuple[timedelta, QueryOrder]] = []
        self.wants_reading = False
        self.closing: flatten.Flatten | None = None
        self.deeds: list[flatten.Effect] = []
        self.streams = {Stream.MARKET: True, Stream.USER: True}
        self.venue.told.clear()
        self.tell(LatchChanged(self.now, tuple((source, why, "session") for source, why in self.latches.items())))
        for stream in Stream:
            self.tell(StreamUp(self.now, stream))
        self.prices()
        if self.state.phase is None:
            self.tell(EnterPhase(self.now, self.setup.plan.phase(1), tuple(RULES), None))
        if "rollback" in self.latches:
            self.close(known=False)

    @property
    def setup(self) -> Setup:
        return Setup("run-1", f"c1-{self.starts}-", the_plan(), RULES, health=10.0)

    def standing(self) -> Standing:
        return Standing(self.state.phase.number if self.state.phase else None)

    def tell(self, event: Input) -> None:
        before = self.state
        self.state, effects = decide(before, event)
        for effect in effects:
            self.perform(effect)
        self.promises.on_decided(event, before, self.state)
        if any(isinstance(effect, ReadLeverage) for effect in effects):
            self.tell(LeverageRead(self.now, dict.fromkeys(RULES, Decimal(20))))

    def perform(self, effect: Effect) -> None:
        match effect:
            case Journal(fact):
                self.scribe.write_fact(fact)
            case Note():
                self.scribe.note(effect)
            case Place(intent):
                self.orders.append(intent)
            case CancelAlgo(algo_id=algo_id):
                self.venue.cancel(flatten.CancelAlgo(effect.symbol, algo_id))
                self.listen()
            case QueryOrder():
                self.questions.append((self.now - NOON + timedelta(seconds=effect.delay), effect))
            case ReadAccount():
                self.wants_reading = True
            case SetLatch(source, reason):
                self.latch(source, reason)
            case StartRollback():
                self.close(known=True)

    def latch(self, source: str, reason: str) -> None:
        self.latches[source] = reason
        self.promises.on_latch()

    def listen(self) -> None:
        """The exchange has done something: the promises look at it, and its messages are on their way."""
        self.promises.on_exchange()
        if self.streams[Stream.USER]:
            self.messages += self.venue.told
        self.venue.told.clear()

    def prices(self) -> None:
        if self.streams[Stream.MARKET]:
            for symbol, price in self.venue.prices.items():
                level = ((price, Decimal(10)),)
                self.tell(Quoted(self.now, Book(symbol, level, level, self.now)))
            self.tell(MarksUpdated(self.now, dict(self.venue.prices)))

    # The market and the clock

    @rule(symbol=symbols, side=sides, goes_well=st.booleans())
    def signal(self, symbol: str, side: Side, goes_well: bool) -> None:
        self.tell(self.wanted(symbol, side))
        if goes_well:
            self.settle()

    def wanted(self, symbol: str, side: Side) -> Decided:
        price = self.venue.prices[symbol]
        away = RULES[symbol].round_price(price / 100, up=True)
        seen = Evaluation(symbol, self.now, float(price), side, (), 3.5, 82.0, 4, 0, 100.0, float(away), Reason.NONE,
                          Evidence())  # fmt: skip
        signal = Signal(symbol, side, self.now, price, price - side.sign * away, price + side.sign * away * 3 / 2,
                        float(away), seen)  # fmt: skip
        return Decided(self.now, seen, signal)

    @rule(symbol=symbols, permille=st.sampled_from([-120, -12, -1, 1, 12, 60]))
    def price(self, symbol: str, permille: int) -> None:
        moved = self.venue.prices[symbol] * (1000 + permille) / 1000
        self.venue.move(symbol, RULES[symbol].round_price(moved, up=True))
        self.listen()
        self.prices()

    @rule(after=seconds)
    def wait(self, after: float) -> None:
        """An order leaves within a moment of its decision: what still waits to be sent goes before a longer while."""
        while self.orders and timedelta(seconds=after) > RECV_WINDOW:
            self.send(0, DONE, 1, 1)
        self.now += timedelta(seconds=after)
        self.venue.now = self.now
        self.journal.sync()
        self.prices()
        if self.streams[Stream.USER]:
            self.tell(StreamAlive(self.now, Stream.USER))
        self.tell(Tick(self.now))
        self.flatten(flatten.Woken(self.elapsed))

    @property
    def elapsed(self) -> float:
        return (self.now - NOON).total_seconds()

    # What becomes of orders

    @precondition(lambda self: self.orders)
    @rule(one=which, fate=fates, pieces=st.integers(1, 3), share=st.sampled_from([1, 1, 1, "0.5", 0]))
    def send(self, one: int, fate: Any, pieces: int, share: Any) -> None:
        """The intent is on disk before the request leaves; then anything may become of it."""
        intent = self.orders.pop(one % len(self.orders))
        self.journal.sync()
        reply: Reply[Any] = Unknown("no answer") if isinstance(fate, str) else fate
        if fate in (DONE, UNHEARD):
            told = self.arrive(intent, pieces, Decimal(share))
            reply = told if fate == DONE else reply
        elif fate == LATE:
            self.late.append((self.now, intent))
        self.replies.append(Replied(self.now, intent.client_id, reply, 40.0, 35.0))

    def arrive(self, intent: Intended, pieces: int = 1, share: Decimal = Decimal(1)) -> Reply[Any]:
        request = intent.request
        told = self.venue.place_algo(request) if intent.type.is_algo else self.venue.place(request, pieces, share)
        self.listen()
        return told

    @precondition(lambda self: self.late)
    @rule()
    def late_arrival(self) -> None:
        """What nobody could answer for is done after all, as long as the exchange takes it (recvWindow)."""
        sent, intent = self.late.pop(0)
        if self.now - sent <= RECV_WINDOW:
            self.arrive(intent)

    @precondition(lambda self: self.replies)
    @rule(one=which)
    def reply(self, one: int) -> None:
        answer = self.replies.pop(one % len(self.replies))
        self.tell(replace(answer, time=self.now))

    @precondition(lambda self: self.messages)
    @rule(one=st.sampled_from([0, 0, 0, 1, 2]), fate=st.sampled_from(["once", "once", "once", "twice", "never"]))
    def message(self, one: int, fate: str) -> None:
        event = self.messages.pop(one % len(self.messages))
        if fate != "never":
            self.tell(event)
        if fate == "twice":
            held = self.state.held
            self.tell(event)
            assert self.state.held == held, "5: told twice, counted twice"

    @precondition(lambda self: self.due())
    @rule(one=which, fate=st.sampled_from([DONE, DONE, DONE, "not found yet", LOST]))
    def answer(self, one: int, fate: str) -> None:
        asked = self.due()[one % len(self.due())]
        self.questions.remove(asked)
        client_id = asked[1].client_id
        order = self.venue.done.get(client_id) if fate == DONE else None
        self.tell(QueryAnswered(self.now, client_id, fate != LOST, order))

    def due(self) -> list[tuple[timedelta, QueryOrder]]:
        return [asked for asked in self.questions if asked[0] <= self.now - NOON]

    @precondition(lambda self: self.wants_reading)
    @rule(works=st.sampled_from([True, True, True, False]))
    def read(self, works: bool) -> None:
        self.wants_reading = False
        if works:
            self.tell(AccountRead(self.now, self.venue.snapshot(), tuple(self.venue.fills)))
        else:
            self.tell(ReadFailed(self.now, "away"))

    @rule()
    def go_well(self) -> None:
        """For a moment nothing goes wrong: everything that waits happens, in order."""
        self.settle()

    # Streams, the database, and other hands

    @rule(what=st.sampled_from(["market down", "user down", "away", "back", "disable", "deposit", "die", "KILL-other-1",
                                "web_1", "adl_autoclose", "open"]), symbol=symbols, side=sides)  # fmt: skip
    def disturb(self, what: str, symbol: str, side: Side) -> None:
        match what:
            case "market down" | "user down":
                self.stream_down(Stream(what.partition(" ")[0]))
            case "away" | "back":
                self.tell(ConditionChanged(self.now, DATABASE, what == "away", "no answer"))
            case "disable":
                self.latch("trading disable", "by hand")
                self.tell(LatchChanged(self.now, (("trading disable", "by hand", "anna"),)))
            case "deposit":
                self.venue.deposit(Decimal(500))
            case "die":
                for algo_id in list(self.venue.algos)[:1]:
                    self.venue.end_algo(algo_id, AlgoStatus.EXPIRED)
            case "open":
                self.others(symbol, side, Decimal("0.002"), "web_2")
            case _:
                held = self.venue.quantity(symbol)
                self.others(symbol, Side.SELL if held > 0 else Side.BUY, abs(held), what)
        self.listen()

    @precondition(lambda self: self.venue.algos)
    @rule(one=which)
    def vanish(self, one: int) -> None:
        """What was to guard a position rests at the exchange no more, and nobody tells."""
        del self.venue.algos[sorted(self.venue.algos)[one % len(self.venue.algos)]]

    def others(self, symbol: str, side: Side, quantity: Decimal, client_id: str) -> None:
        if quantity:
            self.touched_by_others.add(symbol)
            self.checks = 0
            self.venue.by_hand(symbol, side, quantity, client_id)

    def stream_down(self, stream: Stream) -> None:
        if self.streams[stream]:
            self.streams[stream] = False
            self.messages = [] if stream is Stream.USER else self.messages
            self.tell(StreamDown(self.now, stream, "lost"))

    @precondition(lambda self: not all(self.streams.values()))
    @rule()
    def streams_up(self) -> None:
        for stream in Stream:
            if not self.streams[stream]:
                self.streams[stream] = True
                self.tell(StreamUp(self.now, stream))

    @precondition(lambda self: self.latches and self.closing is None)
    @rule()
    def enable(self) -> None:
        cleared, self.latches = tuple(self.latches), {}
        self.promises.on_cleared()
        self.checks = 0
        self.tell(LatchChanged(self.now, (), cleared))

    # Crashes

    @rule(what=st.sampled_from(["nothing", "nothing", "nothing", "kill -9", "power cut"]), away=seconds)
    def crash(self, what: str, away: float) -> None:
        """What was decided and not sent never will be; what was sent goes on at the exchange."""
        if what == "nothing":
            return
        if what == "power cut":
            self.journal.cut_power()
            self.promises.forget(self.journal.entries())
        else:
            self.remembers()
        self.now += timedelta(seconds=away)
        self.venue.now = self.now
        self.start()

    def remembers(self) -> None:
        """A session rebuilt from its journal knows what the one that crashed knew."""
        again = rebuilt(self.setup, self.now, self.journal.entries())
        for name in ("held", "trades", "sequence", "latches", "pairs", "adopted", "algos"):
            assert getattr(self.state, name) == getattr(again, name), f"forgotten in a crash: {name}"
        assert _lives(self.state) == _lives(again), "forgotten in a crash: orders"

    # Flatten

    def close(self, *, known: bool) -> None:
        if self.closing is None:
            self.checks = 0
            self.begin(known_account(self.state) if known else None)

    def begin(self, known: Any) -> None:
        self.closing = flatten.Flatten(f"KILL-{self.starts}-{len(self.venue.received)}-", RULES)
        self.flat_when_read: list[bool] = []
        self.flatten(flatten.Begin(self.elapsed, known))

    def flatten(self, event: flatten.Event) -> None:
        if self.closing is None:
            return
        self.closing, effects = flatten.decide(self.closing, event)
        self.deeds += [effect for effect in effects if not isinstance(effect, flatten.Wake)]
        if self.closing.outcome is not None:
            assert self.flat_when_read[-2:] == [True, True], "4: called flat, and was not"
            self.closing, self.deeds, self.checks = None, [], self.checks + 1

    @precondition(lambda self: self.deeds)
    @rule(one=which, fate=fates)
    def deed(self, one: int, fate: Any) -> None:
        """Every deed takes a moment: a closing that reads without any pause would read for ever."""
        effect = self.deeds.pop(one % len(self.deeds))
        self.now += timedelta(seconds=0.05)
        self.venue.now = self.now
        reply: Reply[Any] = Unknown("no answer") if isinstance(fate, str) else fate
        match effect:
            case flatten.Close(request):
                told = self.venue.place(request) if fate in (DONE, UNHEARD) else reply
                self.listen()
                self.flatten(flatten.Closed(self.elapsed, request.client_id, told if fate == DONE else reply))
            case flatten.CancelAll() | flatten.CancelAlgo():
                done = self.venue.cancel(effect) if fate in (DONE, UNHEARD) else reply
                self.listen()
                self.flatten(flatten.Cancelled(self.elapsed, effect, done if fate == DONE else reply))
            case flatten.Query(client_id=client_id):
                order = self.venue.done.get(client_id)
                self.flatten(flatten.Queried(self.elapsed, client_id, fate == DONE, order if fate == DONE else None))
            case flatten.Read() if fate == DONE:
                self.flat_when_read.append(not self.venue.positions)
                self.flatten(flatten.AccountSeen(self.elapsed, self.elapsed, self.venue.snapshot()))
            case flatten.Read():
                self.flatten(flatten.ReadFailed(self.elapsed, "away"))

    @precondition(lambda self: self.checks in (1, 2) and self.closing is None)
    @rule()
    def check_again(self) -> None:
        self.begin(None)

    # What must hold

    @invariant()
    def promised(self) -> None:
        self.promises.on_state(self.state)

    @invariant()
    def exits_pass(self) -> None:
        for symbol, held in self.state.held.items():
            if held.is_guarded_here:
                _, effects = decide(self.state, self.wanted(symbol, held.side.opposite))
                assert_closes(self.state, symbol, effects)

    @invariant()
    def stable_is_flat(self) -> None:
        """9: verified three times, no order without an answer, its stream alive: nothing of ours is there or comes."""
        answered = not any(life.is_unanswered for life in self.state.orders.values())
        if self.checks >= 3 and answered and self.latches and not self.touched_by_others:
            assert not self.venue.positions, "9: stable, and exposed"

    def teardown(self) -> None:
        """When the world calms down, everything is known again, equal, and guarded."""
        self.streams_up()
        troubles = ["not calm yet"]
        for _ in range(CALM):
            if not troubles:
                break
            self.calm()
            troubles = self.troubles()
        assert not troubles, troubles
        self.promised()

    def troubles(self) -> list[str]:
        """What is not yet as it must be once nothing goes wrong any more: each position rests on the stop we know."""
        held = {symbol: one.quantity for symbol, one in self.state.held.items()}
        theirs = {symbol: self.venue.quantity(symbol) for symbol in RULES if self.venue.quantity(symbol)}
        stops = {algo.client_id for algo in self.venue.algos.values() if algo.type is OrderType.STOP_MARKET}
        unanswered = [one for one, life in self.state.orders.items() if life.is_unanswered]
        naked = [] if self.touched_by_others else [s for s, one in self.state.held.items() if one.stop not in stops]
        apart = [] if self.touched_by_others or held == theirs else [f"ours {held}, theirs {theirs}"]
        ours = [] if self.touched_by_others or "mismatch" not in self.state.latches else ["mismatch"]
        return [*unanswered, *naked, *apart, *ours]

    def calm(self) -> None:
        self.settle()
        if self.wants_reading:
            self.read(True)
        self.wait(2.6)

    def settle(self) -> None:
        while True:
            if self.messages:
                self.message(0, "once")
            elif self.orders:
                self.send(0, DONE, 1, 1)
            elif self.replies:
                self.reply(0)
            elif self.due():
                self.answer(0, DONE)
            elif self.deeds:
                self.deed(0, DONE)
            else:
                return


def _lives(state: Session) -> dict[str, Any]:
    return {one: (life.stage, life.executed, life.filled, life.became) for one, life in state.orders.items()}


EXAMPLES = int(os.environ.get("EXAMPLES") or 2000)
CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def run_scripts(examples: int, steps: int, *, same: bool) -> None:
    """`same`: the same scripts each time, so that a test of the whole suite never fails by luck."""
    wanted = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=same, database=None,
        suppress_health_check=CHECKS,
    )  # fmt: skip
    run_state_machine_as_test(Trading, settings=wanted)


def test_two_hundred_scripts() -> None:
    run_scripts(200, 50, same=True)


@pytest.mark.soak
def test_two_thousand_longer_scripts() -> None:
    run_scripts(EXAMPLES, 60, same=False)
    print(f"session machine: {EXAMPLES} scripts of events, crashes and other hands, no promise broken")  # noqa: T201
