"""The post-mortem's template, filled from the journal. What only a person can know is left in square brackets."""

from collections.abc import Iterator
from datetime import UTC

from canary_cli.core.policy.rollback import DecisionTree, decide
from canary_cli.journal.record import Entry
from canary_cli.render import figures
from canary_cli.render.checkpoint import NOT_DONE, UNKNOWN
from canary_cli.render.lines import event_line
from canary_cli.render.markdown import document, table, text
from canary_cli.steps.aftermath import asked, deeds
from canary_cli.steps.story import Story

TIMELINE = frozenset(
    ("run_started", "run_resumed", "run_ended", "phase_entered", "phase_extended", "gate", "approval", "step_finished",
     "liquidation", "foreign_order", "condition_set", "latch_set", "breaker", "trigger", "flatten_started", "flat",
     "flat_confirmed", "flatten_incomplete", "incident_opened", "incident_updated", "alert", "command", "error")
)  # fmt: skip
MOST_LINES = 60


def postmortem(story: Story, incident: str, tree: DecisionTree) -> str:
    """The document. Dates are UTC, in plan time."""
    back = story.rollback
    at = back.tripped if back else story.until
    phase = f"Canary Phase {story.phases[-1].number}" if story.phases else "before phase 1"
    minutes = round((at - story.started).total_seconds() / 60)
    return document(
        [
            "# INCIDENT POST-MORTEM — CANARY ROLLBACK",
            "",
            f"**Incident ID:** {text(incident)}  ",
            f"**Date/Time:** {figures.day(at)} {at.astimezone(UTC):%Y %H:%M} UTC  ",
            f"**Duration:** {minutes} minutes ({phase})  ",
            "**Owner:** [Name]  ",
            f"**Run:** {text(story.run_id)} on {text(story.header.get('account', '?'))}, plan "
            f"{text(story.header.get('plan', '?'))} {text(story.header.get('plan_sha256', '?'))[:12]}, "
            f"commit {text(story.header.get('commit', '?'))}",
            "",
            "## SUMMARY",
            *_summary(story),
            "",
            "## ROOT CAUSE",
            "[Technical root cause analysis]",
            "",
            "## IMPACT",
            f"- P&L: {figures.money(story.pnl)}",
            f"- Positions affected: {back.affected if back else 0}",
            "- Team productivity: [hours]",
            "",
            "## ACTIONS TAKEN",
            *_actions(story),
            "",
            "## PREVENTION",
            "[What changes prevent recurrence?]",
            *(f"- [ ] {what}" for what in _PREVENTION),
            "",
            "## TIMELINE",
            *_timeline(story),
            "## DECISION TREE",
            *_tree(story, tree),
            "",
            "## SIGN-OFF",
            "- Dev: [Signature]",
            "- Elo (Ops): [Signature]",
            "- Alpha (Trader): [Signature]",
        ]
    )


_PREVENTION = ("Code fix", "Monitoring improvement", "Infrastructure upgrade", "Documentation update")


def _summary(story: Story) -> Iterator[str]:
    back = story.rollback
    if back is None:
        yield "No rollback is in the journal of this run."
    else:
        yield text(f"Rolled back by {back.said}") + "."
        clocks = ", ".join(f"{label} after {figures.duration(span)}" for label, span in back.clocks)
        yield f"Trip to {clocks} (wall time)." if clocks else "The account was NOT VERIFIED FLAT."
    yield "[Brief description of what happened]"


def _actions(story: Story) -> Iterator[str]:
    for number, deed in enumerate(deeds(story), 1):
        if not deed.done:
            yield f"{number}. {deed.text}: {NOT_DONE}"
            continue
        known = [figures.duration(deed.took) if deed.took is not None else "", text(deed.detail)]
        said = ", ".join(filter(None, known))
        yield f"{number}. {deed.text} ({said})" if said else f"{number}. {deed.text}"


def _timeline(story: Story) -> list[str]:
    shown = (entry for entry in story.entries if entry.event in TIMELINE)
    told = [event_line(entry, entry.timestamp) for entry in shown if not _is_step_of_plan(entry)]
    lines = [line for line in told if line is not None]
    rows = [(figures.clock(line.time), line.text) for line in lines[-MOST_LINES:]]
    left_out = len(lines) - len(rows)
    note = [f"{left_out} earlier lines are in the journal.", ""] if left_out else []
    return [*table(("Time", "Event"), rows), *note]


def _is_step_of_plan(entry: Entry) -> bool:
    """Phases and gates have lines of their own."""
    return entry.event == "step_finished" and entry.actor != "rollback"


def _tree(story: Story, tree: DecisionTree) -> Iterator[str]:
    """Every question of the tree in `runbooks/rollback.toml` with its answer; a cause nobody found yet stays open."""
    known = asked(story)
    answer = decide(tree, known.pnl_pct, known.root_cause, is_corrupted=known.is_corrupted is True)
    lost = UNKNOWN if known.pnl_pct is None else figures.percent(known.pnl_pct)
    if answer.needs_review:
        then = "NO: POSTPONE RESTART; full review and approval required"
    else:
        then = "YES: proceed with the investigation; the canary may restart after the fix"
    yield f"- Is P&L > {tree.review_below:f} %? {lost}: {then}"
    suspected = f"suspected {known.suspected}, a person decides" if known.suspected else "a person decides"
    yield f"- Root cause found? {known.root_cause or suspected}:"
    for cause, action in tree.by_cause.items():
        yield f"  - [{'x' if cause is known.root_cause else ' '}] {cause}: {action}"
    corrupted = {
        None: f"{UNKNOWN}, run `canary verify-db`",
        True: f"YES: {tree.restore_first}",
        False: "NO",
    }
    yield f"- Database corrupted? {corrupted[known.is_corrupted]}"
