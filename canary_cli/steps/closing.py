"""A closing with its screen: run the step, show what it does, end as it ended. `close-all` and `close` share it."""

from canary_cli.bootstrap import World, open_world
from canary_cli.errors import CanaryError, ExitCode, Result
from canary_cli.render import flatten as view
from canary_cli.render import output
from canary_cli.steps import close_all, sweep
from canary_cli.steps.close_all import CloseRequest
from canary_cli.steps.interrupting import heard

ORPHANED = "the sweeper was ended by a signal: NOBODY IS CLOSING this account, nor looking again"


async def run_close(world: World, request: CloseRequest, *, as_json: bool) -> Result:
    with heard() as interruption:
        output.announce(world.account)
        async with world:
            result = await close_all.close(world, request, view.show_progress, interruption)
    if as_json:
        output.print_document(view.document(world.account.name, result))
    else:
        view.show(world.account.name, result)
    return result.result


async def run_dry(world: World, request: CloseRequest, *, as_json: bool) -> Result:
    """Proves the way to the exchange without sending anything that executes."""
    output.announce(world.account)
    async with world:
        plan = await close_all.rehearse(world, request)
    if as_json:
        output.print_document(view.rehearsed_document(world.account.name, plan))
    else:
        view.show_rehearsed(world.account.name, plan)
    return Result("READY") if plan.accepted else Result("NOT_READY", ExitCode.EXCHANGE_UNREACHABLE)


async def run_nagios(account: str | None, request: CloseRequest) -> Result:
    """`run_dry` for a monitoring system: 0 OK, 2 CRITICAL where nothing can be closed, 3 where no account is meant."""
    try:
        world = open_world(account, keyless=True)
    except CanaryError as error:
        output.line(f"CLOSE-ALL UNKNOWN - {error.message}")
        return Result("UNKNOWN", ExitCode(3))
    try:
        async with world:
            plan = await close_all.rehearse(world, request)
    except CanaryError as error:
        output.line(f"CLOSE-ALL CRITICAL - {world.account.name}: {error.message}")
        return Result("CRITICAL", ExitCode(2))
    output.line(view.nagios(world.account.name, plan))
    return Result("OK") if plan.accepted else Result("CRITICAL", ExitCode(2))


async def run_sweep(world: World, only: str | None, *, after_flat: bool, unlatched: bool) -> Result:
    output.announce(world.account)

    def say(words: str) -> None:
        output.line(f"{world.clock.wall():%Y-%m-%d %H:%M:%S}Z {words}")

    ended: list[Result] = []

    async def work() -> None:
        ended.append(await sweep.sweep(world, only, say, after_flat=after_flat, unlatched=unlatched))

    async with world:
        with heard() as interruption:
            if await interruption.cuts(work()) and interruption.by is not None:
                say(ORPHANED)
                sweep.page(world.account, ORPHANED)
                return interruption.by.result
    return ended[0]
