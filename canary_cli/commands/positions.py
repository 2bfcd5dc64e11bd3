"""`canary positions`"""

import asyncio

from canary_cli.bootstrap import World, open_world
from canary_cli.commands import options
from canary_cli.errors import DONE, Result
from canary_cli.steps.positions import Exposure, read_exposure


def command(account: options.Account = None, as_json: options.Json = False) -> Result:
    """What is open, asked of the exchange now: positions, their stops, orders, open risk. Exit 7 when it is silent."""
    from canary_cli.render import output
    from canary_cli.render import positions as view

    world = open_world(account)
    output.announce(world.account)
    exposure = asyncio.run(_read(world))
    if as_json:
        output.print_document(view.document(world.account.name, exposure))
    else:
        view.show(world.account.name, exposure)
    return DONE


async def _read(world: World) -> Exposure:
    async with world:
        return await read_exposure(world)
