"""What stops and what closes, in its plain form, read without Typer: stopping waits for no library."""

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from canary_cli.bootstrap import open_world
from canary_cli.errors import Result

if TYPE_CHECKING:
    from canary_cli.steps.close_all import CloseRequest


def at_once(argv: list[str]) -> Result | None:
    """None for other verbs, and for words out of the ordinary: Typer reads those."""
    match argv:
        case ["trading", "disable", *words] | ["stop", *words]:
            return _stop(words)
        case ["close-all" | "flatten", *words]:
            return _close(words)
    return None


def _stop(words: list[str]) -> Result | None:
    told = _plain(words, ("--account", "--by", "--reason"))
    if told is None:
        return None
    from canary_cli.steps.disabling import run_disable

    world = open_world(told.get("--account"), keyless=True)
    return run_disable(world, told.get("--by", ""), told.get("--reason", ""), as_json=False)


def _close(words: list[str]) -> Result | None:
    told = _plain(words, ("--account", "--reason", "--timeout", "--type"), ("--no-recheck", "--json"))
    if told is None:
        return None
    request = _request(told)
    if request is None:
        return None
    import asyncio

    from canary_cli.steps.closing import run_close

    world = open_world(told.get("--account"), keyless=True)
    return asyncio.run(run_close(world, request, as_json="--json" in told))


def _request(told: dict[str, str]) -> "CloseRequest | None":
    from canary_cli.core.trading.flatten import Style
    from canary_cli.steps.close_all import CloseRequest
    from canary_cli.steps.latching import operator

    with suppress(ValueError):
        style, timeout = Style(told.get("--type", "market")), float(told.get("--timeout", "60"))
        if 1 <= timeout < float("inf"):
            recheck = "--no-recheck" not in told
            return CloseRequest(operator(), style, timeout, recheck=recheck, reason=told.get("--reason", ""))
    return None


def _plain(words: list[str], valued: Collection[str], bare: Collection[str] = ()) -> dict[str, str] | None:
    """Flags, each at most once, `valued` ones with a value of their own; None where there is anything else."""
    told, rest = dict[str, str](), iter(words)
    for word in rest:
        value = "" if word in bare else next(rest, "-") if word in valued else "-"
        if value.startswith("-") or word in told:
            return None
        told[word] = value
    return told
