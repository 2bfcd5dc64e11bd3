"""Judging a phase: readings from the session, evidence from around it, the verdict from policy."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from canary_cli.core.policy import gates
from canary_cli.core.policy.gates import CheckResult, Evidence, GateVerdict
from canary_cli.core.policy.plan import Phase
from canary_cli.core.signals import Evaluation, SignalSettings, from_record
from canary_cli.core.trading.self_test import breaker_trips
from canary_cli.core.trading.standing import operational, session_readings
from canary_cli.journal.reader import verify_chain
from canary_cli.steps import parity
from canary_cli.steps.approving import sign_offs_missing
from canary_cli.steps.comparing import mismatches
from canary_cli.steps.run import Run

BARS_WITHIN = 5.0
"""Wall seconds that a gate waits for bars that closed with its phase to be judged: the feed may have to ask REST."""


async def judge_phase(run: Run, phase: Phase) -> GateVerdict:
    """Look at the whole phase once more and decide; the verdict is journalled with every check's figures."""
    ended = run.now
    evidence = await _evidence(run, phase, ended)
    verdict = gates.judge(phase.gate, session_readings(run.session.state), evidence)
    run.progress.verdicts[phase.number] = verdict
    run.scribe.write(
        "gate",
        data={"phase": phase.number, "verdict": verdict.verdict.value, "checks": [_told(c) for c in verdict.checks]},
        status=verdict.verdict.value,
        reason="; ".join(verdict.reasons),
    )
    return verdict


def live_checks(run: Run, phase: Phase) -> tuple[CheckResult, ...]:
    """The same rows on what is known so far, for the screen; what only the gate itself looks up stays unmeasured."""
    return gates.judge(phase.gate, session_readings(run.session.state), Evidence()).checks


async def _evidence(run: Run, phase: Phase, ended: datetime) -> Evidence:
    began = run.session.state.phase_entered or ended
    wanted = run.pairs_of(phase)
    decided = await _decided(run, wanted, (began, ended))
    judged, closed = parity.coverage(decided, wanted, (began, ended))
    differing = await mismatches(run, wanted, decided, (began, ended))
    chain = verify_chain(run.world.account.log_dir)
    return Evidence(
        bars_judged=judged,
        bars_closed=closed,
        parity_mismatches=None if differing is None else len(differing),
        breaker_self_test=breaker_trips(run.session.state),
        pairs_operational=operational(run.session.state, wanted),
        pairs_wanted=len(wanted),
        audit_lines=chain.lines,
        audit_gaps=0 if chain.ok else 1,
        sign_offs_missing=() if run.world.account.is_paper else sign_offs_missing(run),
    )


async def _decided(run: Run, wanted: Collection[str], window: tuple[datetime, datetime]) -> list[Evaluation]:
    """The wanted pairs' bars judged in the phase. It often ends with a bar, whose decisions come a moment after it."""
    began, ended = window
    expected = len(wanted) * len(parity.closes(SignalSettings().decision_frame, began, ended))
    clock = run.world.clock
    since = clock.monotonic()
    known: list[Evaluation] = []
    while True:
        known += map(_evaluation, run.progress.decisions[len(known) :])
        decided = [one for one in known if began < one.time <= ended and one.symbol in wanted]
        if len(decided) >= expected or clock.monotonic() - since > BARS_WITHIN or run.cut_short() is not None:
            return decided
        await clock.pause(0.05)


def _evaluation(record: Any) -> Evaluation:
    return from_record(record.data)


def _told(check: CheckResult) -> dict[str, Any]:
    return {
        "metric": check.metric,
        "value": None if check.value is None else str(check.value),
        "op": check.op,
        "limit": str(check.limit),
        "n": check.n,
        "window": check.window,
        "population": check.population,
        "verdict": check.verdict.value,
        "detail": check.detail,
        "counts": check.counts,
    }
