"""Enabling and the state of the kill switch, with their screens; disabling is in `disabling.py`."""

from dataclasses import replace

from canary_cli.bootstrap import World
from canary_cli.errors import Result
from canary_cli.journal.latch import Latch, read_latches
from canary_cli.render import latches as view
from canary_cli.render import output
from canary_cli.render import positions as positions_view
from canary_cli.render.asking import confirm_account
from canary_cli.steps.enabling import Halted, enable, living_view, look_before_enabling


async def run_enable(world: World, by: str, reason: str, confirm: str, *, as_json: bool) -> Result:
    output.announce(world.account)
    async with world:
        halted = await look_before_enabling(world)
        cleared: tuple[Latch, ...] = ()
        if halted.is_halted:
            breaker = halted.breaker if halted.by_breaker else ""
            output.notice(f"clears {view.in_words(halted.latches, breaker, halted.holds)}")
            confirm_account(world.account.name, confirm, "let it trade again")
            halted = replace(await look_before_enabling(world), latches=halted.latches, holds=halted.holds)
            cleared = enable(world, by, reason, halted)
    _show_enabled(world, by, halted, cleared, as_json=as_json)
    return Result("ENABLED")


def _show_enabled(world: World, by: str, halted: Halted, cleared: tuple[Latch, ...], *, as_json: bool) -> None:
    name = world.account.name
    if as_json:
        still = positions_view.document(name, halted.exposure)
        armed = halted.by_breaker
        more = {"breaker_armed_again": armed, "released": halted.holds, "open": still}
        output.print_document(view.document(name, (), cleared=cleared, **more))
    elif not halted.is_halted:
        output.line(f"nothing is latched on {name}, and nothing held that a person lets go")
    else:
        output.line(f"Trading enabled on {name} by {by}; cleared:")
        view.show_each(cleared)
        if halted.by_breaker:
            output.line(f"  breaker: it was {halted.breaker}; where the drawdown is still there it trips again")
        view.show_holds(halted.holds)
        positions_view.show(name, halted.exposure)


def run_status(world: World, *, as_json: bool) -> Result:
    output.announce(world.account)
    latches, session = read_latches(world.account.state_dir), living_view(world)
    holds = session.holds if session else ()
    if as_json:
        output.print_document(view.document(world.account.name, latches, holds=holds))
    else:
        view.show_status(world.account.name, latches, holds)
    return Result("STOPPED" if latches else "NOT_LATCHED")
