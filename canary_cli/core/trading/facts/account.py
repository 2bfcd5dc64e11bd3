"""Facts about the account: its money, and what others than this session did to it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class WalletMoved:
    """A change of the wallet that no fill explains: funding, deposit, withdrawal, insurance."""

    event: ClassVar[str] = "wallet"
    time: datetime
    reason: str
    change: Decimal
    wallet: Decimal


@dataclass(frozen=True, slots=True)
class EquityMarked:
    """Equity at one moment, once a plan minute, at each new breaker zone and at a new peak; carries what replay cannot
    recompute."""

    event: ClassVar[str] = "equity"
    time: datetime
    wallet: Decimal
    unrealized: Decimal
    equity: Decimal
    peak: Decimal
    drawdown_pct: Decimal
    fresh_seconds: Decimal
    stale_seconds: Decimal


@dataclass(frozen=True, slots=True)
class DepthMeasured:
    """What a pair's market could take, USDT: the thinner side of its book near the mid, and a thin minute's volume."""

    event: ClassVar[str] = "depth"
    time: datetime
    symbol: str
    book: Decimal
    minute: Decimal


@dataclass(frozen=True, slots=True)
class Liquidated:
    """The exchange closed something of ours by force (liquidation or auto-deleveraging)."""

    event: ClassVar[str] = "liquidation"
    time: datetime
    symbol: str
    client_id: str


@dataclass(frozen=True, slots=True)
class ForeignSeen:
    """An order on our account that this session did not make."""

    event: ClassVar[str] = "foreign_order"
    time: datetime
    symbol: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Adopted:
    """The exchange's position taken for ours, whatever our fills say: a person had it so, or a closing saw that it is
    gone. `quantity` is signed, zero where it holds none.
    """

    event: ClassVar[str] = "adopted"
    time: datetime
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    by: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Ledger and exchange compared after a start or a gap; `differences` empty means equal."""

    event: ClassVar[str] = "reconcile"
    time: datetime
    differences: tuple[str, ...]
