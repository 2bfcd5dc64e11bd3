"""Enabling and the state of the kill switch, with their screens; disabling is in `disabling.py`."""

from dataclasses import replace

from canary_cli.bootstrap import World
from canary_cli.errors import Result
from canary_cli.journal.latch import Latch, read_latches
from canary_cli.render import latches as view
from canary_cli.render import output
from canary_cli.render import positions as positions_view
from canary_cli.render.asking import confirm_account
from canary_cli.steps.enabling import Halted, enable, look_before_enabling


async def run_enable(world: World, by: str, reason: str, confirm: str, *, as_json: bool) -> Result:
    output.announce(world.account)
    async with world:
        halted = await look_before_enabling(world)
        cleared: tuple[Latch, ...] = ()
        if halted.latches or halted.by_breaker:
            output.notice(f"clears {view.in_words(halted.latches, halted.breaker if halted.by_breaker else '')}")
            confirm_account(world.account.name, confirm, "let it trade again")
            halted = replace(await look_before_enabling(world), latches=halted.latches)
            cleared = enable(world, by, reason, halted.latches)
    _show_enabled(world, by, halted, cleared, as_json=as_json)
    return Result("ENABLED")


def _show_enabled(world: World, by: str, halted: Halted, cleared: tuple[Latch, ...], *, as_json: bool) -> None:
    name = world.account.name
    if as_json:
        still = positions_view.document(name, halted.exposure)
        armed = halted.by_breaker
        output.print_document(view.document(name, (), cleared=cleared, breaker_armed_again=armed, open=still))
    elif not cleared and not halted.by_breaker:
        output.line(f"nothing is latched on {name}")
    else:
        output.line(f"Trading enabled on {name} by {by}; cleared:")
        view.show_each(cleared)
        if halted.by_breaker:
            output.line(f"  breaker: it was {halted.breaker}; where the drawdown is still there it trips again")
        positions_view.show(name, halted.exposure)


def run_status(world: World, *, as_json: bool) -> Result:
    output.announce(world.account)
    latches = read_latches(world.account.state_dir)
    if as_json:
        output.print_document(view.document(world.account.name, latches))
    else:
        view.show_status(world.account.name, latches)
    return Result("STOPPED" if latches else "NOT_LATCHED")
