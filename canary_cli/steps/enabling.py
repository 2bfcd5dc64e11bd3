"""Letting an account trade again, which needs everything in order: exchange, ledger, stops, a name and a reason."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from canary_cli.bootstrap import World
from canary_cli.core.model import Position
from canary_cli.errors import DatabaseError, Refused
from canary_cli.journal.beat import is_beating
from canary_cli.journal.closing import is_closing
from canary_cli.journal.enabled import Enabled, tell_enabled
from canary_cli.journal.latch import Latch, clear_latches, read_latches
from canary_cli.journal.record import Record
from canary_cli.ledger import Ledger
from canary_cli.ledger.checks import Check, check_exchange
from canary_cli.session.view import HoldLine, RunView
from canary_cli.session.view_codec import read_view
from canary_cli.steps.latching import note
from canary_cli.steps.positions import Exposure, read_exposure

DOUBT = 0.5
"""Wall seconds before a difference between ledger and exchange is looked at again."""


@dataclass(frozen=True, slots=True)
class Halted:
    """What keeps an account from trading, and what the exchange holds. `breaker` is empty where no session lives.

    `holds` are those of triggers that a person lets go; one that waits for `canary keep` is none of them.
    """

    latches: tuple[Latch, ...]
    breaker: str
    exposure: Exposure
    holds: tuple[HoldLine, ...] = ()

    @property
    def by_breaker(self) -> bool:
        return self.breaker not in ("", "ARMED")

    @property
    def is_halted(self) -> bool:
        return bool(self.latches or self.by_breaker or self.holds)


async def look_before_enabling(world: World) -> Halted:
    """Everything that must be in order before anything may be opened again.

    Raises ExchangeUnreachable or DatabaseError where it cannot be seen, Refused while somebody closes the account,
    where a stop is missing, or where the exchange holds what our fills do not explain.
    """
    _refuse_while_closing(world)
    exposure = await _reconciled(world)
    latches, view = read_latches(world.account.state_dir), living_view(world)
    holds = tuple(one for one in view.holds if not one.waits) if view else ()
    return Halted(latches, view.breaker if view else "", exposure, holds)


def _refuse_while_closing(world: World) -> None:
    """Whoever closes has latched, says so at its end, and would close what a session opens meanwhile."""
    name, folder = world.account.name, world.account.state_dir
    try:
        under_way = is_closing(folder)
    except OSError as error:
        raise Refused(f"nobody can tell whether {name} is being closed: {folder}: {error}", "mend the disk") from None
    if under_way:
        raise Refused(
            f"{name} is being closed by another process: nothing is enabled until it has ended",
            f"look at it with canary positions --account {name}, then type this again",
        )


def living_view(world: World) -> RunView | None:
    """What a session that lives says of itself."""
    folder = world.account.state_dir
    return read_view(folder) if is_beating(folder, world.clock.wall()) else None


async def _reconciled(world: World) -> Exposure:
    """What the exchange holds, where each position has its stop and is the sum of the fills we know.

    A fill may be under way, so a difference is looked at again before it counts.
    """
    for last in (False, False, True):
        exposure = await read_exposure(world)
        if exposure.unprotected:
            raise Refused(
                f"no stop rests for {', '.join(exposure.unprotected)}",
                f"close it first: canary close {exposure.unprotected[0]} --account {world.account.name}",
            )
        found = await asyncio.to_thread(_compared, world, exposure.snapshot.positions)
        if found.ok:
            return exposure
        if not last:
            await world.clock.pause(DOUBT)
    raise Refused(
        f"not reconciled: {found.detail}",
        f"canary close-all --account {world.account.name}, or take it over: "
        f"canary run --adopt --account {world.account.name}",
    )


def _compared(world: World, positions: Sequence[Position]) -> Check:
    ledger = Ledger.open(world.settings.database_url, world.account.name)
    try:
        with suppress(DatabaseError):  # a run's own writer may be at the very same lines
            ledger.catch_up(world.account.log_dir)
        return check_exchange(ledger, positions)
    finally:
        ledger.close()


def enable(world: World, by: str, reason: str, seen: Halted) -> tuple[Latch, ...]:
    """Clear the latches that were `seen`, arm the breaker, let go what triggers held; returns the latches cleared.

    Raises OSError where a file cannot be written, Refused where something was latched meanwhile, or is being closed.
    """
    _refuse_while_closing(world)
    folder = world.account.state_dir
    cleared = clear_latches(folder, seen.latches)
    releases = tuple(one.trigger for one in seen.holds)
    data = {"sources": [one.source for one in cleared], "releases": releases, "by": by, "reason": reason}
    note(world, Record("latch_cleared", actor=by, reason=reason, data=data))
    left = read_latches(folder)
    if left:
        told = ", ".join(f"{one.source} ({one.reason})" for one in left)
        raise Refused(f"still latched, set meanwhile: {told}", f"canary why --account {world.account.name}")
    tell_enabled(folder, Enabled(by, reason, world.clock.now(), releases))
    return cleared
