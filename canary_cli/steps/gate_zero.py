"""Gate 0: a snapshot, every preflight check, and GO, a quarter of an hour to mend, or postponement."""

import asyncio
from datetime import timedelta
from typing import Any

from canary_cli.errors import CanaryError, ExitCode, Result
from canary_cli.steps.preflight import preflight
from canary_cli.steps.preflight.finding import Report
from canary_cli.steps.run import Outcome, Run
from canary_cli.steps.snapshot_db import snapshot_db

RECHECK_EVERY = timedelta(minutes=1)
POSTPONED = Result("POSTPONED", ExitCode.HUMAN_NEEDED)


async def decide(run: Run) -> Outcome:
    """GO lets the phases begin. Red is looked at again each minute for as long as the plan allows, then postponed."""
    run.progress.step = "gate 0"
    run.on_wake()
    if not await run.until(run.started_at + run.plan.gate_zero.at):
        return run.cut_short() or Outcome("POSTPONED", "", POSTPONED)
    deadline = run.now + run.plan.gate_zero.troubleshoot
    await _snapshot(run)
    while True:
        report = await preflight(run.world, run.plan_path)
        red = _red(report)
        run.scribe.write("gate", data=_data(report), status="GO" if report.is_go else "NO-GO", reason=red)
        if report.is_go:
            return Outcome("GO", f"{len(report.checked)} checks")
        if run.now + RECHECK_EVERY > deadline:
            again = run.started_at + run.plan.gate_zero.postpone
            return Outcome("POSTPONED", f"to {again:%Y-%m-%d %H:%M} UTC: {red}", POSTPONED)
        if not await run.until(run.now + RECHECK_EVERY):
            return run.cut_short() or Outcome("POSTPONED", red, POSTPONED)


async def _snapshot(run: Run) -> None:
    """A backup to come back to. Where it fails, preflight's own check of the backups says NO-GO."""
    try:
        await asyncio.to_thread(snapshot_db, run.world)
    except (CanaryError, OSError) as error:
        run.scribe.write("error", data={"where": "snapshot-db", "message": str(error)}, reason=str(error))


def _red(report: Report) -> str:
    return "; ".join(f"{one.name}: {one.finding.evidence}" for one in report.stoppers)


def _data(report: Report) -> dict[str, Any]:
    checks = [
        {"name": one.name, "status": one.finding.status.value, "evidence": one.finding.evidence}
        for one in report.checked
    ]
    return {"phase": 0, "verdict": "GO" if report.is_go else "NO-GO", "checks": checks}
