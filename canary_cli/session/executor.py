"""Turns effects into deeds: journals, sends orders once their intent is on disk, reports what came of it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from canary_cli.core.accounting.pnl import TRANSFERS
from canary_cli.core.binance.unreachable import ReadsThrottled
from canary_cli.core.clock import Clock
from canary_cli.core.model import AlgoOrder, Fill, Frame, Income, Order
from canary_cli.core.policy import sizing
from canary_cli.core.policy.sizing import Depth
from canary_cli.core.trading.effects import (
    CancelAlgo,
    CountdownCancel,
    Effect,
    Journal,
    Note,
    Place,
    QueryOrder,
    RaiseAlert,
    ReadAccount,
    ReadDepth,
    ReadLeverage,
    ReopenStream,
    SetLatch,
    SnapshotBook,
    StartRollback,
)
from canary_cli.core.trading.events import AccountRead, LeverageRead, ReadFailed, Stream
from canary_cli.core.trading.facts import Intended
from canary_cli.core.trading.inputs import DepthRead, Input, QueryAnswered, Replied
from canary_cli.core.trading.replies import Denied, Reply
from canary_cli.errors import CanaryError
from canary_cli.session.exchange import Exchange, Market
from canary_cli.session.scribe import Scribe

WRITTEN_WITHIN = 2.0
"""Wall seconds a disk is waited for. What adds risk is then not sent any more; what lowers it goes without its line."""

OVERLAP = timedelta(minutes=1)
"""How far a reading looks back beyond the one before: the exchange lists things a moment after they were."""

LEVELS = 20
"""Of a book that is written down: what an order of ours could reach."""

BOOK_LEVELS, THIN_MINUTES = 500, 1440
"""A book's levels, and the minutes of a day."""


async def measure_depth(market: Market, symbol: str, bps: Decimal) -> Depth:
    """What a pair can take now, within `bps` of its mid. Raises ExchangeUnreachable."""
    book = await market.book(symbol, BOOK_LEVELS)
    return sizing.measure(book, await market.candles(symbol, Frame.M1, THIN_MINUTES), bps)


class Executor:
    """One a session. `post` hands an input to the session's queue.

    `symbols` names what may have traded unseen, `is_strange` knows trades that no order of ours explains, `wallet` is
    what we take the balance for, `depth_bps` how near the mid a book counts, `may_open` whether what adds risk may go
    even now that its intent is on disk, `is_pressing` whether a reading is needed to close or guard something; until
    `since` everything is known, but for the lines a crash swallowed.
    """

    def __init__(
        self,
        exchange: Exchange,
        scribe: Scribe,
        clock: Clock,
        *,
        since: datetime,
        post: Callable[[Input], None],
        symbols: Callable[[], Iterable[str]],
        is_strange: Callable[[Fill], bool],
        wallet: Callable[[], Decimal | None],
        depth_bps: Decimal,
        may_open: Callable[[], bool],
        is_pressing: Callable[[], bool],
        reopen: Callable[[Stream], None],
        set_latch: Callable[[str, str], None],
        roll_back: Callable[[str, str], None],
        alert: Callable[[str, str, str], None],
    ) -> None:
        self._exchange = exchange
        self._scribe = scribe
        self._clock = clock
        self._post = post
        self._symbols = symbols
        self._is_strange = is_strange
        self._wallet = wallet
        self._depth_bps = depth_bps
        self._may_open = may_open
        self._is_pressing = is_pressing
        self._reopen = reopen
        self._set_latch = set_latch
        self._roll_back = roll_back
        self._alert = alert
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._read_begins, self._read_begun = 0.0, False
        self._decided: dict[str, float] = {}
        self._read_since = self._transfers_since = since - timedelta(hours=1)

    def perform(self, effects: Iterable[Effect]) -> None:
        """Do everything asked, in order; what needs the network goes on in the background."""
        decided = self._clock.monotonic()
        for effect in effects:
            self._do(effect, decided)

    def _do(self, effect: Effect, decided: float) -> None:
        match effect:
            case Journal(fact):
                self._scribe.write_fact(fact)
            case Note():
                self._scribe.note(effect)
            case Place(intent):
                self._start(self._place(intent, decided))
            case CancelAlgo() | CountdownCancel():
                self._start(self._cancel(effect))
            case QueryOrder():
                self._start(self._query(effect))
            case ReadAccount():
                self._read_account(effect)
            case ReadLeverage() | ReadDepth():
                self._start(self._look(effect))
            case ReopenStream(stream):
                self._reopen(stream)
            case SetLatch(source, reason):
                self._set_latch(source, reason)
            case StartRollback(cause, detail):
                self._roll_back(cause, detail)
            case RaiseAlert(severity, message, key):
                self._alert(severity, message, key)
            case SnapshotBook():
                self._start(self._snapshot_book(effect))

    async def _snapshot_book(self, effect: SnapshotBook) -> None:
        """Whoever looks into it later needs the book of that moment; where it cannot be had the line says why."""
        try:
            self._scribe.write_book(await self._exchange.book(effect.symbol, LEVELS), effect.reason)
        except CanaryError as error:
            self._scribe.write("error", data={"where": "book", "message": error.message}, reason=error.message)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def since_decision(self, client_id: str, at: float) -> float | None:
        """Wall ms from an order's decision to `at` (monotonic seconds), told once; None for one not sent from here."""
        decided = self._decided.pop(client_id, None)
        return None if decided is None else round((at - decided) * 1000, 3)

    async def _place(self, intent: Intended, decided: float) -> None:
        if not intent.type.is_algo:
            self._decided[intent.client_id] = decided
        is_written = await self._is_written()
        sent = self._clock.monotonic()
        reply: Reply[Order] | Reply[AlgoOrder]
        if intent.purpose.adds_risk and not is_written:
            reply = Denied("its intent could not be brought to disk in time")
        elif intent.purpose.adds_risk and not self._may_open():
            reply = Denied("trading was stopped while its intent was brought to disk")
        elif intent.type.is_algo:
            reply = await self._exchange.place_algo(intent.request)
        else:
            reply = await self._exchange.place(intent.request)
        answered = self._clock.monotonic()
        latency, send = (answered - decided) * 1000, (answered - sent) * 1000
        self._post(Replied(self._clock.now(), intent.client_id, reply, round(latency, 3), round(send, 3)))

    async def _is_written(self) -> bool:
        """Whether everything stated so far is on disk, as far as anybody may wait for that."""
        try:
            async with asyncio.timeout(WRITTEN_WITHIN):
                await self._scribe.durable()
        except (TimeoutError, OSError):
            return False
        return True

    async def _cancel(self, effect: CancelAlgo | CountdownCancel) -> None:
        """Whatever is answered, the stream or the next reading tells what became of it.

        A beat of the countdown that got lost is followed by the next; it outlasts several.
        """
        match effect:
            case CancelAlgo(algo_id=algo_id):
                await self._exchange.cancel_algo(algo_id)
            case CountdownCancel(symbol, milliseconds):
                await self._exchange.countdown_cancel(symbol, milliseconds)

    async def _query(self, effect: QueryOrder) -> None:
        """Whatever goes wrong, an answer that our client cannot read too, is none: it is asked for again."""
        await self._clock.pause(effect.delay)
        try:
            order = await self._exchange.order(effect.symbol, effect.client_id)
        except Exception:
            self._post(QueryAnswered(self._clock.now(), effect.client_id, answered=False))
        else:
            self._post(QueryAnswered(self._clock.now(), effect.client_id, answered=True, order=order))

    def _read_account(self, effect: ReadAccount) -> None:
        """One reading at a time. Whoever asks while one waits is served by it, or has it begin sooner.

        Whoever asks while one runs is served by the next.
        """
        begins, running = self._clock.monotonic() + effect.delay, self._reading
        if running is not None and not running.done():
            if self._read_begun:
                running.add_done_callback(lambda done: None if done.cancelled() else self._read_account(effect))
                return
            if begins >= self._read_begins:
                return
            running.cancel()
        self._read_begins, self._read_begun = begins, False
        self._reading = self._start(self._read(effect))

    async def _read(self, effect: ReadAccount) -> None:
        if effect.delay:
            await self._clock.pause(effect.delay)
        self._read_begun = True
        asked, urgent = self._clock.now(), self._is_pressing()
        try:
            snapshot = await self._exchange.snapshot(urgent=urgent)
            fills = await self._missed_fills(urgent)
            transfers = await self._missed_transfers(snapshot.balance.wallet, asked, urgent)
        except Exception as error:
            wait = error.retry_after if isinstance(error, ReadsThrottled) else 0.0
            reason = error.message if isinstance(error, CanaryError) else repr(error)
            self._post(ReadFailed(self._clock.now(), reason, wait))
            return
        self._read_since = asked - OVERLAP
        self._post(AccountRead(self._clock.now(), snapshot, fills, transfers))

    async def _look(self, effect: ReadLeverage | ReadDepth) -> None:
        """Without an answer nothing is told: the decider looks again, and trusts what it knows only so long."""
        with suppress(CanaryError):
            match effect:
                case ReadLeverage():
                    leverages = await self._exchange.leverages()
                    self._post(LeverageRead(self._clock.now(), leverages))
                case ReadDepth(symbol):
                    depth = await measure_depth(self._exchange, symbol, self._depth_bps)
                    self._post(DepthRead(self._clock.now(), symbol, depth))

    async def _missed_fills(self, urgent: bool) -> tuple[Fill, ...]:
        since, symbols = self._read_since, sorted(self._symbols())
        pages = await asyncio.gather(*(self._exchange.trades(symbol, since, urgent=urgent) for symbol in symbols))
        fills = sorted((fill for page in pages for fill in page), key=lambda fill: (fill.time, fill.trade_id))
        return tuple([await self._named(fill) if self._is_strange(fill) else fill for fill in fills])

    async def _missed_transfers(self, wallet: Decimal, asked: datetime, urgent: bool) -> tuple[Income, ...]:
        """Asked for each minute, and where the wallet is not ours: one that a trade told hides what moved before."""
        if wallet == self._wallet() and asked - self._transfers_since < 2 * OVERLAP:
            return ()
        rows = await self._exchange.income(self._transfers_since, urgent=urgent)
        self._transfers_since = asked - OVERLAP
        return tuple(row for row in rows if row.type in TRANSFERS and row.asset == "USDT")

    async def _named(self, fill: Fill) -> Fill:
        """With the client id of its order, which a list of trades does not tell: it says whose hand that was."""
        order = await self._exchange.order(fill.symbol, order_id=fill.order_id)
        return fill if order is None else replace(fill, client_id=order.client_id)

    async def finish(self, within: float) -> None:
        """Let requests under way be answered; what is not answered in time is the next start's to reconcile."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=within)
        for task in tuple(self._tasks):
            task.cancel()
