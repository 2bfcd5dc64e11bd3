"""The ledger's tables. Each row belongs to an account, so several accounts may share a database.

`events` holds the journal's lines as they are; every other table but `leases` is projected from them (`projection`).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from canary_cli.ledger.types import Json, Lines, Money, Utc

metadata = MetaData()

_EXACT_NAMES: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def _table(name: str, keys: Mapping[str, TypeEngine[Any]], *columns: SchemaItem) -> Table:
    """A table whose primary key is the account and `keys`."""
    key_columns: list[SchemaItem] = [
        Column(key, kind, primary_key=True, autoincrement=False) for key, kind in keys.items()
    ]
    account = Column("account", String(64), primary_key=True)
    return Table(name, metadata, account, *key_columns, *columns, **_EXACT_NAMES)


_ID = String(64)
_LINE: Mapping[str, TypeEngine[Any]] = {"run_id": _ID, "seq": BigInteger()}  # what happened once, in one journal line

events = _table(
    "events",
    _LINE,
    Column("at", Utc, nullable=False),
    Column("event", String(64), nullable=False),
    Column("line", Lines, nullable=False),
    Column("problem", Lines),  # why this line could not be projected; verify-db says so
    Index("events_in_order", "account", "seq"),
)
runs = _table(
    "runs",
    {"run_id": _ID},
    Column("plan", Lines),
    Column("plan_sha256", _ID),
    Column("version", _ID),
    Column("commit", _ID),
    Column("seed", String(32)),
    Column("speed", String(32)),
    Column("deployment_start", Utc),
    Column("started_at", Utc),
    Column("ended_at", Utc),
    Column("outcome", _ID),
    Column("exit_code", Integer),
)
steps = _table(
    "steps",
    {"run_id": _ID, "step": _ID},
    Column("attempts", Integer, nullable=False),
    Column("started_at", Utc),
    Column("finished_at", Utc),
    Column("outcome", _ID),
    Column("evidence", Json),
    Column("detail", Json),
)
gates = _table(
    "gates",
    _LINE,
    Column("at", Utc, nullable=False),
    Column("phase", Integer),
    Column("verdict", String(32)),
    Column("checks", Json),
)
approvals = _table(
    "approvals",
    _LINE,
    Column("at", Utc, nullable=False),
    Column("what", _ID),
    Column("by", _ID),
    Column("plan_sha256", _ID),
    Column("commit", _ID),
    Column("expires", Utc),
    Column("voided_at", Utc),
)
incidents = _table(
    "incidents",
    {"incident": _ID},
    Column("run_id", _ID),
    Column("cause", Lines),
    Column("state", String(16), nullable=False),
    Column("opened_at", Utc),
    Column("updated_at", Utc),
    Column("data", Json),
)
latches = _table(
    "latches",
    {"source": _ID},
    Column("reason", Lines),
    Column("by", _ID),
    Column("set_at", Utc),
    Column("cleared_at", Utc),
    Column("cleared_by", _ID),
)
leases = _table(
    "leases",
    {},
    Column("holder", String(128), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires", Utc, nullable=False),
)
signals = _table(
    "signals",
    _LINE,
    Column("at", Utc, nullable=False),
    Column("symbol", String(32)),
    Column("side", String(8)),
    Column("decision", String(32), nullable=False),  # signal | signal_refused | risk_refused
    Column("code", _ID),
    Column("confidence", String(32)),
    Column("confluence", String(32)),
    Column("data", Json),
)
orders = _table(
    "orders",
    {"client_id": _ID},
    Column("run_id", _ID, nullable=False),
    Column("symbol", String(32)),
    Column("side", String(8)),
    Column("type", String(32)),
    Column("purpose", String(32)),
    Column("quantity", Money),
    Column("price", Money),
    Column("trigger_price", Money),
    Column("decision_price", Money),
    Column("decided_at", Utc),
    Column("signal_id", _ID),
    Column("reduce_only", Boolean),
    Column("close_position", Boolean),
    Column("status", String(32), nullable=False),  # INTENDED, UNKNOWN, DENIED, ABSENT, or the exchange's own word
    Column("order_id", BigInteger),
    Column("algo_id", BigInteger),
    Column("executed", Money),
    Column("average_price", Money),
    Column("latency_ms", String(32)),
    Column("code", String(32)),
    Column("message", Lines),
    Column("created_at", Utc),
    Column("updated_at", Utc),
)
trades = _table(
    "trades",
    {"symbol": String(32), "trade_id": BigInteger()},
    Column("run_id", _ID, nullable=False),
    Column("client_id", _ID, nullable=False),
    Column("order_id", BigInteger),
    Column("at", Utc, nullable=False),
    Column("side", String(8), nullable=False),
    Column("position_side", String(8), nullable=False),
    Column("price", Money, nullable=False),
    Column("quantity", Money, nullable=False),
    Column("realized", Money, nullable=False),
    Column("commission", Money, nullable=False),
    Column("commission_asset", String(16), nullable=False),
    Column("maker", Boolean),
    Column("purpose", String(32)),
    Column("decision_price", Money),
    Column("slippage_bps", Money),
    Index("trades_in_order", "account", "at"),
    Index("trades_of_order", "account", "client_id"),
)
positions = _table(
    "positions",
    {"symbol": String(32), "position_side": String(8)},
    Column("quantity", Money, nullable=False),
    Column("entry_price", Money, nullable=False),
    Column("updated_at", Utc, nullable=False),
)
equity = _table(
    "equity",
    _LINE,
    Column("at", Utc, nullable=False),
    Column("wallet", Money),
    Column("unrealized", Money),
    Column("equity", Money),
    Column("peak", Money),
    Column("drawdown_pct", Money),
)
income = _table(
    "income",
    {"type": String(32), "id": BigInteger()},
    Column("symbol", String(32)),
    Column("asset", String(16)),
    Column("amount", Money, nullable=False),
    Column("at", Utc, nullable=False),
)
alerts = _table(
    "alerts",
    _LINE,
    Column("at", Utc, nullable=False),
    Column("severity", String(16)),
    Column("channel", String(128)),
    Column("message", Lines),
    Column("sent", Boolean),
)
drills = _table(
    "drills",
    _LINE,
    Column("at", Utc, nullable=False),
    Column("kind", _ID),
    Column("seconds", Money),
    Column("outcome", _ID),
)
