"""From an account's name to everything a verb may touch. The one place that chooses what is real.

Each part is made when it is first asked for, so that a verb which only stops trading never imports a ledger.
"""

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from canary_cli.accounts import Account, choose_account, find_home
from canary_cli.core.clock import Clock, ScaledClock, SystemClock

if TYPE_CHECKING:
    from canary_cli.alerts.courier import Courier
    from canary_cli.core.binance.client import BinanceExchange
    from canary_cli.journal.text_logs import TextLogs
    from canary_cli.journal.writer import Journal
    from canary_cli.ledger import Ledger
    from canary_cli.settings import Settings


class World:
    """One account's world. Use it as `async with`: what was opened is closed again, whatever happens."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def home(self) -> Path:
        return self.account.home

    @cached_property
    def clock(self) -> Clock:
        time = self.account.plan_time
        return ScaledClock(time.plan_start, time.wall_start, time.speed) if time else SystemClock()

    @cached_property
    def settings(self) -> "Settings":
        from canary_cli.settings import load_settings

        return load_settings(self.account)

    @cached_property
    def exchange(self) -> "BinanceExchange":
        """Not connected yet: `await world.exchange.connect()` raises ExchangeUnreachable when it cannot be reached.

        Raises ConfigurationError where the account has no key.
        """
        if self.account.key_trouble is not None:
            raise self.account.key_trouble
        from canary_cli.core.binance.client import BinanceExchange
        from canary_cli.core.binance.resilient import ResilientExchange

        made = ResilientExchange if self.account.ws_api_url else BinanceExchange
        return made(self.account, self.clock, log=self.text_logs.on_request)

    @cached_property
    def text_logs(self) -> "TextLogs":
        from canary_cli.journal.text_logs import TextLogs

        return TextLogs(self.account.log_dir, self.clock.now, (self.account.api_key, self.account.api_secret))

    @cached_property
    def journal(self) -> "Journal":
        from canary_cli.journal.writer import Journal

        self.account.log_dir.mkdir(parents=True, exist_ok=True)
        return Journal(self.account.log_dir, self.clock.now)

    @cached_property
    def ledger(self) -> "Ledger":
        """Raises DatabaseError when the database cannot be opened."""
        from canary_cli.ledger import Ledger

        return Ledger.open(self.settings.database_url, self.account.name)

    @cached_property
    def alerts(self) -> "Courier":
        from canary_cli.alerts import open_alerts

        return open_alerts(self.settings, self.account)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if "exchange" in vars(self):
            await self.exchange.close()
        self.close()

    def close(self) -> None:
        """Close everything but the exchange, for verbs that never opened that.

        A full disk was told of where it mattered; it must not change how the verb ended.
        """
        for name in ("alerts", "ledger", "text_logs", "journal"):
            if name in vars(self):
                with suppress(OSError):
                    vars(self)[name].close()


def open_world(name: str | None = None, *, keyless: bool = False) -> World:
    """The world of the account named, or of the one that is meant (see `accounts.choose_account`)."""
    return World(choose_account(name, find_home(), keyless=keyless))
