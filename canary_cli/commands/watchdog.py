"""`canary watchdog`"""

import asyncio
from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    account: options.Account = None,
    dead_after: Annotated[float, typer.Option(min=5, help="Seconds without a beat after which it closes.")] = 30.0,
    once: Annotated[bool, typer.Option("--once", help="Look one time, do what is due, and end.")] = False,
    as_json: options.Json = False,
) -> Result:
    """Watch the session from a process of its own: close what it left open when it dies, and latch.

    Serves the control API while no session does, and tells the next people when an incident grows old. A planned stop
    is no death. Meant to be run by systemd: runbooks/systemd/canary-watchdog.service.
    """
    from canary_cli.bootstrap import World, open_world
    from canary_cli.render import output
    from canary_cli.steps.watchdog import watch

    world = open_world(account)
    output.announce(world.account)

    def say(words: str) -> None:
        at = world.clock.wall()
        if as_json:
            output.print_event({"account": world.account.name, "at": at, "message": words})
        else:
            output.line(f"{at:%Y-%m-%dT%H:%M:%SZ} {words}")

    async def work(world: World) -> Result:
        async with world:
            return await watch(world, dead_after, say, once=once)

    return asyncio.run(work(world))
