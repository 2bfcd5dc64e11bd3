"""Serves the control API beside whatever watches the account: the run, or the watchdog when the run is dead."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from canary_cli.bootstrap import World
from canary_cli.errors import CanaryError
from canary_cli.journal.beat import read_beat
from canary_cli.journal.latch import read_latches
from canary_cli.journal.record import Record
from canary_cli.monitor.control import serving
from canary_cli.monitor.textfile import Gauge
from canary_cli.session.view_codec import read_view
from canary_cli.steps import enabling, trading
from canary_cli.steps.latching import note
from canary_cli.steps.run import Run

SOURCE = "control-api"
TRY_AGAIN = 2.0
"""Wall seconds until a port that was taken is tried again: whoever had it may have ended."""


class ControlDesk:
    """The account as the control API sees it. `noticed` lets a session in this process look at the latch at once."""

    def __init__(self, world: World, server: str, noticed: Callable[[], None] = lambda: None) -> None:
        self._world = world
        self._server = server
        self._noticed = noticed

    @property
    def account(self) -> str:
        return self._world.account.name

    async def disable(self, by: str, reason: str) -> None:
        await asyncio.to_thread(trading.disable, self._world, by, reason, SOURCE)
        self._noticed()
        data = {"source": SOURCE, "reason": reason, "by": by}
        await asyncio.to_thread(note, self._world, Record("latch_set", actor=by, reason=reason, data=data))

    async def enable(self, by: str, reason: str) -> tuple[str, ...]:
        halted = await enabling.look_before_enabling(self._world)
        cleared = await asyncio.to_thread(enabling.enable, self._world, by, reason, halted)
        self._noticed()
        return (*(one.source for one in cleared), *(one.trigger for one in halted.holds))

    def status(self) -> Mapping[str, Any]:
        latches = read_latches(self._world.account.state_dir)
        told = [{"source": one.source, "reason": one.reason, "by": one.by, "at": str(one.at)} for one in latches]
        return {"account": self.account, "trading": not latches, "latches": told, "served_by": self._server}

    def gauges(self) -> tuple[Gauge, ...]:
        return tuple(_gauges(self._world))


def _gauges(world: World) -> Iterator[Gauge]:
    folder, name = world.account.state_dir, world.account.name

    def gauge(what: str, text: str, value: object) -> Gauge:
        return Gauge(f"canary_{what}", text, ("account",), {(name,): float(str(value))})

    yield gauge("latched", "1 while the kill switch is set.", int(bool(read_latches(folder))))
    beat = read_beat(folder)
    if beat is not None:
        age = (world.clock.wall() - beat.at).total_seconds()
        yield gauge("session_beat_age_seconds", "Wall seconds since the session's last sign of life.", age)
    view = read_view(folder)
    if view is None:
        return
    yield gauge("open_positions", "Positions the session holds.", len(view.positions))
    if view.equity is not None:
        yield gauge("equity_usdt", "Equity at mark prices.", view.equity)
    if view.drawdown_pct is not None:
        yield gauge("drawdown_percent", "Drawdown from the peak since deployment start.", view.drawdown_pct)


async def serve(world: World, desk: ControlDesk, say: Callable[[str], None]) -> None:
    """Until cancelled. A port that is taken is said once and tried again; the trading beside it never waits for it."""
    try:
        settings = world.settings
    except CanaryError as error:
        say(f"control API is off: {error.message}")
        return
    if settings.api_token is None:
        say("control API is off: API_TOKEN is not set")
        return
    last = ""
    while True:
        try:
            place = (settings.api_host, settings.api_port)
            async with serving(desk, settings.api_token, *place, world.clock.monotonic) as port:
                say(f"control API on http://{settings.api_host}:{port}")
                await asyncio.Event().wait()
        except OSError as error:
            words = f"control API is not served by this process: {error.strerror or error}"
            if words != last:
                say(words)
            last = words
        await world.clock.pause(TRY_AGAIN)


def start_beside(run: Run) -> "asyncio.Task[None]":
    """Serve while `run` runs; a disable reaches its session in the same turn of the loop."""

    def noticed() -> None:
        if run.has_session:
            run.session.look_at_latch()

    def say(words: str) -> None:
        run.scribe.write("control_api", data={"message": words}, reason=words)

    return asyncio.create_task(serve(run.world, ControlDesk(run.world, f"run {run.run_id}", noticed), say))
