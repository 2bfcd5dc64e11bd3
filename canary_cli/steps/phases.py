"""The phases of a run: enter, watch, judge, and promote, extend or stop."""

from datetime import datetime

from canary_cli.core.policy.gates import GateVerdict, Verdict
from canary_cli.core.policy.plan import Phase
from canary_cli.errors import ExitCode, Result
from canary_cli.steps.gating import judge_phase
from canary_cli.steps.run import ROLL_BACK, Outcome, Run

HUMAN = Result("INCONCLUSIVE", ExitCode.HUMAN_NEEDED)
LATCHED = Result("LATCHED", ExitCode.HUMAN_NEEDED)


async def hold_phase(run: Run, phase: Phase) -> Outcome:
    """Trade at the phase's size until its gate has an answer."""
    run.progress.step = f"waiting for phase {phase.number}"
    if not await run.until(run.phase_start(phase)):
        return _stopped(run)
    _enter(run, phase)
    extended_until = run.progress.ends[phase.number] + phase.max_extend
    while True:
        if not await run.until(run.progress.ends[phase.number]):
            return _stopped(run)
        verdict = await judge_phase(run, phase)
        if verdict.verdict is not Verdict.INCONCLUSIVE:
            return _decided(phase, verdict)
        if run.session.state.latches:
            return Outcome("LATCHED", "; ".join(run.session.state.latches.values()), LATCHED)
        ends = run.progress.ends[phase.number] + phase.extend
        if ends > extended_until:
            return Outcome("INCONCLUSIVE", "; ".join(verdict.reasons), HUMAN)
        _extend(run, phase, ends)


def _enter(run: Run, phase: Phase) -> None:
    """Begin the phase now, unless a restart found it begun; late or not, it lasts as long as the plan says."""
    run.progress.step = f"phase {phase.number}"
    if phase.number in run.progress.ends:
        return
    ends = max(run.now, run.phase_start(phase)) + phase.duration
    run.progress.ends[phase.number] = ends
    run.session.enter_phase(phase, run.pairs_of(phase), ends)


def _extend(run: Run, phase: Phase, ends: datetime) -> None:
    run.progress.ends[phase.number] = ends
    run.scribe.write("phase_extended", data={"number": phase.number, "ends_at": ends.isoformat()})


def _decided(phase: Phase, verdict: GateVerdict) -> Outcome:
    if verdict.verdict is Verdict.FAIL:
        return Outcome("FAIL", f"gate {phase.number}: {'; '.join(verdict.reasons)}", ROLL_BACK)
    return Outcome(verdict.verdict.value, "; ".join(verdict.reasons))


def _stopped(run: Run) -> Outcome:
    outcome = run.cut_short()
    assert outcome is not None
    return outcome
