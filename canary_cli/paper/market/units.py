"""From whole ticks and steps to `Decimal` and back: the hot paths count in whole numbers and convert at the edge."""

from dataclasses import dataclass, field
from decimal import Decimal

from canary_cli.core.model import SymbolRules

MARK_PARTS = 100  # mark and index prices are finer than the tick


@dataclass(frozen=True, slots=True)
class Units:
    """The units of one pair. Results carry the decimals of the tick or step, as the exchange writes them."""

    tick: Decimal
    step: Decimal
    mark: Decimal = field(init=False)
    quarter: Decimal = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mark", self.tick / MARK_PARTS)
        object.__setattr__(self, "quarter", self.tick * self.step / 4)

    @classmethod
    def of(cls, rules: SymbolRules) -> "Units":
        return cls(rules.tick, rules.step)

    def price(self, ticks: int) -> Decimal:
        return ticks * self.tick

    def quantity(self, steps: int) -> Decimal:
        return steps * self.step

    def mark_price(self, parts: int) -> Decimal:
        return parts * self.mark

    def quote(self, quarters: int) -> Decimal:
        """USDT of four times ticks times steps."""
        return quarters * self.quarter

    def ticks(self, price: float) -> int:
        return max(1, round(price / float(self.tick)))
