"""`canary status`"""

import asyncio

from canary_cli.bootstrap import World, open_world
from canary_cli.commands import options
from canary_cli.errors import Result
from canary_cli.steps.status import Status, read_status


def command(account: options.Account = None, as_json: options.Json = False) -> Result:
    """How things stand: the exchange asked first, then session, latch, journal and ledger, each with its age.

    Every source has two seconds; one that fails is NO ANSWER, never flat. Exit 7 when the exchange is silent.
    """
    from canary_cli.render import output
    from canary_cli.render import status as render

    world = open_world(account, keyless=True)
    output.announce(world.account)
    status = asyncio.run(_read(world))
    if not as_json:
        return render.show(status)
    output.print_document(render.document(status))
    return render.result_of(status)


async def _read(world: World) -> Status:
    async with world:
        return await read_status(world)
