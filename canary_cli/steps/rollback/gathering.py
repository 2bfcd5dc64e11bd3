"""The evidence of a rollback: logs, snapshot, account, figures, books, configuration. Each says what it found."""

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from canary_cli import __version__
from canary_cli.bootstrap import World
from canary_cli.core.accounting.numbers import percentile
from canary_cli.journal.crash import mask
from canary_cli.journal.evidence import EvidenceFolder
from canary_cli.steps.rollback.state import Rollback

if TYPE_CHECKING:
    from canary_cli.steps.story import Story

LEVELS = 100
"""Of each side of an order book."""

NOT_SHOWN = frozenset({"api_key", "api_secret"})


async def logs(world: World, rollback: Rollback) -> str:
    """Raises FileNotFoundError that names what is missing, with what there is captured."""
    from canary_cli.steps.capture_logs import capture_logs

    missing = await asyncio.to_thread(capture_logs, world.account.log_dir, _folder(rollback))
    if missing:
        raise FileNotFoundError(f"there is no {', '.join(missing)} in {world.account.log_dir}; the rest is captured")
    return "captured"


async def snapshot(world: World, rollback: Rollback) -> str:
    """The evidence refers to the file by path and sha256: a ledger may be too large to be kept twice."""
    from canary_cli.steps.snapshot_db import backups_folder, snapshot_db

    manifest = await asyncio.to_thread(snapshot_db, world)
    path = backups_folder(world) / manifest.file
    _write(rollback, "snapshot.json", {"path": path, "sha256": manifest.sha256, "bytes": manifest.bytes})
    return f"{manifest.file}, sha256 {manifest.sha256[:12]}"


async def account(world: World, rollback: Rollback) -> str:
    """What the exchange says the account holds now."""
    held = await world.exchange.snapshot(urgent=False)
    _write(rollback, "account.json", held)
    return f"{len(held.positions)} positions, {len(held.orders)} orders, {len(held.algo_orders)} stops"


async def profit_and_loss(world: World, rollback: Rollback) -> str:
    """P&L since deployment start; what the rollback itself cost is part of it."""
    from canary_cli.steps import pnl

    report = await pnl.report(world, pnl.request(world, pnl.DEPLOYMENT_START, pnl.NOW))
    rollback.pnl, rollback.pnl_pct = report.pnl.net, report.pnl.net_pct
    _write(rollback, "pnl.json", report.pnl)
    return f"{report.pnl.net:.2f} USDT"


async def metrics(world: World, rollback: Rollback) -> str:
    """What the session published last, and the run's figures from the journal. Raises LookupError without a run."""
    return await asyncio.to_thread(_metrics, world, rollback)


def _metrics(world: World, rollback: Rollback) -> str:
    from canary_cli.journal.reader import read
    from canary_cli.session.view_codec import read_view
    from canary_cli.steps.story import entries_of, tell

    rollback.lines = tuple(read(world.account.log_dir))
    published, lines = read_view(world.account.state_dir), entries_of(rollback.lines)
    if not lines:
        raise LookupError("no run has left any figures")
    story = tell(lines)
    _write(rollback, "metrics.json", {"published": published, "run": _figures(story)})
    seen = f", published {published.now:%H:%M:%S}" if published else ", none published"
    return f"run {story.run_id}: {len(story.latencies)} orders, {len(story.gates)} gates{seen}"


def _figures(story: "Story") -> dict[str, Any]:
    latencies = [Decimal(str(one.milliseconds)) for one in story.latencies]
    return {
        "run_id": story.run_id,
        "latency_ms": {f"p{percent}": percentile(latencies, percent) for percent in (50, 95, 100)},
        "orders_confirmed": len(latencies),
        "equity": story.equity[-1] if story.equity else None,
        "gates": story.gates,
        "net": story.net,
    }


async def books(world: World, rollback: Rollback) -> str:
    """Of every pair that was closed, as it stands now."""
    symbols = sorted({one.symbol for one in rollback.report.positions} if rollback.report else ())
    found = await asyncio.gather(*(world.exchange.book(symbol, LEVELS) for symbol in symbols))
    _write(rollback, "books.json", found)
    return ", ".join(symbols) or "nothing was closed"


async def configuration(world: World, rollback: Rollback) -> str:
    """The account, the settings and the runbooks as they are now, secrets masked."""
    return await asyncio.to_thread(_configuration, world, rollback)


def _configuration(world: World, rollback: Rollback) -> str:
    from canary_cli.steps.committing import head_of

    account = {name: getattr(world.account, name) for name in world.account.__slots__ if name not in NOT_SHOWN}
    trouble = world.account.key_trouble
    account["key_trouble"] = trouble.message if trouble else None
    settings = {name: None if value is None else mask(str(value)) for name, value in world.settings}
    told = {"version": __version__, "commit": head_of(world.home), "account": account, "settings": settings}
    _write(rollback, "configuration.json", told)
    files = sorted((world.home / "runbooks").glob("*.toml"))
    for path in files:
        _folder(rollback).write(path.name, mask(path.read_text(errors="backslashreplace")))
    return f"settings, {', '.join(path.name for path in files) or 'no runbook'}"


def _write(rollback: Rollback, name: str, value: object) -> None:
    from canary_cli.render.output import plain

    _folder(rollback).write(name, json.dumps(plain(value), indent=2))


def _folder(rollback: Rollback) -> EvidenceFolder:
    return EvidenceFolder(rollback.folder)
