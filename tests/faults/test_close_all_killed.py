"""Row 28: `close-all`, and the process it hands over to, killed with -9 after each step, then typed again: flat, and
nothing done twice."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canary_cli.core.model import Side
from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from tests.faults.desk import PAIRS, Desk, a_desk
from tests.faults.terminal import Terminal, a_terminal, until

ORDERS = r"^POST /fapi/v1/order$"


def told(event: str) -> Callable[[Desk, Terminal], bool]:
    return lambda _desk, terminal: any(entry.event == event for entry in read(terminal.account.log_dir))


STEPS: dict[str, Callable[[Desk, Terminal], bool]] = {
    "latched": lambda _desk, terminal: bool(read_latches(terminal.account.state_dir)),
    "written down that it began": told("flatten_started"),
    "first order cancelled": lambda desk, _terminal: desk.resting < 15,
    "first position closed": lambda desk, _terminal: len(desk.held) < 5,
    "all positions closed": lambda desk, _terminal: not desk.held,
    "verified flat": told("flat"),
    "first fill booked": told("fill"),
}
FEW = ("latched", "first position closed", "all positions closed", "first fill booked")
SWEEPERS = ("first position closed", "started", "all positions closed")


def short_and_long(few: tuple[str, ...], every: Iterable[str]) -> list[Any]:
    """All of them, of which `make test` takes only a few."""
    return [*few, *(pytest.param(step, marks=pytest.mark.soak) for step in every if step not in few)]


@asynccontextmanager
async def five_positions(home: Path) -> AsyncIterator[tuple[Desk, Terminal]]:
    """With a stop and two entries for each, at an exchange that takes its time."""
    async with a_desk() as desk, a_terminal(desk, home) as terminal:
        await desk.open(*PAIRS)
        for pair in PAIRS:
            await desk.protect(pair)
            await desk.rest(pair, Side.BUY, "0.97")
            await desk.rest(pair, Side.BUY, "0.96")
        desk.fault("latency", on="all", milliseconds=20, to_milliseconds=60)
        yield desk, terminal


@pytest.mark.parametrize("step", short_and_long(FEW, STEPS))
async def test_row_28_killed_after_a_step_and_typed_again(step: str, tmp_path: Path) -> None:
    async with five_positions(tmp_path) as (desk, terminal):
        began = desk.clock.now() - timedelta(minutes=5)
        typed = await terminal.begin("close-all", "--no-recheck")
        await until(lambda: STEPS[step](desk, terminal) or not typed.is_running, step)
        typed.kill()
        await typed.ended()
        await ends_flat_when_typed_again(desk, terminal, began)


@pytest.mark.parametrize("step", short_and_long(SWEEPERS[:1], SWEEPERS))
async def test_row_28_the_process_that_goes_on_is_killed_and_close_all_typed_again(step: str, tmp_path: Path) -> None:
    async with five_positions(tmp_path) as (desk, terminal):
        began = desk.clock.now() - timedelta(minutes=5)
        desk.fault("reject", on=ORDERS, code=-1008, status=503, msg="Request throttled.")
        refused = desk.venue.faults.all()[-1]
        gave_up = await terminal.type("close-all", "--timeout", "1")
        assert gave_up.code == 6, gave_up
        (sweeper,) = [pid for pid in terminal.left_running if f"process {pid}," in gave_up.err]
        desk.venue.faults.remove(refused.id)
        await until(lambda: step == "started" or STEPS[step](desk, terminal), step)
        terminal.end(sweeper)
        await ends_flat_when_typed_again(desk, terminal, began)


async def ends_flat_when_typed_again(desk: Desk, terminal: Terminal, began: datetime) -> None:
    assert read_latches(terminal.account.state_dir)
    again = await terminal.type("close-all", "--no-recheck")
    assert again.code == 0, again
    assert (desk.held, desk.resting) == ({}, 0)
    assert again.out.startswith("NOTHING OPEN") or "FLAT on desk" in again.out
    booked = [entry.data["trade_id"] for entry in read(terminal.account.log_dir) if entry.event == "fill"]
    assert len(booked) == len(set(booked))
    for pair in PAIRS:
        fills = await desk.exchange.trades(pair, began)
        assert sum((fill.side.sign * fill.quantity for fill in fills), Decimal(0)) == 0
        assert sum(fill.quantity for fill in fills if fill.side is Side.SELL) == desk.quantity(pair)
