"""The kill switch with its screen: what each verb of `canary trading` does and says."""

import asyncio
import sys

from canary_cli.bootstrap import World
from canary_cli.errors import CanaryError, Refused, Result
from canary_cli.journal.latch import read_latches
from canary_cli.render import latches as view
from canary_cli.render import output
from canary_cli.render import positions as positions_view
from canary_cli.steps.latching import operator
from canary_cli.steps.positions import Exposure, read_exposure
from canary_cli.steps.trading import acknowledgement, disable, enable, look_before_enabling


async def run_disable(world: World, by: str, reason: str, *, as_json: bool) -> Result:
    """The latch first; then who has seen it, and what is still open."""
    by, reason = by or operator(), reason or "typed by hand"
    output.announce(world.account)
    latches = disable(world, by, reason)
    async with world:
        session, (exposure, silence) = await asyncio.gather(acknowledgement(world, by, reason), _ask(world))
    if as_json:
        still = positions_view.document(world.account.name, exposure) if exposure else None
        output.print_document(view.document(world.account.name, latches, session=session, open=still, silence=silence))
        return Result("DISABLED")
    output.line(f"Trading disabled on {world.account.name}", style="bold")
    output.line(f"session {session} has acknowledged" if session else "no running session acknowledged")
    _show_open(world, exposure, silence)
    return Result("DISABLED")


async def _ask(world: World) -> tuple[Exposure | None, str]:
    try:
        return await read_exposure(world), ""
    except CanaryError as error:
        return None, error.message


def _show_open(world: World, exposure: Exposure | None, silence: str) -> None:
    if exposure is None:
        output.line(f"what is still open is not known: {silence}", style="bold red")
    else:
        positions_view.show(world.account.name, exposure)
    if exposure is None or exposure.positions:
        output.notice(f"flatten: canary close-all --account {world.account.name}")


async def run_enable(world: World, by: str, reason: str, confirm: str, *, as_json: bool) -> Result:
    output.announce(world.account)
    async with world:
        latches, exposure = await look_before_enabling(world)
        if not latches:
            output.notice("nothing is latched")
            return Result("ENABLED")
        output.notice(f"clears {len(latches)}: {', '.join(f'{one.source} ({one.reason})' for one in latches)}")
        _confirm(world, confirm)
        cleared = enable(world, by, reason)
    if as_json:
        still = positions_view.document(world.account.name, exposure)
        output.print_document(view.document(world.account.name, (), cleared=cleared, open=still))
    else:
        output.line(f"Trading enabled on {world.account.name} by {by}; cleared:")
        view.show_each(cleared)
        positions_view.show(world.account.name, exposure)
    return Result("ENABLED")


def _confirm(world: World, confirm: str) -> None:
    """Raises Refused unless the account's name was given, as a flag or on a terminal."""
    name = world.account.name
    if not confirm and sys.stdin.isatty():
        output.notice(f"type the account's name to let it trade again ({name}):")
        confirm = sys.stdin.readline().strip()
    if confirm != name:
        raise Refused(f"not confirmed: still latched, {name} does not trade", f"add --confirm {name}")


def run_status(world: World, *, as_json: bool) -> Result:
    output.announce(world.account)
    latches = read_latches(world.account.state_dir)
    if as_json:
        output.print_document(view.document(world.account.name, latches))
    else:
        view.show_status(world.account.name, latches)
    return Result("STOPPED" if latches else "NOT_LATCHED")
