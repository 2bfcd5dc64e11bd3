"""The phases of a run: enter, watch, judge, and promote, extend, wait for a person, or roll back."""

from dataclasses import replace
from datetime import datetime

from canary_cli.core.policy.decisions import Move, Next, after_gate
from canary_cli.core.policy.gates import GateVerdict
from canary_cli.core.policy.plan import Phase
from canary_cli.core.policy.risk import TradingState
from canary_cli.core.trading.inputs import ConditionChanged
from canary_cli.core.trading.standing import trading_state
from canary_cli.errors import ExitCode, Result
from canary_cli.steps.approving import is_approved, said_yes
from canary_cli.steps.gating import judge_phase
from canary_cli.steps.run import LATCHED, ROLL_BACK, Outcome, Run

CREW_GONE = "crew-gone"
"""The condition that holds entries while a phase waits for people outside their window."""

HUMAN = Result("INCONCLUSIVE", ExitCode.HUMAN_NEEDED)


async def hold_phase(run: Run, phase: Phase) -> Outcome:
    """Trade at the phase's size until its gate has an answer."""
    run.progress.step = f"waiting for phase {phase.number}"
    if not await run.until(run.phase_start(phase)):
        return _stopped(run)
    first_end = _enter(run, phase)
    while True:
        if not await run.until(run.progress.ends[phase.number]):
            return _stopped(run)
        outcome = await _judged(run, phase, first_end)
        if outcome is not None:
            return outcome


async def _judged(run: Run, phase: Phase, first_end: datetime) -> Outcome | None:
    """One look at the gate; None means that the phase goes on."""
    verdict = await judge_phase(run, phase)
    if run.cut_short() is not None:
        return _stopped(run)
    if run.session.state.latches:
        return _latched(run, phase)
    step = after_gate(
        verdict.verdict,
        phase,
        now=run.now,
        ends_at=run.progress.ends[phase.number],
        first_end=first_end,
        crew=run.plan.crew,
        is_approved=is_approved(run, phase),
        said_yes=said_yes(run, phase),
    )
    run.session.post(ConditionChanged(run.now, CREW_GONE, step.move is Move.REDUCE_ONLY, step.reason))
    held = _held(run) if step.move in (Move.PROMOTE, Move.PROMOTE_WATCHED) else ""
    return _hold_back(run, phase, first_end, held) if held else _moved(run, phase, verdict, step)


def _held(run: Run) -> str:
    """Why nothing may be opened now; empty where it may, or only the missing crew kept it."""
    state = run.session.state
    others = {name: condition for name, condition in state.conditions.items() if name != CREW_GONE}
    trading, why = trading_state(replace(state, conditions=others))
    return "" if trading is TradingState.ACTIVE else why


def _hold_back(run: Run, phase: Phase, first_end: datetime, why: str) -> Outcome | None:
    """To grow needs all to be well, the database and the breaker too: look again until it is, or a person helps."""
    told = f"gate {phase.number} would promote, but {why}"
    if run.world.account.is_rehearsal and run.now >= first_end + phase.max_extend:
        return Outcome("INCONCLUSIVE", told, HUMAN)
    run.alert("WARNING", told, f"gate/{phase.number}")
    _extend(run, phase, run.now + phase.watch)
    return None


def _latched(run: Run, phase: Phase) -> Outcome | None:
    """No gate promotes a latched run; while it holds something it watches on, and asks for a person again and again.

    A rehearsal has nobody to ask, and ends.
    """
    told = "; ".join(run.session.state.latches.values())
    if run.world.account.is_rehearsal or not run.session.state.held:
        return Outcome("LATCHED", f"{told}; {run.left_open()}", LATCHED)
    account = run.world.account.name
    run.alert("WARNING", f"latched: {told}; {run.left_open()}; canary trading enable --by NAME --reason WHY "
              f"--account {account}, or canary close-all --account {account}", f"gate/{phase.number}")  # fmt: skip
    _extend(run, phase, run.now + phase.watch)
    return None


def _enter(run: Run, phase: Phase) -> datetime:
    """Begin the phase now, unless a restart found it begun; late or not, it lasts as long as the plan says."""
    run.progress.step = f"phase {phase.number}"
    if phase.number not in run.progress.ends:
        ends = max(run.now, run.phase_start(phase)) + phase.duration
        run.progress.ends[phase.number] = run.progress.first_ends[phase.number] = ends
        run.session.enter_phase(phase, run.pairs_of(phase), ends)
    return run.progress.first_ends[phase.number]


def _moved(run: Run, phase: Phase, verdict: GateVerdict, step: Next) -> Outcome | None:
    reasons = "; ".join(verdict.reasons)
    match step.move:
        case Move.ROLL_BACK:
            return Outcome("FAIL", f"gate {phase.number}: {reasons}", ROLL_BACK)
        case Move.EXTEND if step.until is not None:
            _extend(run, phase, step.until)
        case Move.WAIT | Move.REDUCE_ONLY:
            return _wait(run, phase, step, reasons)
        case _:
            return Outcome(verdict.verdict.value, reasons)
    return None


def _extend(run: Run, phase: Phase, ends: datetime) -> None:
    run.progress.ends[phase.number] = ends
    run.scribe.write("phase_extended", data={"number": phase.number, "ends_at": ends.isoformat()})


def _wait(run: Run, phase: Phase, step: Next, reasons: str) -> Outcome | None:
    """Keep the size and ask again; a rehearsal has nobody to ask, and ends."""
    if run.world.account.is_rehearsal:
        return Outcome("INCONCLUSIVE", reasons or step.reason, HUMAN)
    told = f"{step.reason}; canary approve --phase {phase.number} --by NAME --account {run.world.account.name}"
    run.alert("WARNING", told, f"gate/{phase.number}")
    _extend(run, phase, step.until or run.now + phase.watch)
    return None


def _stopped(run: Run) -> Outcome:
    outcome = run.cut_short()
    assert outcome is not None
    return outcome
