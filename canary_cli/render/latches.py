"""The latch on screen: who stopped trading, why, since when, and what was let go again."""

from collections.abc import Sequence
from typing import Any

from canary_cli.journal.latch import Latch
from canary_cli.render import output
from canary_cli.render.figures import instant

ENABLE = "canary trading enable --by NAME --reason WHY"


def show_status(account: str, latches: Sequence[Latch]) -> None:
    if not latches:
        output.line(f"no latch on {account}: a session may open positions", style="green")
        return
    output.line(f"STOPPED on {account}: {len(latches)} latched, no entries", style="bold red")
    show_each(latches)
    output.notice(f"cleared only by: {ENABLE}")


def show_each(latches: Sequence[Latch]) -> None:
    for one in latches:
        output.line(f"  {one.source}: {one.reason} (by {one.by}, {instant(one.at)})")


def in_words(latches: Sequence[Latch], breaker: str) -> str:
    """`2: rollback (breaker at -3 %), breaker PRE_TRIP`: everything that enabling clears."""
    told = [f"{one.source} ({one.reason})" for one in latches] + ([f"breaker {breaker}"] if breaker else [])
    return f"{len(told)}: {', '.join(told)}"


def document(account: str, latches: Sequence[Latch], **more: Any) -> dict[str, Any]:
    return {"account": account, "latched": bool(latches), "latches": latches, **more}
