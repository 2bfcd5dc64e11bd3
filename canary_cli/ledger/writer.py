"""Feeds the ledger from the journal, and goes on trying while the database is away: the journal has what it missed."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from canary_cli.core.clock import Clock
from canary_cli.errors import CanaryError, DatabaseError
from canary_cli.journal.record import Entry
from canary_cli.journal.tail import Tail
from canary_cli.ledger.ledger import Ledger

POLL, PING, SLOW = 0.1, 0.3, 1.5
"""Wall seconds between looks at the journal; until a quiet database is asked if it lives; of silence that is away.

Together they are under the 2 s within which a lost database must stop entries.
"""
_BATCH = 200  # lines a turn: well within SLOW on a busy core
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0)


class LedgerWriter:
    """Run `run()` as a task. `available` says whether the ledger keeps up; `away_since` (plan time) since when not.

    Who listens is told the new `available` each time it changes. What was missed is replayed on return:
    nothing is lost and nothing is written twice, whatever the database did with the last transaction.
    """

    def __init__(self, url: SecretStr | str, account: str, folder: Path, clock: Clock) -> None:
        self._url, self._account, self._folder, self._clock = url, account, folder, clock
        self._listeners: list[Callable[[bool], None]] = []
        self._ledger: Ledger | None = None
        self._tail: Tail | None = None
        self._pending: list[Entry] = []
        self._applied = asyncio.Condition()
        self.away_since: datetime | None = None
        self.reason = ""
        self.applied_seq = 0

    @property
    def available(self) -> bool:
        return self.away_since is None

    def listen(self, on_change: Callable[[bool], None]) -> None:
        self._listeners.append(on_change)

    async def run(self) -> None:
        """Until cancelled."""
        failures, quiet = 0, 0.0
        try:
            while True:
                try:
                    busy = await self._watched(quiet >= PING)
                    failures, quiet = 0, 0.0 if busy or quiet >= PING else quiet + POLL
                    await self._clock.pause(0 if busy else POLL)
                except Exception as error:  # whatever it is, a writer that ended in silence would be worse
                    self._gone(error.message if isinstance(error, CanaryError) else f"{type(error).__name__}: {error}")
                    await self._clock.pause(BACK_OFF[min(failures, len(BACK_OFF) - 1)])
                    failures, quiet = failures + 1, PING
        finally:
            if self._ledger:
                self._ledger.close()

    async def caught_up(self, seq: int) -> None:
        """Return when everything up to `seq` is in the ledger. Waits as long as the database is away."""
        async with self._applied:
            await self._applied.wait_for(lambda: self.applied_seq >= seq)

    async def _watched(self, ask: bool) -> bool:
        """One turn in a thread. An answer that is too slow counts as away before it comes."""
        turn = asyncio.create_task(asyncio.to_thread(self._turn, ask))
        try:
            done, _ = await asyncio.wait({turn}, timeout=SLOW)
            if not done:
                self._gone(f"no answer for {SLOW} s")
            busy, asked = await asyncio.shield(turn)
        except asyncio.CancelledError:
            await asyncio.wait({turn})  # the thread cannot be stopped; its transaction ends first
            raise
        async with self._applied:
            self._applied.notify_all()
        if asked:
            self._back()
        return busy

    def _turn(self, ask: bool) -> tuple[bool, bool]:
        """Apply what is new, or ask whether it would be taken. Returns (something was new, the database answered)."""
        ledger, tail = self._opened()
        self._pending = self._pending or tail.new(_BATCH)
        if self._pending:
            tail.sync()  # the ledger must never hold what the journal can still lose
            ledger.apply(self._pending)
            self.applied_seq = self._pending[-1].seq
            self._pending = []
            return True, True
        if ask:
            ledger.ping()
        return False, ask

    def _opened(self) -> tuple[Ledger, Tail]:
        """Opened by the first turn that finds the database there; reading starts at the ledger's last line."""
        if self._ledger is None or self._tail is None:
            self._ledger = Ledger.open(self._url, self._account)
            self.applied_seq = self._ledger.caught_up_to()
            self._tail = Tail(self._folder, max(0, self.applied_seq - 1))  # that line again: is it the same journal?
            self._pending = self._tail.new(1)
            if self.applied_seq and not self._pending:
                self._tail = None
                raise DatabaseError(
                    f"the journal ends before line {self.applied_seq}, which the ledger holds: it was replaced",
                    f"put the journal back into {self._folder}, or canary restore-db --from-journal",
                )
        return self._ledger, self._tail

    def _gone(self, reason: str) -> None:
        self.reason = reason
        if self.away_since is None:
            self.away_since = self._clock.now()
            self._tell(False)

    def _back(self) -> None:
        if self.away_since is not None:
            self.away_since, self.reason = None, ""
            self._tell(True)

    def _tell(self, available: bool) -> None:
        for listener in self._listeners:
            listener(available)
