"""What a session knows, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from canary_cli.core.accounting.equity import Curve
from canary_cli.core.accounting.metrics import Metrics
from canary_cli.core.model import AlgoStatus, PositionSide, Side, SymbolRules
from canary_cli.core.policy.breaker import Breaker
from canary_cli.core.policy.lows import Lows
from canary_cli.core.policy.plan import Phase, Plan
from canary_cli.core.policy.triggers import TriggerStates
from canary_cli.core.signals import Signal
from canary_cli.core.trading.events import AccountUpdated, Stream
from canary_cli.core.trading.facts.account import WalletMoved
from canary_cli.core.trading.order import OrderLife

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Setup:
    """What does not change while a session lives.

    `prefix` opens every client order id of this session (run and fencing token). `silence` is how many plan seconds a
    stream may be silent, `stale` how old prices may be to trade on, `health` how long a condition's cause must be gone;
    the shell stretches them so that they never mean less than 1.5 to 2 s of wall time. `recheck` is how often the
    account is read again unasked, and how old an order without an end may become before the exchange is asked about it.
    `depth_every` is how often each pair's book is measured, 0 where nobody measures.
    """

    run_id: str
    prefix: str
    plan: Plan
    rules: Mapping[str, SymbolRules]
    silence: float = 30.0
    stale: float = 10.0
    health: float = 60.0
    recheck: float = 60.0
    depth_every: float = 0.0

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self.rules)


@dataclass(frozen=True, slots=True)
class Held:
    """An open position as the sum of our fills. `stop` and `target` are client ids of its conditional orders.

    `exits` counts the orders sent to close it: once there is one, it is closed whatever becomes of that order.
    `foreign`: another hand opened it, which alone guards and closes it; here it counts as money at stake.
    """

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    opened_at: datetime
    probe: bool = False
    stop: str = ""
    target: str = ""
    stop_price: Decimal | None = None
    exits: int = 0
    foreign: bool = False

    @property
    def is_guarded_here(self) -> bool:
        """Whether it is to have a stop of ours. A probe lives too briefly to need one."""
        return not self.probe and not self.foreign

    @property
    def side(self) -> Side:
        return Side.BUY if self.quantity > 0 else Side.SELL


PositionKey = tuple[str, PositionSide]


@dataclass(frozen=True, slots=True)
class Booked:
    """A position as the exchange told it together with the wallet; `quantity` zero where it told its end.

    `at` is the exchange's time of the message; None where a reading showed it.
    """

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Algo:
    """One of our conditional orders, as the exchange last described it."""

    client_id: str
    algo_id: int
    symbol: str
    status: AlgoStatus
    trigger_price: Decimal


@dataclass(frozen=True, slots=True)
class Condition:
    """Why nothing is opened for now; `since` is when it last changed, `holds` whether its cause is still there."""

    detail: str
    since: datetime
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """What a trigger holds beside the conditions: entries on `pair`, or where that is empty all entries by signal."""

    detail: str
    pair: str = ""


@dataclass(frozen=True, slots=True)
class MarginTold:
    """The margin in use when the account was last read, USDT, and the notional of each pair's position then."""

    used: Decimal
    exposed: Mapping[str, Decimal]


@dataclass(frozen=True)
class Session:
    """The whole of it. Maps are never mutated: each change makes a new one. `inherited` are the orders without an
    answer of a process before this one: nobody waits for their replies any more. `agreed` is when our fills and the
    exchange's positions were last found equal after a doubt: every trade until then is known.

    `up` is when each stream connected, where it has not been lost since, `heard` when it last gave a sign of life;
    `told` is when the user stream last said something, `user_doubt` what a reading showed that it should have told.

    `wallet_at` is the exchange's time of the newest message that told the wallet, `wallet_told` when we heard it, and
    `wallet_seen` what the last reading said. `moves` are the messages which told of money that no trade explains, so
    that none counts twice. `booked` are the positions that belong to the wallet, all of them once `is_booked`; `held`
    are those by our fills. `newest` are the messages of the newest instant that the account was told of.

    `lows` are what each pair's book could take at its thinnest; `depth_turn` counts the looks at them.

    `transferred` is when money was last moved in or out, or the wallet first known.

    `holds` are by the name that a trigger fired under.

    `unread`: the last question about the account had no answer, and people have been told.

    `tripped_at` are the prices (mids, else marks) when the rollback was asked for: what its closing slips is measured
    from them.

    `absent` are the pairs that we hold by our fills, and the exchange, last asked, did not.

    `missed` counts the readings running that did not show a conditional order which is to guard a position,
    `overtaken` those which the user stream had spoken after.

    Without slots, because a dictionary of so many fields is copied ten times as fast (see `but`).
    """

    setup: Setup
    now: datetime
    phase: Phase | None = None
    pairs: tuple[str, ...] = ()
    phase_entered: datetime | None = None
    phase_ends: datetime | None = None
    sequence: int = 0
    orders: Mapping[str, OrderLife] = field(default_factory=dict)
    algos: Mapping[str, Algo] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    last_flat: Mapping[str, tuple[Side, datetime]] = field(default_factory=dict)
    trades: Mapping[tuple[str, int], datetime] = field(default_factory=dict)
    wallet: Decimal | None = None
    wallet_at: datetime | None = None
    wallet_told: datetime | None = None
    wallet_seen: Decimal | None = None
    booked: Mapping[PositionKey, Booked] = field(default_factory=dict)
    is_booked: bool = False
    newest: frozenset[AccountUpdated] = frozenset()
    moves: frozenset[WalletMoved] = frozenset()
    told: datetime | None = None
    user_doubt: str = ""
    transferred: datetime | None = None
    margin: MarginTold | None = None
    leverages: Mapping[str, Decimal] = field(default_factory=dict)
    leverage_asked: datetime | None = None
    leverage_read: datetime | None = None
    lows: Mapping[str, Lows] = field(default_factory=dict)
    depth_asked: datetime | None = None
    depth_turn: int = 0
    marks: Mapping[str, Decimal] = field(default_factory=dict)
    mark_times: Mapping[str, datetime] = field(default_factory=dict)
    mids: Mapping[str, Decimal] = field(default_factory=dict)
    heard: Mapping[Stream, datetime] = field(default_factory=dict)
    up: Mapping[Stream, datetime] = field(default_factory=dict)
    curve: Curve = field(default_factory=Curve)
    equity_noted: datetime | None = None
    peak_noted: Decimal | None = None
    breaker: Breaker = field(default_factory=Breaker)
    triggers: TriggerStates = field(default_factory=TriggerStates)
    metrics: Metrics = field(default_factory=Metrics)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    latches: Mapping[str, str] = field(default_factory=dict)
    last_entry: Mapping[str, datetime] = field(default_factory=dict)
    last_probe: datetime | None = None
    flips: Mapping[str, Signal] = field(default_factory=dict)
    countdowns: Mapping[str, datetime] = field(default_factory=dict)
    adopted: Mapping[str, datetime] = field(default_factory=dict)
    rolling_back: str = ""
    tripped_at: Mapping[str, Decimal] = field(default_factory=dict)
    ending: str = ""
    ticked: datetime | None = None
    quota_used: Decimal = Decimal(0)
    reconciled: bool = False
    agreed: datetime | None = None
    read_asked: datetime | None = None
    read_answered: datetime | None = None
    unread: bool = False
    doubts: int = 0
    inherited: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    missed: Mapping[str, int] = field(default_factory=dict)
    overtaken: int = 0

    def but(self, **changes: Any) -> "Session":
        """`dataclasses.replace` at a tenth of its price, for what every mark and every quote changes."""
        after = object.__new__(Session)
        after.__dict__.update(self.__dict__, **changes)
        return after

    @property
    def equity(self) -> Decimal | None:
        return self.curve.equity

    @property
    def peak(self) -> Decimal | None:
        return self.curve.peak

    @property
    def drawdown_pct(self) -> Decimal | None:
        return self.curve.drawdown_pct


def put(mapping: Mapping[K, V], key: K, value: V) -> dict[K, V]:
    return {**mapping, key: value}


def drop(mapping: Mapping[K, V], key: K) -> dict[K, V]:
    return {k: v for k, v in mapping.items() if k != key}
