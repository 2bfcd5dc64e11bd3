"""Every go/no-go check at once. The verb `preflight` shows the report; gate 0 of a run decides on the same one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from canary_cli.accounts import on_account
from canary_cli.bootstrap import World
from canary_cli.core.policy.checks import Status
from canary_cli.errors import CanaryError, ExchangeUnreachable, PlanError
from canary_cli.steps.preflight import exchange, machine, people, state
from canary_cli.steps.preflight.finding import Checked, Finding, Report
from canary_cli.steps.preflight.scene import Scene

Check = Callable[[Scene], Awaitable[Finding]]

TIMED: dict[str, Check] = {
    "rest latency": exchange.rest,
    "clock skew": exchange.clock,
    "market stream": exchange.market_stream,
    "user stream": exchange.user_stream,
}
"""Run first and by themselves: beside the others they would measure our own traffic and imports."""

CHECKS: dict[str, Check] = {
    "api key": exchange.keys,
    "account mode": exchange.account_mode,
    "symbols": exchange.symbols,
    "trading status": exchange.trading_status,
    "database": state.database,
    "backup": state.backup,
    "restore drill": state.restore_drill,
    "latch": state.latch,
    "incident": state.incident,
    "approval": state.approval,
    "environment": machine.environment,
    "branch": machine.branch,
    "heuristics": machine.heuristics,
    "signals": machine.signals,
    "plan": machine.plan,
    "disk": machine.disk,
    "alerts": people.alerts,
    "monitoring": people.monitoring,
}

CHECK_SECONDS = 15.0


async def preflight(world: World, plan_path: Path) -> Report:
    """Look at everything. Never raises for what a check meets: that is its finding."""
    scene = Scene(world, plan_path)
    began = scene.clock.monotonic()
    checked = []
    for group in (TIMED, CHECKS):
        checked += await asyncio.gather(*(_look(scene, name, check) for name, check in group.items()))
    took = scene.clock.monotonic() - began
    return Report(scene.account.name, scene.account.kind, str(plan_path), scene.clock.now(), took, tuple(checked))


async def _look(scene: Scene, name: str, check: Check) -> Checked:
    began = scene.clock.monotonic()
    finding = await _finding(scene, name, check)
    finding = replace(finding, hint=on_account(finding.hint, scene.account.name))
    return Checked(name, finding, scene.clock.monotonic() - began)


async def _finding(scene: Scene, name: str, check: Check) -> Finding:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check(scene)
    except ExchangeUnreachable as error:
        return Finding(Status.FAIL, error.message, error.hint or scene.unreachable_hint, unreachable=True)
    except PlanError as error:
        if name != "plan":
            return Finding(Status.ERROR, "needs the plan, which cannot be read")
        return Finding(Status.FAIL, error.message, error.hint)
    except CanaryError as error:
        return Finding(Status.FAIL, error.message, error.hint)
    except TimeoutError:
        return Finding(
            Status.ERROR, f"no answer within {CHECK_SECONDS:.0f} s", "run it again; if it stays, look there first"
        )
    except Exception as error:  # one broken check must not hide the others
        return Finding(Status.ERROR, f"bug in canary: {type(error).__name__}: {error}", "report it")
