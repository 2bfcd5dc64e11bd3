"""The completion report of a run: verdict first, then every figure it rests on, then what was not proven."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.journal.record import Entry
from canary_cli.render import report_parts as parts
from canary_cli.render.acceptance import Criterion, criteria
from canary_cli.render.markdown import bullets, document, section, text
from canary_cli.render.output import plain
from canary_cli.steps.story import Story, entries_of, tell

CHARTS = ("timeline.svg", "equity.svg", "drawdown.svg", "latency.svg")


@dataclass(frozen=True, slots=True)
class Report:
    """A run judged. `verdict` is one word, `sentence` says why with value, operator, limit and count."""

    story: Story
    verdict: str
    sentence: str
    criteria: tuple[Criterion, ...]
    baseline: dict[str, Decimal | int | None]
    unproven: tuple[str, ...]


def build(entries: Sequence[Entry], outcome: str = "", run_id: str | None = None) -> Report:
    """The report of the newest run in `entries`, or of `run_id`. `outcome` is the run's word before it is journalled.

    Raises ValueError when there is no such run.
    """
    story = tell(entries_of(entries, run_id))
    verdict = outcome or story.outcome or ("ROLLED_BACK" if story.rollback else "UNFINISHED")
    return Report(story, verdict, _sentence(story), criteria(story), parts.baseline(story), tuple(_unproven(story)))


def write(report: Report, folder: Path) -> Path:
    """Write report.md, its charts, baseline.json and a manifest into `folder`; returns the path of report.md."""
    from canary_cli.render.charts import draw

    drawn = draw(report.story)
    evidence = EvidenceFolder.create(folder)
    for name, content in drawn.items():
        evidence.write(name, content)
    evidence.write("baseline.json", json.dumps(plain(report.baseline), indent=2) + "\n")
    evidence.write("report.md", markdown(report, tuple(drawn)))
    evidence.finish()
    return folder / "report.md"


def markdown(report: Report, charts: Sequence[str] = CHARTS) -> str:
    """`charts` are the names of the charts that lie beside it."""
    story = report.story
    return document(
        [
            f"# {report.verdict}: run {text(story.run_id)}",
            "",
            f"**{text(report.sentence)}**",
            "",
            *parts.facts(story),
            *(_picture("timeline.svg", charts)),
            *(line for gate in story.gates for line in parts.gate_table(gate)),
            *parts.rollback(story),
            *section(
                "Money", [*parts.money(story), *_picture("equity.svg", charts), *_picture("drawdown.svg", charts)]
            ),
            *section("Execution evidence (probes count)", [*parts.execution(story), *_picture("latency.svg", charts)]),
            *section("Strategy evidence (signals only)", parts.strategy(story)),
            *section("Baseline", parts.named(report.baseline)),
            *section("Acceptance criteria", parts.acceptance(report.criteria)),
            *section("What was not proven", bullets(report.unproven) or ["Nothing that was to be proven is missing."]),
        ]
    )


def _sentence(story: Story) -> str:
    """The first cause for bad news, the count of gates for good."""
    for gate in story.gates:
        if gate.verdict in ("FAIL", "NO-GO"):
            failed = "; ".join(row.says for row in gate.checks if row.verdict == "FAIL") or gate.reason
            return f"Gate {gate.phase} {gate.verdict}: {failed}"
    if story.rollback is not None:
        return f"Rolled back by {story.rollback.said}"
    if not story.gates:
        return "No gate was reached"
    last = story.gates[-1]
    told = ", ".join(f"gate {gate.phase} {gate.verdict}" for gate in story.gates)
    return told if last.verdict in ("PASS", "GO") else f"{told}: {last.reason}".rstrip(": ")


def _picture(name: str, charts: Sequence[str]) -> list[str]:
    return ["", f"![{name.removesuffix('.svg')}]({name})", ""] if name in charts else []


def _unproven(story: Story) -> Iterator[str]:
    if story.header.get("kind") == "paper":
        yield "Latency, fills and slippage are the paper exchange's; nothing here was measured at Binance."
    for phase in story.phases:
        if not any(phase.entered <= e.timestamp < (phase.left or story.until) for e in story.all("signal")):
            yield f"Phase {phase.number}: no signal came; its verdict rests on execution evidence alone."
    for gate in {gate.phase: gate for gate in story.gates}.values():
        for row in gate.checks:
            if row.verdict in ("INCONCLUSIVE", "UNKNOWN", "SKIP"):
                yield f"Gate {gate.phase}: {row.metric} {row.verdict} ({row.detail or row.says})"
    if story.rollback is not None and story.rollback.flat is None:
        yield "That the account is flat: no reading of the exchange says so in this journal."
    if story.ended is None:
        yield "How the run ended: its journal has no end."
    missing = [one.text for one in criteria(story) if not one.done]
    if missing:
        yield f"{len(missing)} acceptance criteria (see above): {'; '.join(missing)}"
