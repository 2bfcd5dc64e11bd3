"""The long-lived trading session: one queue, one decider, one executor, and the streams that feed them."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from canary_cli.core.clock import Clock
from canary_cli.core.model import AccountMode, AccountSnapshot, AlgoOrder, AlgoStatus, Balance, OrderType, Position
from canary_cli.core.policy.plan import Phase
from canary_cli.core.signals import Holding, SignalEngine, SignalSettings
from canary_cli.core.trading.effects import ReadAccount
from canary_cli.core.trading.events import MarketEvent, OrderUpdated, Stream, UserEvent
from canary_cli.core.trading.inputs import ArmAgain, ConditionChanged, EnterPhase, Input, LatchChanged, Tick
from canary_cli.core.trading.reconcile import is_strange
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.standing import holding_of, is_pressing, may_still_open
from canary_cli.core.trading.state import Session
from canary_cli.errors import CanaryError
from canary_cli.journal.beat import Beat, write_beat
from canary_cli.journal.enabled import enabled_file, read_enabled
from canary_cli.journal.files import version
from canary_cli.journal.latch import Latch, latch_file, read_latches, set_latch
from canary_cli.session.exchange import Exchange, Metered
from canary_cli.session.executor import Executor
from canary_cli.session.feed import Feed
from canary_cli.session.scribe import Scribe
from canary_cli.session.skew import watch_skew

TICK = 0.1
"""Wall seconds between ticks: how late a silence or a latch file can be noticed."""

BEAT_EVERY = 1.0
"""Wall seconds between two signs of life."""

JOURNAL = "journal"
"""The condition that holds entries while the disk takes no lines."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A money trigger's verdict: why the session asked to be rolled back, and what it knew at that moment.

    `asked_at` is when the message that tripped it came in (monotonic wall seconds): reaction is measured from there.
    """

    cause: str
    detail: str
    asked_at: float
    known: AccountSnapshot


class LiveSession:
    """Start with `start`, let `run` work, hand phases in with `enter_phase`; `stopped` resolves at a money trigger."""

    def __init__(
        self,
        exchange: Exchange,
        scribe: Scribe,
        clock: Clock,
        state: Session,
        *,
        state_dir: Path,
        signals: SignalSettings,
        alert: Callable[[str, str, str], None],
        on_stop: Callable[[Stop], None],
    ) -> None:
        self.state = state
        self._exchange = exchange
        self._scribe = scribe
        self._clock = clock
        self._state_dir = state_dir
        self._on_stop = on_stop
        self._queue: asyncio.Queue[tuple[float, Input]] = asyncio.Queue()
        self._heard = 0.0
        self._latch_seen = self._latch_decided = ""
        self._beaten: float | None = None
        self._latched: frozenset[str] = frozenset()
        self._unwritten: dict[str, str] = {}
        self._trouble: str | None = None  # told once in any case: a session before this one may have had some
        self._enabled_seen = version(enabled_file(state_dir))
        self._stopping = False
        self._executor = Executor(
            exchange,
            scribe,
            clock,
            since=state.agreed or state.ticked or clock.now(),
            post=self.post,
            symbols=self._traded_symbols,
            is_strange=lambda fill: is_strange(self.state, fill),
            wallet=lambda: self.state.wallet,
            depth_bps=state.setup.plan.risk.liquidity.depth_bps,
            may_open=lambda: may_still_open(self.state),
            is_pressing=lambda: is_pressing(self.state),
            reopen=self._reopen,
            set_latch=self._write_latch,
            roll_back=self._stop,
            alert=alert,
        )
        engines = {s: SignalEngine(s, rules.tick, signals) for s, rules in state.setup.rules.items()}
        self.feed = Feed(exchange, clock, engines, signals, post=self.post, holding=self._holding)
        self._tasks: list[asyncio.Task[None]] = []

    def post(self, event: Input) -> None:
        """Hand the session something to decide on. Never blocks."""
        self._queue.put_nowait((self._clock.monotonic(), event))

    def enter_phase(self, phase: Phase, pairs: tuple[str, ...], ends_at: datetime | None) -> None:
        self.post(EnterPhase(self._clock.now(), phase, pairs, ends_at))

    def start(self) -> None:
        """Begin to listen, decide and act. History must have been loaded (`feed.warm`)."""
        symbols = self.state.setup.symbols
        self._keep_latches()
        self.look_at_latch()
        self._executor.perform((ReadAccount("start"),))
        self._tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("decider", self._decide_forever()),
                ("ticker", self._tick_forever()),
                ("clock", watch_skew(self._exchange, self._clock, self.post)),
                ("market", self._listen(self._exchange.market_events(symbols, self.feed.frames), self.feed.take)),
                ("user", self._listen(self._exchange.user_events(), self.post)),
            )
        ]

    async def stop(self) -> None:
        """Stop deciding; stops keep resting at the exchange. Requests under way get two seconds."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        self.feed.stop()
        for task in self._tasks:
            with suppress(asyncio.CancelledError, CanaryError):
                await task
        await self._executor.finish(within=2.0)
        self._drain()

    def failure(self) -> BaseException | None:
        """Why the session is no longer whole. Its tasks never end by themselves: one that did, did so by mistake."""
        if self._stopping:
            return None
        ended = next((task for task in self._tasks if task.done()), None)
        if ended is None:
            return None
        error = None if ended.cancelled() else ended.exception()
        return error or RuntimeError(f"a part of the session ended: {ended.get_name()}")

    async def _decide_forever(self) -> None:
        while True:
            self._decide(*await self._queue.get())

    def _decide(self, heard: float, event: Input) -> None:
        self._heard = heard
        if isinstance(event, OrderUpdated) and event.fill is not None:
            event = replace(event, latency_ms=self._executor.since_decision(event.order.client_id, heard))
        self.state, effects = decide(self.state, event)
        self._executor.perform(effects)

    def _drain(self) -> None:
        """What came in while stopping is still decided on, so that every fill is counted."""
        while not self._queue.empty():
            self._decide(*self._queue.get_nowait())

    async def _tick_forever(self) -> None:
        while True:
            self._write_kept()
            self.look_at_latch()
            self._beat()
            self.post(Tick(self._clock.now(), self._quota_used()))
            await self._clock.pause(TICK)

    def _quota_used(self) -> Decimal:
        share = self._exchange.order_share() if isinstance(self._exchange, Metered) else 0.0
        return Decimal(str(round(100 * share, 1)))

    async def _listen(
        self, events: "AsyncIterator[MarketEvent] | AsyncIterator[UserEvent]", take: Callable[..., None]
    ) -> None:
        async for event in events:
            take(event)

    def _reopen(self, stream: Stream) -> None:
        """Only the user stream's life may be borrowed from pongs, so only that is ever doubted."""
        old = next((task for task in self._tasks if task.get_name() == stream), None)
        if old is None or self._stopping:
            return
        self._tasks.remove(old)
        old.cancel()
        self._tasks.append(asyncio.create_task(self._listen(self._exchange.user_events(), self.post), name=stream))

    def _beat(self) -> None:
        """A sign of life, as long as every one of our tasks lives: half a session must not look like a whole one.

        It comes at once where it tells that a change of the latch has been decided on.
        """
        now, decided = self._clock.monotonic(), self._latch_seen if self._queue.empty() else self._latch_decided
        is_early = self._beaten is not None and now - self._beaten < BEAT_EVERY
        if self.failure() is not None or (is_early and decided == self._latch_decided):
            return
        self._beaten, self._latch_decided = now, decided
        beat = Beat(self.state.setup.run_id, os.getpid(), self._clock.wall(), latch=decided)
        with suppress(OSError):  # then the watchdog takes us for dead, which is the safe mistake
            write_beat(self._state_dir, beat)

    def look_at_latch(self) -> None:
        """Read the latch again whenever its file has changed: anybody may set it, with or without us."""
        self._look_at_enabled()
        changed = version(latch_file(self._state_dir))
        if changed == self._latch_seen:
            return
        self._latch_seen = changed
        latches = tuple((latch.source, latch.reason, latch.by) for latch in read_latches(self._state_dir))
        present = frozenset(source for source, _, _ in latches)
        self.post(LatchChanged(self._clock.now(), latches, tuple(sorted(self._latched - present))))
        self._latched = present

    def _look_at_enabled(self) -> None:
        changed = version(enabled_file(self._state_dir))
        if changed == self._enabled_seen:
            return
        self._enabled_seen, word = changed, read_enabled(self._state_dir)
        if word is not None:
            self.post(ArmAgain(self._clock.now(), word.by, word.reason, word.releases))

    def _keep_latches(self) -> None:
        """What the journal says is set stands in the file too, though a crash came between the two: people see, and
        clear, the file."""
        present = {latch.source for latch in read_latches(self._state_dir)}
        self._latched = frozenset(present & self.state.latches.keys())
        for source in self.state.latches.keys() - present:
            self._write_latch(source, self.state.latches[source])

    def _write_latch(self, source: str, reason: str) -> None:
        """Remembered as seen, so that a person who clears it before the next look is noticed too.

        One that the disk refuses holds in memory, and is tried again.
        """
        try:
            set_latch(self._state_dir, Latch(source, reason, "session", self._clock.now()))
        except OSError:
            self._unwritten[source] = reason
        else:
            self._unwritten.pop(source, None)
            self._latched |= {source}

    def _write_kept(self) -> None:
        """What a disk has refused: latches, and lines of the journal, without which nothing may be opened."""
        for source, reason in tuple(self._unwritten.items()):
            self._write_latch(source, reason)
        trouble = self._scribe.catch_up()
        if trouble != self._trouble:
            self._trouble = trouble
            self.post(ConditionChanged(self._clock.now(), JOURNAL, bool(trouble), trouble))

    def _stop(self, cause: str, detail: str) -> None:
        self._on_stop(Stop(cause, detail, self._heard, known_account(self.state)))

    def _holding(self, symbol: str) -> Holding:
        return holding_of(self.state, symbol)

    def _traded_symbols(self) -> frozenset[str]:
        return frozenset(life.intent.symbol for life in self.state.orders.values()) | frozenset(self.state.held)


def known_account(state: Session) -> AccountSnapshot:
    """What the session believes the account holds: the first wave of a flatten starts from this, unread."""
    zero = Decimal(0)
    wallet, equity = state.wallet or zero, state.equity or zero
    positions = tuple(
        Position(h.symbol, h.quantity, h.entry_price, state.marks.get(h.symbol, h.entry_price))
        for h in state.held.values()
    )
    algos = tuple(
        AlgoOrder(
            a.algo_id, a.client_id, a.symbol, h.side.opposite, kind, a.status, a.trigger_price, close_position=True
        )
        for h in state.held.values()
        for client_id, kind in ((h.stop, OrderType.STOP_MARKET), (h.target, OrderType.TAKE_PROFIT_MARKET))
        if (a := state.algos.get(client_id)) is not None and a.status is AlgoStatus.NEW
    )
    return AccountSnapshot(
        state.now,
        Balance(wallet, equity - wallet, equity, equity),
        AccountMode(hedge=False, multi_assets=False),
        positions,
        (),
        algos,
    )
