"""A simulated go-live against real time, and the decider alone: `python tests/bench/simulation.py`.

Processor time is what is counted: nothing here waits, so on an idle core it is wall time.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from canary_cli.core.model import Book, PositionSide
from canary_cli.core.trading.events import MarksUpdated, Quoted, Stream, StreamAlive
from canary_cli.core.trading.inputs import EnterPhase, Input, Tick
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.state import Booked, Held, Session, Setup
from canary_cli.paper.market import Market, synthetic_market
from canary_cli.paper.scenario import load
from canary_cli.session.simulate import Simulation, simulate
from canary_cli.steps.plan import load_plan

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
QUOTES, TICKS = 200, 10
"""Events of one second beside the marks of 20 pairs: ten quotes a pair, ten ticks."""


def plan_speed(marks: int, goal: int) -> None:
    calm, home = load("calm"), Path(__file__).parents[2]
    simulation = Simulation(load_plan(None, home), calm.seed, START, calm.climate(START), marks=marks)
    began = time.process_time()
    story = simulate(simulation)
    took = time.process_time() - began
    speed = story.lasted.total_seconds() / took
    print(  # noqa: T201
        f"simulation: 4 h plan of 20 pairs, {marks}-s marks, {story.outcome}, {story.decided:,} decisions in "
        f"{took:.1f} s: {speed:,.0f} x real time (goal {goal:,} x)"
    )


def opened(market: Market) -> Session:
    """Twenty pairs in phase 3, two of them held."""
    rules = {symbol: listing.rules for symbol, listing in market.listings.items()}
    plan = load_plan(None, Path(__file__).parents[2])
    state = Session(
        setup=Setup("bench", "cb-1-", plan, rules), now=START, wallet=Decimal(10_000), is_booked=True, reconciled=True
    )
    held = {symbol: Held(symbol, Decimal("0.1"), market.mark(symbol), START, probe=True) for symbol in list(rules)[:2]}
    booked = {(s, PositionSide.BOTH): Booked(s, one.quantity, one.entry_price, START) for s, one in held.items()}
    state, _ = decide(replace(state, held=held, booked=booked), EnterPhase(START, plan.phase(3), tuple(rules), None))
    return state


def a_second(market: Market, at: datetime) -> list[Input]:
    symbols = market.symbols
    marks: list[Input] = [MarksUpdated(at, {symbol: market.mark(symbol) for symbol in symbols})]
    books = [market.book(symbol, 1) for symbol in symbols]
    quotes: list[Input] = [Quoted(at, Book(b.symbol, b.bids, b.asks, at)) for _ in range(QUOTES // 20) for b in books]
    ticks: list[Input] = [Tick(at + timedelta(milliseconds=100 * part)) for part in range(TICKS)]
    return [*marks, StreamAlive(at, Stream.USER), *quotes, *ticks]


def decider_speed() -> None:
    market = synthetic_market(START, 1)
    state = opened(market)
    seconds = [a_second(market, START + timedelta(seconds=number)) for number in range(1, 11)]
    events = [moved for number in range(20) for events in seconds for moved in map(_later(10 * number), events)]
    began = time.process_time()
    for event in events:
        state, _ = decide(state, event)
    took = time.process_time() - began
    assert not state.latches
    print(  # noqa: T201
        f"decider alone: {len(events) / took:,.0f} events/s, marks of 20 pairs, quotes and ticks (goal 100,000)"
    )


def _later(seconds: int):  # type: ignore[no-untyped-def]
    return lambda event: replace(event, time=event.time + timedelta(seconds=seconds))


if __name__ == "__main__":
    plan_speed(10, 5_000)
    plan_speed(1, 1_000)
    decider_speed()
