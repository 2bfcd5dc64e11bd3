"""Drives the flatten decider against an exchange. Needs keys and a network; nothing else of the toolkit.

No broken journal, full disk, hung terminal or late deadline stops a close that is under way.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.core.clock import Clock
from canary_cli.core.model import ZERO, AccountSnapshot, Balance, Position, Side, SymbolRules
from canary_cli.core.trading.flatten import (
    AccountSeen,
    Begin,
    CancelAlgo,
    CancelAll,
    Cancelled,
    CancelOrder,
    Close,
    Closed,
    DeadlinePassed,
    Effect,
    Event,
    Flatten,
    Outcome,
    Queried,
    Query,
    Read,
    ReadFailed,
    Style,
    Wake,
    Woken,
    decide,
)
from canary_cli.core.trading.flatten.plan import is_open
from canary_cli.core.trading.hands import closing_prefix
from canary_cli.core.trading.replies import Reply, Unknown
from canary_cli.session.exchange import Exchange, Timed

NOT_READ = "the account has not been read"
PROGRESS_EVERY = 1.0
"""Wall seconds between two words about what is left."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`left` is what is believed open now; `trouble` says, per symbol, why it still is."""

    seconds: float
    closed: int
    total: int
    left: tuple[Position, ...]
    trouble: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClosedPosition:
    """`side` is that of the order which closed it; `quantity` what was held, `left` what still is."""

    symbol: str
    side: Side
    quantity: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class FlattenReport:
    """How a flatten ended. The three clocks are wall seconds from the trip, None where it was not reached.

    `dust` is too small for the exchange to sell. `left` is what was believed open at the end. `grown` names what became
    more while we closed: another writer, or an entry that filled before it was cancelled. `balance` is what the reading
    that proved flat said of the money. `only` is the pair it was limited to.
    """

    outcome: Outcome
    cause: str
    run: str
    began: datetime
    seconds: float
    first_byte: float | None
    acknowledged: float | None
    verified: float | None
    positions: tuple[ClosedPosition, ...] = ()
    left: tuple[Position, ...] = ()
    dust: tuple[Position, ...] = ()
    orders_cancelled: int = 0
    order_ids: frozenset[int] = frozenset()
    trouble: Mapping[str, str] | None = None
    only: str | None = None
    grown: tuple[str, ...] = ()
    balance: Balance | None = None

    @property
    def is_flat(self) -> bool:
        return self.outcome is not Outcome.INCOMPLETE

    @property
    def closed(self) -> tuple[ClosedPosition, ...]:
        return tuple(one for one in self.positions if not one.left)


def not_begun(cause: str, began: datetime, why: str) -> FlattenReport:
    """Of an account that could not be closed at all."""
    return FlattenReport(Outcome.INCOMPLETE, cause, "", began, 0.0, None, None, None, trouble={"account": why})


async def flatten(
    exchange: Exchange,
    clock: Clock,
    known: AccountSnapshot | None,
    rules: Mapping[str, SymbolRules],
    cause: str,
    on_progress: Callable[[Progress], None],
    deadline: float | None,
    *,
    style: Style = Style.MARKET,
    only: str | None = None,
    run: str | None = None,
    given_up: asyncio.Event | None = None,
    tripped: float | None = None,
) -> FlattenReport:
    """Close everything (or `only` one symbol) and verify it. `deadline` is wall seconds from the trip.

    None is until flat. `tripped`: the monotonic instant at which somebody wanted this, the call where it is left out.

    `given_up` ends it as the deadline does. `on_progress` may raise, but must not block. `known` is what the caller
    believes the account holds, acted on at once. Never raises for what the exchange says.
    `run` (default: random) makes this run's order ids: see `core.trading.hands`.
    """
    run, tripped = run or secrets.token_hex(4), clock.monotonic() if tripped is None else tripped
    state = Flatten(closing_prefix(run, only), rules, style, only)
    return await _Flattening(exchange, clock, state, cause, run, on_progress).run(known, deadline, given_up, tripped)


class _Flattening:
    """One run: effects become requests, their answers become events, one after the other through one queue."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        state: Flatten,
        cause: str,
        run: str,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._state = state
        self._cause = cause
        self._run = run
        self._on_progress = on_progress
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._began = clock.now()

    async def run(
        self,
        known: AccountSnapshot | None,
        deadline: float | None,
        given_up: asyncio.Event | None,
        tripped: float,
    ) -> FlattenReport:
        now = self._clock.monotonic()
        try:
            self._take(Begin(now, known, tripped))
            self._start(self._tell_progress())
            if deadline is not None:
                self._start(self._post_at(tripped + deadline - now, DeadlinePassed))
            if given_up is not None:
                self._start(self._post_when(given_up, DeadlinePassed))
            while self._state.outcome is None:
                self._take(*await self._arrived())
            return self._report(self._state.outcome)
        finally:
            for task in self._tasks:
                task.cancel()

    async def _arrived(self) -> list[Event]:
        """All that waits, at least one."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    def _take(self, *events: Event) -> None:
        self._state, effects = decide(self._state, *events)
        for effect in effects:
            self._start(self._perform(effect))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, effect: Effect) -> None:
        match effect:
            case Close(request):
                reply = await self._answer(self._exchange.place(request))
                self._post(Closed(self._clock.monotonic(), request.client_id, reply))
            case CancelAll(symbol):
                gone = await self._answer(self._exchange.cancel_all(symbol))
                self._post(Cancelled(self._clock.monotonic(), effect, gone))
            case CancelOrder(symbol, client_id):
                gone = await self._answer(self._exchange.cancel(symbol, client_id))
                self._post(Cancelled(self._clock.monotonic(), effect, gone))
            case CancelAlgo(_, algo_id):
                gone = await self._answer(self._exchange.cancel_algo(algo_id))
                self._post(Cancelled(self._clock.monotonic(), effect, gone))
            case Query():
                self._post(await self._query(effect))
            case Read():
                self._post(await self._read())
            case Wake(at):
                await self._post_at(at - self._clock.monotonic(), Woken)

    async def _answer(self, deed: Coroutine[Any, Any, Reply[Any]]) -> Reply[Any]:
        """A bug in the client leaves open what happened, like a lost reply does; it must not end the closing."""
        try:
            return await deed
        except Exception as error:
            return Unknown(repr(error))

    async def _query(self, query: Query) -> Event:
        await self._clock.pause(query.delay)
        try:
            order = await self._exchange.order(query.symbol, query.client_id)
        except Exception:
            return Queried(self._clock.monotonic(), query.client_id, answered=False)
        return Queried(self._clock.monotonic(), query.client_id, answered=True, order=order)

    async def _read(self) -> Event:
        asked = self._clock.monotonic()
        try:
            snapshot = await self._exchange.still_open()
        except Exception as error:
            return ReadFailed(self._clock.monotonic(), str(error) or repr(error))
        return AccountSeen(self._clock.monotonic(), asked, snapshot)

    def _post(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def _post_at(self, seconds: float, event: Callable[[float], Event]) -> None:
        await self._clock.pause(seconds)
        self._post(event(self._clock.monotonic()))

    async def _post_when(self, sign: asyncio.Event, event: Callable[[float], Event]) -> None:
        await sign.wait()
        self._post(event(self._clock.monotonic()))

    async def _tell_progress(self) -> None:
        """Telling may fail (a closed pipe, a full disk); closing goes on."""
        while True:
            await self._clock.pause(PROGRESS_EVERY)
            with suppress(Exception):
                self._on_progress(progress(self._state, self._clock.monotonic()))

    def _report(self, outcome: Outcome) -> FlattenReport:
        state = self._state
        began = state.began_at or 0.0
        held = [leg for leg in state.legs.values() if leg.position.quantity]
        return FlattenReport(
            outcome,
            self._cause,
            self._run,
            self._began,
            seconds=self._clock.monotonic() - began,
            first_byte=_since(began, self._first_byte(state)),
            acknowledged=_since(began, state.acknowledged_at),
            verified=_since(began, state.verified_at),
            positions=_positions(state),
            left=tuple(leg.position for leg in held if is_open(state, leg)),
            dust=tuple(leg.position for leg in held if not is_open(state, leg)),
            orders_cancelled=state.cancelled,
            order_ids=state.order_ids,
            trouble=_trouble(state) if state.readings else {"account": NOT_READ, **_trouble(state)},
            only=state.only,
            grown=tuple(sorted({leg.position.symbol for leg in state.legs.values() if leg.grown})),
            balance=state.balance if state.verified else None,
        )

    def _first_byte(self, state: Flatten) -> float | None:
        """When the first deed was on the wire, where the exchange can tell; else when it was decided on."""
        if state.first_sent_at is not None and isinstance(self._exchange, Timed):
            return self._exchange.first_sent(state.first_sent_at)
        return state.first_sent_at


def progress(state: Flatten, now: float) -> Progress:
    left = tuple(leg.position for leg in state.legs.values() if leg.position.quantity and is_open(state, leg))
    return Progress(now - (state.began_at or now), len(state.legs) - len(left), len(state.legs), left, _trouble(state))


def _positions(state: Flatten) -> tuple[ClosedPosition, ...]:
    found = []
    for leg in state.legs.values():
        side = Side.SELL if leg.sign > 0 else Side.BUY
        left = abs(leg.position.quantity) if is_open(state, leg) else ZERO
        found.append(ClosedPosition(leg.position.symbol, side, leg.opened, left))
    return tuple(found)


def _trouble(state: Flatten) -> dict[str, str]:
    found = {leg.position.symbol: leg.trouble for leg in state.legs.values() if leg.trouble and is_open(state, leg)}
    return found | ({"account": state.trouble} if state.trouble and state.read_failures else {})


def _since(began: float, at: float | None) -> float | None:
    return None if at is None else at - began
