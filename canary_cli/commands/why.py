"""`canary why`"""

import asyncio

from canary_cli.bootstrap import World, open_world
from canary_cli.commands import options
from canary_cli.errors import Result
from canary_cli.steps.why import Reasons, find_reasons


def command(account: options.Account = None, as_json: options.Json = False) -> Result:
    """Why nothing trades: what stands in the way, hardest first, and what refused the last day's signals."""
    from canary_cli.render import output
    from canary_cli.render import status as render

    world = open_world(account, keyless=True)
    output.announce(world.account)
    reasons = asyncio.run(_find(world))
    if not as_json:
        return render.show_reasons(reasons)
    output.print_document(render.reasons_document(reasons))
    return render.result_of(reasons.status)


async def _find(world: World) -> Reasons:
    async with world:
        return await find_reasons(world)
