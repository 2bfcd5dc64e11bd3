"""`canary monitor`"""

import asyncio
from typing import Annotated

import typer

from canary_cli.bootstrap import World, open_world
from canary_cli.commands import options
from canary_cli.errors import DONE, Result


def command(
    once: Annotated[bool, typer.Option("--once", help="Show how things stand, and end.")] = False,
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Watch the running session from another terminal until it ends. Changes nothing, asks the exchange nothing.

    Without a terminal: one line an event. --json: one event a line, or with --once one document. Exit 4 when no
    session is running, so that --once serves as a health check.
    """
    from canary_cli.render import output
    from canary_cli.render import status as render

    world = open_world(account)
    output.announce(world.account)
    if once:
        return _once(world, as_json=as_json)
    with render.eyes(as_json=as_json) as eyes:
        from canary_cli.steps.monitor import watch

        result = asyncio.run(watch(world, eyes))
    if as_json:
        render.print_result(result)
    return result


def _once(world: World, *, as_json: bool) -> Result:
    from canary_cli.render import output
    from canary_cli.render import status as render
    from canary_cli.steps.monitor import NOT_RUNNING, SILENT, current

    view, is_fresh = current(world)
    result = NOT_RUNNING if view is None else DONE if is_fresh else SILENT
    if as_json:
        output.print_document({"view": view, "result": result.word, "exit_code": result.code})
    elif view is not None:
        render.show_once(view)
    else:
        output.notice(f"no session is running on {world.account.name}")
    return result
