"""What the database verbs print: snapshots, restores as they go, integrity table by table, the shelf."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from canary_cli.errors import DONE, ExitCode, Result
from canary_cli.ledger.backups.manifest import Manifest
from canary_cli.ledger.backups.shelf import Backup
from canary_cli.ledger.checks import Check
from canary_cli.render import figures, output
from canary_cli.steps.backups import Shelved
from canary_cli.steps.restore_db import Restored, RestorePlan
from canary_cli.steps.verify_db import Integrity

_WORDS = {True: "OK", False: "FAIL", None: "SKIP"}
_STYLES = {True: "green", False: "bold red", None: "dim"}
DRY_RUN, RESTORED = Result("DRY_RUN"), Result("RESTORED")


class Bar:
    """Bytes done, on stderr, where a person watches; silence elsewhere. Shows itself when there is something."""

    def __init__(self, label: str) -> None:
        columns = (TextColumn(label), BarColumn(24), DownloadColumn(), TimeElapsedColumn())
        self._console = output.stderr()
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task(label, total=None)

    def __call__(self, done: int, expected: int) -> None:
        if self._console.is_terminal:
            self._bar.start()
            self._bar.update(self._task, completed=done, total=max(done, expected))

    def hide(self) -> None:
        """Before anything else is printed."""
        self._bar.stop()


@contextmanager
def progress(label: str) -> Iterator[Bar]:
    bar = Bar(label)
    try:
        yield bar
    finally:
        bar.hide()


def timed(monotonic: Callable[[], float], bar: Bar, *, quiet: bool) -> Callable[[str], None]:
    """Prints lines headed by the minutes and seconds since now: `[00:45] Database restored successfully`."""
    started = monotonic()

    def say(text: str) -> None:
        bar.hide()
        seconds = int(monotonic() - started)
        if not quiet:
            output.line(f"[{seconds // 60:02d}:{seconds % 60:02d}] {text}")

    return say


def show_snapshot(manifest: Manifest, folder: Path, *, as_json: bool) -> Result:
    if as_json:
        return _document(DONE, manifest=manifest)
    rows = sum(table.rows or 0 for table in manifest.tables.values())
    took = figures.duration(timedelta(seconds=manifest.seconds))
    output.line(str(folder / manifest.file))
    output.line(f"Size: {_size(manifest.bytes)} (captured in {took}), {rows:,} rows in {len(manifest.tables)} tables")
    output.line(f"sha256: {manifest.sha256}")
    return DONE


def show_plan(plan: RestorePlan) -> None:
    for reason in plan.passed_over:
        output.notice(f"not chosen: {reason}")
    output.notice(f"from {plan.source} into {plan.target}")


def show_dry_run(plan: RestorePlan, *, as_json: bool) -> Result:
    if as_json:
        return _document(DRY_RUN, source=plan.source, target=plan.target, passed_over=plan.passed_over)
    output.line("dry run: nothing was done")
    return DRY_RUN


def show_restored(restored: Restored, account: str, *, as_json: bool) -> Result:
    if as_json:
        return _document(RESTORED, restored=restored)
    if restored.carried.lines:
        output.line(f"Carried forward: {restored.carried.lines} journal lines")
    if restored.carried.lost and restored.latched:
        output.line(f"Live tables that could not be read: {', '.join(restored.carried.lost)}", "yellow")
    if restored.latched:
        output.line("Trading stays latched (restore-db) until reconciled with the exchange")
        enable = f"canary trading enable --by NAME --reason WHY --account {account}"
        output.notice(f"next:  canary verify-db --account {account}    # then {enable}")
    return RESTORED


def show_integrity(integrity: Integrity, *, as_json: bool) -> Result:
    result = Result("PASS") if integrity.ok else Result("FAIL", ExitCode.DATABASE_BAD)
    if as_json:
        return _document(result, integrity=integrity)
    if integrity.caught_up:
        output.notice(f"applied first: {integrity.caught_up} journal lines the ledger had not seen")
    for check in integrity.checks:
        output.line(integrity_line(check), _STYLES[check.ok])
    output.line(f"Integrity check: {result.word}", _STYLES[integrity.ok])
    return result


def integrity_line(check: Check) -> str:
    """`Orders table: OK (24 records)`."""
    return f"{check.name}: {_WORDS[check.ok]}" + (f" ({check.detail})" if check.detail != _WORDS[check.ok] else "")


def show_backups(backups: list[Backup], *, as_json: bool) -> Result:
    if as_json:
        return _document(DONE, backups=backups)
    table = output.table("file", "size", "rows", "server")
    table.columns[0].no_wrap = True
    for column in (1, 2):
        table.columns[column].justify = "right"
    for backup in backups:
        table.add_row(backup.path.name, *_facts(backup))
    if backups:
        output.stdout().print(table)
    else:
        output.line("no backups yet: canary snapshot-db")
    return DONE


def show_shelved(shelved: list[Shelved], *, as_json: bool) -> Result:
    sound = all(one.sound is not False for one in shelved)
    result = Result("PASS") if sound else Result("FAIL", ExitCode.DATABASE_BAD)
    if as_json:
        return _document(result, backups=shelved)
    for one in shelved:
        output.line(f"{one.backup.path.name}: {_WORDS[one.sound]} ({one.detail})", _STYLES[one.sound])
    return result


def show_pruned(pruned: list[Backup], *, dry_run: bool, as_json: bool) -> Result:
    result = DRY_RUN if dry_run else DONE
    if as_json:
        return _document(result, pruned=pruned)
    for backup in pruned:
        output.line(f"{'would remove' if dry_run else 'removed'} {backup.path.name}")
    output.line(f"{len(pruned)} backups {'would go' if dry_run else 'gone'}")
    return result


def _document(result: Result, **fields: object) -> Result:
    output.print_document({**fields, "reason": result.word, "exit_code": result.code})
    return result


def _facts(backup: Backup) -> tuple[str, str, str]:
    manifest = backup.manifest
    if manifest is None:
        return _size(backup.path.stat().st_size), figures.MISSING, "no manifest"
    counted = [table.rows for table in manifest.tables.values() if table.rows is not None]
    rows = f"{sum(counted):,}" if counted else figures.MISSING
    return _size(manifest.bytes), rows, f"{manifest.flavour} {manifest.server_version.partition('-')[0]}"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
