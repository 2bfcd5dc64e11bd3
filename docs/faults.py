"""The table of faults, from the stories that prove it: one line a row of tests, named by its number."""

import ast
import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
STORY = re.compile(r"test_(?:row|fault)_0*(\d+)_(\w+)")
FAULTS = {
    1: "drawdown exactly at its limit, and just before", 2: "drawdown from unrealized loss alone",
    3: "deposit or withdrawal during a phase", 4: "equity not a number, mark too old", 5: "breaker with 20 positions",
    6: "a close succeeds and its reply is lost", 7: "an entry fills and its reply is lost",
    8: "time-out, then the stream tells of the order", 9: "duplicate order id (-4116)",
    10: "every kind of 503", 11: "closes refused for 5 min (-1008)", 12: "429 and a ban (418)",
    13: "reduce-only refused, position gone", 14: "a resting order obstructs the close", 15: "thin book",
    16: "position larger than the largest order", 17: "steps and dust", 18: "partial fill, then silence",
    19: "a fill lands after its order was cancelled", 20: "a stop among the conditional orders only",
    21: "a stop triggers while it is cancelled", 22: "cancel-all acknowledged, an order remains",
    23: "hedge mode with both sides open", 24: "hedge mode at the start",
    25: "one pair fails, others not",
    26: "an entry during a closing", 27: "close-all typed twice", 28: "kill -9 during a closing",
    29: "database gone, slow, locked, full, read-only", 30: "an older snapshot is restored", 31: "a damaged snapshot",
    32: "streams silent for 29.9 and 30.1 s; half-open line", 33: "quiet user stream that answers pings",
    34: "queue overflow, dead reader", 35: "listen key expired, connection dropped, fill in the gap",
    36: "duplicate, reordered, replayed events", 37: "error rate at its limit",
    38: "liquidation, deleveraging, orders by hand, unknown positions", 39: "funding, fees in BNB, partial exits",
    40: "late and paged income", 41: "clock off by 2 s", 42: "a reply 9 s late", 43: "keys without rights",
    44: "account locked, pair halted, filters changed", 45: "another build", 46: "the rollback itself fails",
    47: "alerts cannot be sent", 48: "a gate without evidence", 49: "a metric flaps around its limit",
    50: "a larger phase while a position is open", 51: "the same replies twice", 52: "secrets in what is written",
    53: "the dead man's beat stops", 54: "absurd prices and sizes, one signal a thousand times",
}  # fmt: skip


def table() -> str:
    """A line for each fault that a story proves; what no story proves is not listed."""
    stories = _stories()
    rows = [_row(number, fault, stories[number]) for number, fault in FAULTS.items() if number in stories]
    return "\n".join(["| # | fault | what happens | figure |", "|---|---|---|---|", *rows])


def _row(number: int, fault: str, stories: list[tuple[str, str]]) -> str:
    """The figure is what the story's docstring says it holds the program to."""
    told, figures = zip(*stories, strict=True)
    return f"| {number} | {fault} | {'<br>'.join(told)} | {'<br>'.join(filter(None, figures))} |"


def _stories() -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if match := STORY.fullmatch(node.name):
                name = path.relative_to(TESTS.parent)
                told = f"[{match[2].replace('_', ' ')}](../{name})"
                found[int(match[1])].append((told, ast.get_docstring(node) or ""))
    return found
