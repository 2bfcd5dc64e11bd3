"""What is open, by the exchange's own word, and what it may still lose."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from canary_cli.bootstrap import World
from canary_cli.core.model import ZERO, AccountSnapshot, AlgoOrder, OrderType, Position
from canary_cli.errors import ExchangeUnreachable

PATIENCE = 2.0
"""Wall seconds: an answer that takes longer is `NO ANSWER`."""

_STOPS = (OrderType.STOP_MARKET, OrderType.STOP)


@dataclass(frozen=True, slots=True)
class Open:
    """A position with the stop that rests for it; `at_risk` is lost from here if that fills at its price."""

    position: Position
    stop: Decimal | None
    at_risk: Decimal | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """`at_risk` is lost if every stop fills at its price, USDT, and `open_risk` the same in percent of equity.

    Both are None while a position is `unprotected`: what such a one may lose nobody knows.
    """

    snapshot: AccountSnapshot
    positions: tuple[Open, ...]

    @property
    def unprotected(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.position.symbol for one in self.positions if one.stop is None))

    @property
    def at_risk(self) -> Decimal | None:
        return None if self.unprotected else self.at_stops

    @property
    def at_stops(self) -> Decimal:
        """Of the positions that have a stop."""
        return sum((one.at_risk for one in self.positions if one.at_risk is not None), ZERO)

    @property
    def open_risk(self) -> Decimal | None:
        equity = self.snapshot.balance.margin
        return None if self.at_risk is None or equity <= 0 else 100 * self.at_risk / equity


async def read_exposure(world: World) -> Exposure:
    """Raises ExchangeUnreachable when there is no answer within two seconds."""
    exchange = world.exchange  # made before the clock runs: loading its library is not the exchange's silence
    try:
        async with asyncio.timeout(PATIENCE):
            snapshot = await exchange.snapshot(urgent=False)
    except TimeoutError:
        raise ExchangeUnreachable(
            f"NO ANSWER from {world.account.rest_url} within {PATIENCE:g} s", "what is open is not known: try again"
        ) from None
    return exposure(snapshot)


def exposure(snapshot: AccountSnapshot) -> Exposure:
    return Exposure(snapshot, tuple(_open(position, snapshot.algo_orders) for position in snapshot.positions))


def _open(position: Position, algos: tuple[AlgoOrder, ...]) -> Open:
    """The nearest stop that closes the whole position counts: it fills first."""
    is_long = position.quantity > 0
    triggers = [algo.trigger_price for algo in algos if _protects(algo, position)]
    if not triggers:
        return Open(position, None, None)
    stop = max(triggers) if is_long else min(triggers)
    lost = position.quantity * (position.mark_price - stop)
    return Open(position, stop, max(lost, ZERO))


def _protects(algo: AlgoOrder, position: Position) -> bool:
    closes = algo.side.sign * position.quantity < 0
    whole = algo.close_position or algo.quantity >= abs(position.quantity)
    same = (algo.symbol, algo.position_side) == (position.symbol, position.position_side)
    return same and closes and whole and algo.type in _STOPS
