"""How fast a session reacts, and how much market it bears: `python tests/bench/session.py`.

The exchange answers after 50 ms and runs in a process of its own on loopback.
"""

import asyncio
import gc
import tempfile
import time
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

import orjson

from canary_cli.__main__ import COLLECTED_EVERY
from canary_cli.core.binance.outbox import Outbox
from canary_cli.core.binance.payloads import market_event
from canary_cli.core.binance.resilient import ResilientExchange
from canary_cli.core.clock import Clock, ManualClock, SystemClock
from canary_cli.core.model import AlgoOrder, OrderType, PositionSide, Side
from canary_cli.core.signals import SignalSettings
from canary_cli.core.trading.effects import Journal as JournalFact
from canary_cli.core.trading.effects import Place
from canary_cli.core.trading.events import MarksUpdated, Stream, StreamAlive
from canary_cli.core.trading.facts import Intended, Purpose
from canary_cli.core.trading.inputs import EnterPhase, Tick
from canary_cli.core.trading.order import OrderLife, Stage
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.state import Algo, Booked, Held, Session, Setup
from canary_cli.journal.record import Record
from canary_cli.journal.writer import Journal
from canary_cli.session.flattening import FlattenReport, flatten
from canary_cli.session.live import LiveSession, Stop
from canary_cli.session.scribe import Scribe
from canary_cli.steps.plan import load_plan
from tests.bench.flatten import an_exchange, connection_to, start_over
from tests.core.trading.venue import PAIRS_20, Venue, position, rules, stop
from tests.session.twin import Twin

CLOCK = SystemClock()
ORDERS, TRIPS = 300, 60
RATE, SECONDS, TICKS, FORMING = 20_000, 8, 10, 320
RULES = {pair: rules(pair) for pair in PAIRS_20}
STOPS = {pair: stop(pair) for pair in PAIRS_20}


def opened() -> Session:
    """Twenty positions of 100 USDT each in phase 3, each with its stop, on an account of 10,000."""
    now, plan = CLOCK.now(), load_plan(None, Path(__file__).parents[2])
    held = {pair: Held(pair, Decimal(1), Decimal(100), now, stop=stop.client_id) for pair, stop in STOPS.items()}
    algos = {
        stop.client_id: Algo(stop.client_id, stop.algo_id, pair, stop.status, Decimal(80))
        for pair, stop in STOPS.items()
    }
    lives = {stop.client_id: OrderLife(guard(pair, stop, now), Stage.CONFIRMED) for pair, stop in STOPS.items()}
    booked = {(pair, PositionSide.BOTH): Booked(pair, Decimal(1), Decimal(100), now) for pair in STOPS}
    state = Session(
        Setup("bench", "cb-1-", plan, RULES), now, held=held, algos=algos, orders=lives, wallet=Decimal(10_000),
        booked=booked, is_booked=True, reconciled=True,
    )  # fmt: skip
    state, _ = decide(state, EnterPhase(now, plan.phase(3), tuple(PAIRS_20), None))
    return state


def guard(pair: str, stop: AlgoOrder, now: datetime) -> Intended:
    return Intended(stop.client_id, pair, Side.SELL, Decimal(1), OrderType.STOP_MARKET, Purpose.STOP, now, Decimal(100),
                    trigger_price=Decimal(80), close_position=True)  # fmt: skip


def a_session(exchange: Any, journal: Journal, home: Path, stops: list[Stop], clock: Clock = CLOCK) -> LiveSession:
    return LiveSession(
        exchange, Scribe(journal, "bench", "run"), clock, opened(), state_dir=home, signals=SignalSettings(),
        alert=lambda *_words: None, on_stop=stops.append,
    )  # fmt: skip


def percentiles(seconds: list[float]) -> str:
    cut = quantiles(seconds, n=100)
    return f"p50 {1000 * cut[49]:.1f} ms, p99 {1000 * cut[98]:.1f} ms"


# Decision to wire


async def decisions(base: str, journal: Journal, home: Path) -> None:
    """Each order's intent is on disk before it leaves: a sync of the journal is part of the figure."""
    await start_over(base)
    exchange, took = connection_to(base), list[float]()
    await exchange.connect()
    executor = a_session(exchange, journal, home, [])._executor
    for number in range(ORDERS):
        intent = Intended(f"c-{number}", PAIRS_20[number % 20], Side.SELL, Decimal("0.001"), OrderType.MARKET,
                          Purpose.EXIT, CLOCK.now(), Decimal(100), reduce_only=True)  # fmt: skip
        decided = CLOCK.monotonic()
        executor.perform((JournalFact(intent), Place(intent)))
        took.append(await left(exchange, decided) - decided)
    await executor.finish(1.0)
    await exchange.close()
    print(  # noqa: T201
        f"decision -> request on the wire, intent durable: {percentiles(took)} of {ORDERS} (goal p99 < 5 ms); "
        f"a line synced to this disk alone: {percentiles(syncs(journal))}"
    )


def syncs(journal: Journal) -> list[float]:
    """What of it is the disk's, in seconds."""
    took = []
    for _ in range(ORDERS):
        began = CLOCK.monotonic()
        journal.append(Record("note"))
        journal.sync()
        took.append(CLOCK.monotonic() - began)
    return took


async def left(exchange: ResilientExchange, since: float) -> float:
    while (at := exchange.first_sent(since)) is None:
        await CLOCK.pause(0.0005)
    return at


# Breaker to wire


async def trips(base: str, journal: Journal, home: Path) -> None:
    took = [await one_trip(base, journal, home) for _ in range(TRIPS)]
    print(  # noqa: T201
        f"breaker tick -> first close on the wire, 20 positions: {percentiles(took)} of {TRIPS} (goal p99 < 50 ms)"
    )


async def one_trip(base: str, journal: Journal, home: Path) -> float:
    """As a run does it: the tick is decided on, and the closing begins in the same turn of the loop."""
    for file in home.glob("latch.json"):
        file.unlink()
    await start_over(base)
    exchange, closing = connection_to(base), list[asyncio.Task[FlattenReport]]()
    await exchange.connect()
    stops: list[Stop] = []
    session = a_session(exchange, journal, home, stops)

    def close(stop: Stop) -> None:
        stops.append(stop)
        work = flatten(exchange, CLOCK, stop.known, RULES, stop.cause, lambda _progress: None, None)
        closing.append(asyncio.create_task(work))

    session._on_stop = close
    deciding = asyncio.create_task(session._decide_forever())
    session.post(MarksUpdated(CLOCK.now(), dict.fromkeys(PAIRS_20, Decimal(100))))
    await CLOCK.pause(0.2)  # its own ping of twenty connections is over
    session.post(MarksUpdated(CLOCK.now(), dict.fromkeys(PAIRS_20, Decimal(84))))
    while not stops:
        await CLOCK.pause(0.0005)
    first = await left(exchange, stops[0].asked_at)
    for task in (deciding, *closing):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await exchange.close()
    return first - stops[0].asked_at


# A flood of market


async def flood(journal: Journal, home: Path) -> None:
    """From the bytes of a frame to the decision, each one decided on: no quote is folded into the next.

    Nothing waits, so processor time is counted; what a second of market takes of it must not reach a second.
    """
    clock = ManualClock(CLOCK.now())
    venue = Venue().hold(*(position(pair, "1") for pair in PAIRS_20)).rest(*STOPS.values())
    session, outbox, wanted = a_session(Twin(venue, clock), journal, home, [], clock), Outbox(), frozenset(PAIRS_20)
    seconds = [frames_of(clock.now() + timedelta(seconds=number)) for number in range(SECONDS)]
    busy, took = 0.0, []
    for frames in seconds:
        for part in range(TICKS):
            began = time.process_time()
            for frame in frames[part::TICKS]:
                event = market_event(frame, wanted)
                if event is not None:
                    outbox.put(event)
                    session.feed.take(await outbox.take())
                    session._drain()
            session.post(StreamAlive(clock.now(), Stream.USER))
            session.post(Tick(clock.now(), Decimal(0)))
            session._drain()
            busy += time.process_time() - began
            await clock.advance(1 / TICKS)
        took, busy = [*took, busy], 0.0
    assert not session.state.latches and len(session.state.mids) == 20, session.state.latches
    await session.stop()
    print(  # noqa: T201
        f"session: a second of {RATE:,} messages through feed, metrics and triggers takes {max(took):.2f} s of "
        f"processor time at worst, {took[0]:.2f} s the first and {took[-1]:.2f} s the last: "
        f"{RATE / fmean(took):,.0f} messages/s fit on one core (goal {RATE:,})"
    )


def frames_of(second: datetime) -> list[bytes]:
    """Quotes of twenty pairs in turn, candles still forming, and the marks of three hundred symbols."""
    start = round(second.timestamp() * 1000)
    pairs = [*PAIRS_20, *(f"Q{number}USDT" for number in range(280))]
    marks = [{"e": "markPriceUpdate", "E": start, "s": pair, "p": "100.05000000", "i": "100.02"} for pair in pairs]
    forming = b'{"stream":"p0usdt@kline_15m","data":{"e":"kline","s":"P0USDT","k":{"x":false}}}'
    frames = [orjson.dumps({"stream": "!markPrice@arr@1s", "data": marks}), *[forming] * FORMING]
    for number in range(RATE - len(frames)):
        pair, at, tenth = PAIRS_20[number % 20], start + number * 1000 // RATE, number % 7
        frames.append(
            (
                f'{{"stream":"{pair.lower()}@bookTicker","data":{{"e":"bookTicker","u":{number},"s":"{pair}",'
                f'"b":"100.{tenth}0","B":"31.21","a":"100.{tenth}5","A":"40.66","T":{at},"E":{at}}}}}'
            ).encode()
        )
    return frames


def main() -> None:
    gc.set_threshold(COLLECTED_EVERY)  # as `canary` runs
    with tempfile.TemporaryDirectory(dir=Path(__file__).resolve().parent) as folder:
        home = Path(folder)
        journal = Journal(home, CLOCK.now)
        with an_exchange() as base:
            asyncio.run(decisions(base, journal, home))
            asyncio.run(trips(base, journal, home))
        (home / "latch.json").unlink()
        asyncio.run(flood(journal, home))
        journal.close()


if __name__ == "__main__":
    main()
