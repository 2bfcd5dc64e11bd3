"""Row 28: `close-all` killed with -9 after each of its steps, then typed again: flat, and nothing done twice."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.core.model import Side
from canary_cli.journal.latch import read_latches
from tests.faults.desk import PAIRS, Desk, a_desk

STEPS: dict[str, Callable[[Desk, Path], bool]] = {
    "latched": lambda _desk, home: bool(read_latches(home / ".canary" / "desk")),
    "first order cancelled": lambda desk, _home: desk.resting < 15,
    "first position closed": lambda desk, _home: len(desk.held) < 5,
    "all positions closed": lambda desk, _home: not desk.held,
}


async def close_all(home: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "canary_cli", "close-all", "--no-recheck", stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "CANARY_HOME": str(home), "CANARY_ACCOUNT": "desk"}, cwd=home,
    )  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
async def test_row_28_killed_after_a_step_and_typed_again(step: str, tmp_path: Path) -> None:
    async with a_desk() as desk:
        port = desk.server.port
        (tmp_path / "accounts.toml").write_text(f'[desk]\nkind = "paper"\nport = {port}\n')
        began = desk.clock.now() - timedelta(seconds=1)
        await desk.open(*PAIRS)
        for pair in PAIRS:
            await desk.protect(pair)
            await desk.rest(pair, Side.BUY, "0.97")
            await desk.rest(pair, Side.BUY, "0.96")
        desk.fault("latency", on="all", milliseconds=20, to_milliseconds=60)
        process = await close_all(tmp_path)
        async with asyncio.timeout(20):
            while not STEPS[step](desk, tmp_path) and process.returncode is None:
                await desk.clock.pause(0.002)
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        await process.communicate()
        assert read_latches(tmp_path / ".canary" / "desk")
        again = await close_all(tmp_path)
        out, err = await asyncio.wait_for(again.communicate(), 30)
        assert again.returncode == 0, err
        assert (desk.held, desk.resting) == ({}, 0)
        assert out.startswith(b"NOTHING OPEN") or b"FLAT on desk" in out
        for pair in PAIRS:
            fills = await desk.exchange.trades(pair, began)
            assert sum((fill.side.sign * fill.quantity for fill in fills), Decimal(0)) == 0
            assert sum(fill.quantity for fill in fills if fill.side is Side.SELL) == desk.quantity(pair)
