"""The latch on screen: who stopped trading, why, since when, and what was let go again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from canary_cli.journal.latch import Latch
from canary_cli.render import output
from canary_cli.render.figures import instant

if TYPE_CHECKING:  # the kill switch waits for no policy to be loaded
    from canary_cli.session.view import HoldLine

ENABLE = "canary trading enable --by NAME --reason WHY"


def show_status(account: str, latches: Sequence[Latch], holds: "Sequence[HoldLine]") -> None:
    if latches:
        _show_latched(account, latches)
    elif not holds:
        output.line(f"no latch on {account}: a session may open positions", style="green")
    if holds:
        output.line(f"held on {account} by triggers:", style="bold red")
        show_holds(holds)
    if latches or any(not one.waits for one in holds):
        output.notice(f"cleared only by: {ENABLE} --account {account}")
    if any(one.waits for one in holds):
        output.notice(f"a question is open, answered by: canary keep --by NAME --reason WHY --account {account}")


def _show_latched(account: str, latches: Sequence[Latch]) -> None:
    output.line(f"STOPPED on {account}: {len(latches)} latched, no entries", style="bold red")
    show_each(latches)


def show_each(latches: Sequence[Latch]) -> None:
    for one in latches:
        output.line(f"  {one.source}: {one.reason} (by {one.by}, {instant(one.at)})")


def show_holds(holds: "Sequence[HoldLine]") -> None:
    for one in holds:
        output.line(f"  {one.trigger}: {one.what} ({one.detail})")


def in_words(latches: Sequence[Latch], breaker: str, holds: "Sequence[HoldLine]") -> str:
    """`2: rollback (breaker at -3 %), breaker PRE_TRIP`: everything that enabling clears."""
    told = [f"{one.source} ({one.reason})" for one in latches] + ([f"breaker {breaker}"] if breaker else [])
    told += [f"{one.what} held by {one.detail}" for one in holds]
    return f"{len(told)}: {', '.join(told)}"


def document(account: str, latches: Sequence[Latch], **more: Any) -> dict[str, Any]:
    return {"account": account, "latched": bool(latches), "latches": latches, **more}
