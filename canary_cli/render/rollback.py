"""How a rollback ended: clocks, evidence, what is not done."""

from canary_cli.errors import ExitCode, Result
from canary_cli.render import output
from canary_cli.render.flatten import another_hand
from canary_cli.steps.rollback.state import Rollback


def show_rollback(rollback: Rollback, result: Result, account: str, *, as_json: bool) -> None:
    """`result` is how the verb ends: a rollback typed by hand that ended flat ends with 0."""
    if as_json:
        output.print_document(document(rollback, account, result))
        return
    output.line(f"{rollback.result.word} {rollback.incident}: {rollback.cause}")
    if rollback.report is not None:
        output.line(f"closed {len(rollback.report.closed)} positions; {clocks(rollback)}")
        if rollback.report.grown:
            output.line(another_hand(rollback.report.grown, account), style="bold red")
    for name, detail in rollback.done.items():
        output.line(f"  {name}: {detail}")
    for name, why in rollback.missing.items():
        output.line(f"  {name}: NOT DONE ({why})", style="yellow")
    if rollback.interrupted is not None:
        output.notice(f"cut short: canary rollback --account {account} does what is left", style="bold red")
    if rollback.closer:
        output.line(f"NOT FLAT: {rollback.closer}", style="bold red")
    output.line(f"evidence: {rollback.folder}")
    if rollback.result.code is ExitCode.INCOMPLETE:
        output.notice(f"next:  canary close-all --account {account}")


def clocks(rollback: Rollback) -> str:
    """Seconds from the trip; what was not reached says so."""
    report = rollback.report
    assert report is not None
    told = (
        ("first byte", report.first_byte),
        ("acknowledged", report.acknowledged),
        ("verified flat", report.verified),
    )
    return ", ".join(
        f"{name} {'not reached' if seconds is None else f'{rollback.trip_seconds + seconds:.3f} s'}"
        for name, seconds in told
    )


def document(rollback: Rollback, account: str, result: Result) -> dict[str, object]:
    return {
        "account": account,
        "incident": rollback.incident,
        "result": result.word,
        "cause": rollback.cause,
        "run_id": rollback.run_id,
        "report": rollback.report,
        "done": rollback.done,
        "missing": rollback.missing,
        "root_cause": rollback.root_cause,
        "decision": rollback.decision,
        "closer": rollback.closer,
        "evidence": str(rollback.folder),
        "exit_code": result.code,
    }
