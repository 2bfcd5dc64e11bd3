"""Checks of what this account remembers: latch, approval, database, backups."""

import asyncio
from datetime import timedelta

from canary_cli.journal.latch import read_latches
from canary_cli.journal.reader import read
from canary_cli.steps.preflight.finding import Finding, Measure, failed, judged, passed, skipped
from canary_cli.steps.preflight.scene import Scene

BACKUP_WARN_HOURS, BACKUP_FAIL_HOURS = 6.0, 24.0
DRILL_SECONDS = 3600
DRILL_WARN_DAYS, DRILL_FAIL_DAYS = 30.0, 90.0
NO_DRILL = "no restore has been tried"
DRILL_HINT = "try one into another database: canary restore-db --backup FILE --verify"


async def latch(scene: Scene) -> Finding:
    latches = read_latches(scene.account.state_dir)
    if latches:
        seen = "; ".join(f"set by {one.source} at {one.at:%Y-%m-%d %H:%M} UTC: {one.reason}" for one in latches)
        return failed(seen, "find out why it was set; then canary trading enable")
    return passed("not latched")


async def incident(scene: Scene) -> Finding:
    """The answer of the last rollback's decision tree is obeyed: nothing begins over an incident that is not closed."""
    from canary_cli.steps.incidents import obstacle, of_account
    from canary_cli.steps.plan import load_rollback

    known = await asyncio.to_thread(of_account, scene.account)
    if not known:
        return passed("none")
    in_the_way, way_out = obstacle(known, load_rollback(scene.home).tree, scene.account.name)
    return failed(in_the_way, way_out) if in_the_way else passed(f"{len(known)}, all closed and answered")


async def approval(scene: Scene) -> Finding:
    """Somebody approved exactly this plan, and not too long ago. Approvals are lines of the journal."""
    if scene.account.is_paper:
        return skipped("paper needs no approval")
    given = [entry for entry in read(scene.account.log_dir) if entry.event == "approval"]
    starts = [entry for entry in given if entry.data.get("what") == "start"]
    fitting = [entry for entry in starts if entry.data.get("plan_sha256") == scene.plan.sha256]
    standing = [entry for entry in fitting if str(entry.data.get("expires", "")) > scene.clock.now().isoformat()]
    if not standing:
        return failed(
            f"{len(starts)} approvals of a start on record, none that stands for plan {scene.plan.sha256[:12]}",
            f"canary approve --start --by NAME --account {scene.account.name}",
        )
    return passed(f"by {standing[-1].data.get('by', '?')} at {standing[-1].timestamp:%Y-%m-%d %H:%M} UTC")


async def database(scene: Scene) -> Finding:
    """Reachable, and its tables are this version's: opening a ledger migrates it."""
    ledger = await asyncio.to_thread(lambda: scene.world.ledger)
    held = await asyncio.to_thread(ledger.caught_up_to)
    return passed(f"{ledger.engine.url.render_as_string()}: migrated, holds the journal up to line {held}")


async def backup(scene: Scene) -> Finding:
    """The newest backup of this account is young, and is byte by byte the one that its manifest describes."""
    from canary_cli.ledger.backups.manifest import check_file
    from canary_cli.ledger.backups.shelf import backups_of

    shelf = backups_of(scene.home / "backups", scene.account.name)
    if not shelf:
        return failed(f"{scene.home / 'backups'} holds none of {scene.account.name}", "canary snapshot-db")
    newest = shelf[0]
    manifest = await asyncio.to_thread(check_file, newest.path)
    if manifest is None:
        return failed(f"{newest.path.name} has no manifest: nobody knows what it is", "canary snapshot-db")
    hours = (scene.clock.now() - manifest.created_at) / timedelta(hours=1)
    rows = sum(table.rows or 0 for table in manifest.tables.values())
    seen = f"{newest.path.name}: {rows} rows, {manifest.bytes / 1e6:.1f} MB, sha256 right, {hours:.1f} h old"
    return judged(Measure(round(hours, 1), "h", BACKUP_WARN_HOURS, BACKUP_FAIL_HOURS), seen, "canary snapshot-db")


async def restore_drill(scene: Scene) -> Finding:
    """A restore that nobody has tried is a hope. The newest rehearsed one counts, and must have fitted into an hour."""
    drills = await asyncio.to_thread(lambda: scene.world.ledger.rows("drills", "at", kind="restore"))
    if not drills:
        return (
            skipped("none on record; none is needed on paper")
            if scene.account.is_paper
            else failed(NO_DRILL, DRILL_HINT)
        )
    last = drills[-1]
    days = (scene.clock.now() - last["at"]) / timedelta(days=1)
    seen = f"{last['outcome']} in {last['seconds']:.0f} s, {days:.0f} days ago"
    if last["outcome"] != "PASS" or last["seconds"] > DRILL_SECONDS:
        return failed(seen, DRILL_HINT)
    return judged(Measure(round(days, 1), "d", DRILL_WARN_DAYS, DRILL_FAIL_DAYS), seen, DRILL_HINT)
