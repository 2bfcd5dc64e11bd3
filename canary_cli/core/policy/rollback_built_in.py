"""What `runbooks/rollback.toml` is shipped as: no rollback waits for a file that is missing or broken."""

from datetime import timedelta
from decimal import Decimal

from canary_cli.core.policy.rollback import (
    STOPPING,
    Cause,
    DecisionTree,
    Escalation,
    Rollback,
    Stage,
    Step,
    When,
)


def _minutes(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


BUILT_IN = Rollback(
    sha256="",
    target=_minutes(5),
    stages=(
        Stage(1, "immediate stop", _minutes(0.5), (*STOPPING, Step.ALERT), True, When.ALWAYS),
        Stage(
            2,
            "investigate and log",
            _minutes(2.5),
            (
                Step.CAPTURE_LOGS, Step.SNAPSHOT_DB, Step.PNL, Step.ACCOUNT, Step.METRICS, Step.BOOKS,
                Step.CONFIGURATION,
            ),
            True,
            When.ALWAYS,
        ),
        Stage(3, "database restore", _minutes(60), (Step.RESTORE,), False, When.CORRUPTION),
        Stage(
            4, "post-mortem", _minutes(2), (Step.DECISION_TREE, Step.POSTMORTEM, Step.MANIFEST), False, When.ALWAYS
        ),
    ),
    escalations=(
        Escalation(1, _minutes(0), ("Dev", "Ops"), "automatic rollback; tell the internal channel"),
        Escalation(
            2, _minutes(2), ("Dev", "Ops", "Trader"), "restart, or investigate deeper? Team call if needed"
        ),
        Escalation(
            3, _minutes(10), ("Dev", "Ops", "Trader", "C-level"), "continue, or abort? Executive briefing"
        ),
    ),
    tree=DecisionTree(
        review_below=Decimal(-2),
        by_cause={
            Cause.CODE: "fix the code and redeploy in the next window",
            Cause.INFRA: "Ops fixes the infrastructure, then redeploy",
            Cause.MARKET: "adjust the parameters, then retry",
        },
        restore_first="restore the database from a clean backup, then restart",
    ),
)  # fmt: skip
