"""Enabling and the state of the kill switch, with their screens; disabling is in `disabling.py`."""

import sys

from canary_cli.bootstrap import World
from canary_cli.errors import Refused, Result
from canary_cli.journal.latch import read_latches
from canary_cli.render import latches as view
from canary_cli.render import output
from canary_cli.render import positions as positions_view
from canary_cli.steps.trading import enable, look_before_enabling


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
