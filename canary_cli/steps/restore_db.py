"""Restore the ledger: choose the source, refuse what is dangerous, load, verify, swap in, leave trading latched."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from canary_cli.bootstrap import World
from canary_cli.errors import (
    BackupError,
    CanaryError,
    DatabaseCorrupted,
    DatabaseError,
    ExchangeUnreachable,
    LeaseHeld,
    Refused,
    UsageError,
)
from canary_cli.journal.latch import Latch, set_latch
from canary_cli.journal.reader import read
from canary_cli.journal.record import Record
from canary_cli.ledger import Ledger
from canary_cli.ledger.backups import restore
from canary_cli.ledger.backups.manifest import check_file
from canary_cli.ledger.backups.opening import open_store
from canary_cli.ledger.backups.shelf import Backup, at_time, backups_of, parse_timestamp
from canary_cli.ledger.backups.store import Progress, Shadow, Store, no_progress
from canary_cli.ledger.checks import Check
from canary_cli.ledger.engine import same_database
from canary_cli.ledger.schema import missing_table
from canary_cli.steps import incidents
from canary_cli.steps.snapshot_db import backups_folder
from canary_cli.steps.verify_db import Positions

LATCH = "restore-db"
LEASE = timedelta(seconds=30)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """One of `backup`, `at`, `from_journal`, `undo`; none means the newest backup that is what its manifest says."""

    backup: Path | None = None
    at: datetime | None = None
    from_journal: bool = False
    undo: bool = False
    into: SecretStr | None = None
    verify: bool = False
    seconds: float = 3600
    with_open_positions: bool = False


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What will be done; `passed_over` says of each newer backup why it was not chosen."""

    source: str
    backup: Path | None
    passed_over: tuple[str, ...]
    target: str
    request: RestoreRequest


@dataclass(frozen=True, slots=True)
class Restored:
    source: str
    seconds: float
    carried: restore.Carried
    checks: tuple[Check, ...]
    latched: bool


def choose_source(
    world: World,
    backup: Path | None,
    timestamp: str,
    *,
    from_journal: bool,
    undo: bool,
    into: str,
    verify: bool,
    seconds: float,
    with_open_positions: bool,
) -> RestoreRequest:
    """The request behind the flags. Raises UsageError where they contradict one another."""
    if sum(map(bool, (backup, timestamp, from_journal, undo))) > 1:
        raise UsageError("more than one source", "choose one of --backup, --timestamp, --from-journal, --undo")
    if undo and into:
        raise UsageError("--undo brings back the live ledger, --into names another database", "leave one out")
    return RestoreRequest(
        backup=backup,
        at=parse_timestamp(timestamp, world.clock.now()) if timestamp else None,
        from_journal=from_journal,
        undo=undo,
        into=world.settings.other_database(into) if into else None,
        verify=verify,
        seconds=seconds,
        with_open_positions=with_open_positions,
    )


def plan_restore(world: World, request: RestoreRequest) -> RestorePlan:
    """Choose the source. Raises BackupError where there is none that can be used."""
    target = "another database" if request.into else "the live ledger"
    if request.from_journal:
        return RestorePlan(f"the journal in {world.account.log_dir}", None, (), target, request)
    if request.undo:
        return RestorePlan("what the last restore put away", None, (), target, request)
    if request.backup:
        if not request.backup.is_file():
            raise BackupError(f"{request.backup} does not exist", "canary backups list")
        return RestorePlan(request.backup.name, request.backup, (), target, request)
    shelf = backups_of(backups_folder(world), world.account.name)
    if request.at:
        chosen = at_time(shelf, request.at)
        passed_over = tuple(f"{one.path.name}: later than asked for" for one in shelf[: shelf.index(chosen)])
    else:
        chosen, passed_over = _newest_sound(shelf, open_store(_url(world, request)).flavour)
    return RestorePlan(chosen.path.name, chosen.path, passed_over, target, request)


def restore_db(
    world: World,
    plan: RestorePlan,
    by: str,
    say: Say,
    positions: Positions | None = None,
    progress: Progress = no_progress,
) -> Restored:
    """Carry the plan out. Until the swap nothing live is changed; afterwards trading is latched.

    Raises LeaseHeld (9) while a run holds the lease, Refused (10) while positions are open, DatabaseError or
    BackupError (8) with the live ledger as it was, and RestoreTimedOut (124).
    """
    clock = world.clock
    started = clock.monotonic()
    request = plan.request
    with _guarded(world, request, positions) as still_ours:
        say("Restoring from the journal..." if request.from_journal else "Restoring from backup...")
        checks: tuple[Check, ...] = ()
        if request.from_journal:
            carried = _from_journal(world, plan, by, still_ours)
        else:
            carried, checks = _from_shadow(world, plan, by, still_ours, progress)
        say("Database restored successfully")
        if checks:
            say("Verification passed")
    if not request.into and not request.undo:
        incidents.note_sound(world, "restore-db")
    seconds = round(clock.monotonic() - started, 3)
    _note(world, "drill", by, kind="restore", seconds=seconds, outcome="PASS")
    return Restored(plan.source, seconds, carried, checks, latched=request.into is None)


def _from_shadow(
    world: World, plan: RestorePlan, by: str, still_ours: Callable[[], object], progress: Progress
) -> tuple[restore.Carried, tuple[Check, ...]]:
    """A backup, or what the last restore put away, brought in beside the live ledger and then swapped with it."""
    url, account, folder = _url(world, plan.request), world.account.name, world.account.log_dir
    store = open_store(url)
    shadow = _loaded(world, store, plan, progress)
    try:
        checks = tuple(restore.verify(shadow, account)) if plan.request.verify else ()
        faults = [f"{check.name}: {check.detail}" for check in checks if check.corrupt]
        if faults:
            raise BackupError(f"{plan.source} does not verify: {faults[0]}", "choose another: canary backups list")
        still_ours()
        _latch(world, plan, by)
        return restore.swap_in(store, shadow, url, account, folder), checks
    except BaseException:
        restore.discard(store, shadow)
        raise


def _loaded(world: World, store: Store, plan: RestorePlan, progress: Progress) -> Shadow:
    if plan.backup is None:
        old = store.old()
        if old is None:
            raise BackupError("there is nothing to undo: no restore has put a ledger away", "canary backups list")
        return old
    account, folder = world.account.name, world.account.log_dir
    return restore.load(store, plan.backup, account, folder, plan.request.seconds, progress)[0]


def _from_journal(world: World, plan: RestorePlan, by: str, still_ours: Callable[[], object]) -> restore.Carried:
    """Make every row anew from the journal, in one transaction."""
    folder = world.account.log_dir
    if next(read(folder), None) is None:
        raise BackupError(f"there is no journal in {folder}", "canary restore-db --backup FILE")
    ledger = Ledger.open(_url(world, plan.request), world.account.name)
    try:
        with ledger.reading() as connection:
            if lost := missing_table(connection):
                raise DatabaseCorrupted(f"the ledger lacks the table {lost}", "canary restore-db --backup FILE")
        still_ours()
        _latch(world, plan, by)
        return restore.Carried(ledger.rebuild(read(folder)), ())
    finally:
        ledger.close()


@contextmanager
def _guarded(world: World, request: RestoreRequest, positions: Positions | None) -> Iterator[Callable[[], object]]:
    """Nobody else writes, and nothing is open, while the live ledger is exchanged. Another's needs only be unused.

    What it gives raises LeaseHeld where somebody else has the lease by now: to be asked right before the exchange.
    """
    if request.into:
        _refuse_used(world, request.into)
        yield lambda: None
        return
    _refuse_open_positions(request, positions)
    ledger = _openable(world)
    if ledger is None:
        yield lambda: None
        return
    try:
        with _lease(ledger) as still_ours:
            yield still_ours
    finally:
        ledger.close()


@contextmanager
def _lease(ledger: Ledger) -> Iterator[Callable[[], object]]:
    """Hold the account's lease, renewed by a thread: so short that a restore that was killed can soon be repeated."""
    lease = ledger.acquire(ledger.account, f"restore-db@{socket.gethostname()}:{os.getpid()}", LEASE)
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE.total_seconds() / 3):
            with suppress(CanaryError):
                ledger.renew(lease, LEASE)

    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield lambda: ledger.renew(lease, LEASE)
    finally:
        done.set()
        renewing.join()
        with suppress(LeaseHeld):  # another's by now, or its token leapt with the ledger: it ends by itself
            ledger.release(lease)


def _refuse_used(world: World, into: SecretStr) -> None:
    """Another database may be fresh, or hold a ledger; not the live one, and none that a run writes to."""
    if same_database(into, world.settings.database_url):
        raise UsageError("--into names the live ledger", "leave --into out to restore that")
    with suppress(DatabaseError):
        other = Ledger.look(into, world.account.name)
        if holder := other.holder():
            raise LeaseHeld(f"{holder.holder} writes to that database", "stop that run first")


def _openable(world: World) -> Ledger | None:
    """The live ledger; None where it is too damaged to hold a lease. A server that does not answer is no such case."""
    try:
        ledger = Ledger.open(world.settings.database_url, world.account.name)
    except DatabaseError:
        open_store(world.settings.database_url)  # raises again where the server is away
        return None
    try:
        ledger.holder()
    except DatabaseCorrupted:
        ledger.close()
        return None
    return ledger


def _refuse_open_positions(request: RestoreRequest, positions: Positions | None) -> None:
    if positions is None or request.with_open_positions:
        return
    try:
        held = [f"{position.symbol} {position.quantity}" for position in positions()]
    except ExchangeUnreachable as error:
        raise ExchangeUnreachable(
            f"what is open is not known: {error.message}", "--with-open-positions restores without asking the exchange"
        ) from None
    if held:
        raise Refused(
            f"{len(held)} positions are open: {', '.join(held[:5])}",
            "canary close-all, or insist with --with-open-positions",
        )


def _latch(world: World, plan: RestorePlan, by: str) -> None:
    """Before the swap, so that no crash can leave an older ledger unlatched."""
    if plan.request.into:
        return
    reason = f"ledger restored from {plan.source}; reconcile with the exchange before trading"
    set_latch(world.account.state_dir, Latch(LATCH, reason, by, world.clock.now()))
    _note(world, "latch_set", by, source=LATCH, reason=reason, by=by)


def _note(world: World, event: str, actor: str, **data: object) -> None:
    world.journal.append(Record(event, actor=actor, data=data))


def _url(world: World, request: RestoreRequest) -> SecretStr:
    return request.into or world.settings.database_url


def _newest_sound(shelf: list[Backup], flavour: str) -> tuple[Backup, tuple[str, ...]]:
    """The newest backup that fits, and why each newer one does not."""
    passed_over: list[str] = []
    for backup in shelf:
        fault = _unfit(backup, flavour)
        if not fault:
            return backup, tuple(passed_over)
        passed_over.append(f"{backup.path.name}: {fault}")
    raise BackupError("; ".join(["no backup to restore from", *passed_over[:3]]), "canary snapshot-db")


def _unfit(backup: Backup, flavour: str) -> str:
    try:
        manifest = check_file(backup.path)
    except CanaryError as error:
        return error.message.removeprefix(f"{backup.path.name} ")
    if manifest is None:
        return "has no manifest; name it with --backup to use it"
    return "" if manifest.flavour == flavour else f"is of a {manifest.flavour} ledger, this one is {flavour}"
