"""The account: wallets, positions, margin modes, and what they add up to. No clock, no I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from canary_cli.core.model import ZERO, PositionSide
from canary_cli.paper.margin import liquidation_price, maintenance
from canary_cli.paper.market.model import Listing
from canary_cli.paper.orders import BalanceView, Marks, PositionView

CENT = Decimal("0.00000001")
DEFAULT_LEVERAGE = 20
MARGIN_ASSET = "USDT"


def money(value: Decimal) -> Decimal:
    """Wallet figures have eight decimals."""
    return value.quantize(CENT, ROUND_HALF_EVEN)


@dataclass(slots=True)
class Holding:
    """A position. `quantity` is signed; `fees` are those of the part still open, for the break-even price."""

    symbol: str
    side: PositionSide
    quantity: Decimal = ZERO
    entry: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    updated: datetime | None = None

    def unrealized(self, mark: Decimal) -> Decimal:
        return self.quantity * (mark - self.entry)

    @property
    def break_even(self) -> Decimal:
        return self.entry + self.fees / self.quantity if self.quantity else ZERO


@dataclass(slots=True)
class SymbolConfig:
    leverage: int = DEFAULT_LEVERAGE
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """What one fill does to a position: the new quantity and entry, what it realised, and how much it closed."""

    quantity: Decimal
    entry: Decimal
    realized: Decimal
    closed: Decimal


def after_fill(quantity: Decimal, entry: Decimal, signed: Decimal, price: Decimal) -> Filled:
    """A fill of `signed` quantity (positive bought) at `price`; a flip closes first, then opens at the fill's price."""
    if quantity * signed >= 0:
        total = quantity + signed
        return Filled(total, (quantity * entry + signed * price) / total, ZERO, ZERO)
    closed = min(abs(signed), abs(quantity))
    sign = 1 if quantity > 0 else -1
    realized = money(closed * sign * (price - entry))
    total = quantity + signed
    if total == 0:
        return Filled(ZERO, ZERO, realized, closed)
    return Filled(total, entry if total * quantity > 0 else price, realized, closed)


@dataclass(slots=True)
class Account:
    """One futures account. Everything but USDT (BNB for fees) is worth nothing as margin in single-asset mode."""

    listings: Mapping[str, Listing]
    wallets: dict[str, Decimal] = field(default_factory=dict)
    holdings: dict[tuple[str, PositionSide], Holding] = field(default_factory=dict)
    configs: dict[str, SymbolConfig] = field(default_factory=dict)
    hedge: bool = False
    multi_assets: bool = False
    fee_burn: bool = False
    can_trade: bool = True
    reduce_only: bool = False
    updated: datetime | None = None

    def config(self, symbol: str) -> SymbolConfig:
        return self.configs.setdefault(symbol, SymbolConfig())

    def holding(self, symbol: str, side: PositionSide) -> Holding:
        key = (symbol, side)
        if key not in self.holdings:
            self.holdings[key] = Holding(symbol, side)
        return self.holdings[key]

    def quantity(self, symbol: str, side: PositionSide) -> Decimal:
        held = self.holdings.get((symbol, side))
        return held.quantity if held else ZERO

    def open_holdings(self, symbol: str | None = None) -> Iterator[Holding]:
        for held in self.holdings.values():
            if held.quantity and (symbol is None or held.symbol == symbol):
                yield held

    def is_isolated(self, held: Holding) -> bool:
        return self.config(held.symbol).isolated

    def cross_holdings(self) -> Iterator[Holding]:
        return (held for held in self.open_holdings() if not self.is_isolated(held))

    @property
    def wallet(self) -> Decimal:
        return self.wallets.get(MARGIN_ASSET, ZERO)

    @property
    def cross_wallet(self) -> Decimal:
        return self.wallet - sum((held.isolated_wallet for held in self.holdings.values()), ZERO)

    def credit(self, asset: str, amount: Decimal) -> None:
        self.wallets[asset] = self.wallets.get(asset, ZERO) + amount

    def unrealized(self, marks: Marks) -> Decimal:
        return _sum_unrealized(self.open_holdings(), marks)

    def cross_unrealized(self, marks: Marks) -> Decimal:
        return _sum_unrealized(self.cross_holdings(), marks)

    def maintenance_of(self, held: Holding, marks: Marks) -> Decimal:
        return maintenance(held.quantity * marks[held.symbol], self.listings[held.symbol].brackets)

    def cross_maintenance(self, marks: Marks) -> Decimal:
        return sum((self.maintenance_of(held, marks) for held in self.cross_holdings()), ZERO)

    def initial_of(self, held: Holding, marks: Marks) -> Decimal:
        """Initial margin of a position at the mark and the symbol's leverage."""
        return abs(held.quantity) * marks[held.symbol] / self.config(held.symbol).leverage

    def position_margin(self, marks: Marks) -> Decimal:
        return sum((self.initial_of(held, marks) for held in self.cross_holdings()), ZERO)

    def available(self, marks: Marks, order_margin: Decimal) -> Decimal:
        """What new orders may still use; `order_margin` is what open orders have reserved."""
        free = self.cross_wallet + self.cross_unrealized(marks) - self.position_margin(marks) - order_margin
        return max(ZERO, free)

    def withdrawable(self, marks: Marks, order_margin: Decimal) -> Decimal:
        """Unrealised profit cannot leave."""
        free = self.cross_wallet + min(ZERO, self.cross_unrealized(marks))
        return max(ZERO, free - self.position_margin(marks) - order_margin)

    def liquidation_price(self, held: Holding, marks: Marks) -> Decimal:
        brackets, mark = self.listings[held.symbol].brackets, marks[held.symbol]
        if self.is_isolated(held):
            cushion = held.isolated_wallet
        else:
            others = [other for other in self.cross_holdings() if other is not held]
            kept = sum((self.maintenance_of(other, marks) for other in others), ZERO)
            cushion = self.cross_wallet + _sum_unrealized(others, marks) - kept
        return liquidation_price(held.quantity, held.entry, cushion, brackets, mark)

    def balance_view(self, asset: str, change: Decimal = ZERO) -> BalanceView:
        wallet = self.wallets.get(asset, ZERO)
        return BalanceView(asset, wallet, self.cross_wallet if asset == MARGIN_ASSET else wallet, change)

    def position_view(self, held: Holding, marks: Marks) -> PositionView:
        return PositionView(
            held.symbol,
            held.side,
            held.quantity,
            held.entry,
            held.break_even,
            held.realized,
            held.unrealized(marks[held.symbol]),
            self.is_isolated(held),
            held.isolated_wallet,
        )


def _sum_unrealized(holdings: Iterable[Holding], marks: Marks) -> Decimal:
    return sum((held.unrealized(marks[held.symbol]) for held in holdings), ZERO)
