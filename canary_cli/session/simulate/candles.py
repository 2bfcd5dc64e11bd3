"""The closed candles of a simulated market, each read once."""

from datetime import UTC, datetime, timedelta

from canary_cli.core.model import Candle, Frame
from canary_cli.paper.market import Kline, Market


class ClosedCandles:
    """The market's closed candles. They never change, so each is read once, however often a session starts anew."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._known: dict[tuple[str, Frame], list[Candle]] = {}

    def newest(self, symbol: str, frame: Frame, count: int, now: datetime) -> list[Candle]:
        """The newest `count` closed by `now`, oldest first."""
        known = self._known.setdefault((symbol, frame), [])
        missing = (now - known[-1].close_time) // frame.duration if known else count
        if len(known) + missing < count:
            missing = count
        if missing:
            read = self._read(symbol, frame, missing, now)
            known[:] = [one for one in known if one.open_time < read[0].open_time] + read if read else known
        return known[-count:]

    def _read(self, symbol: str, frame: Frame, count: int, now: datetime) -> list[Candle]:
        """One more is asked for, because the newest may be running."""
        klines = self._market.klines(symbol, frame.value, limit=count + 1)
        candles = (_candle(symbol, frame, kline) for kline in klines)
        return [candle for candle in candles if candle.close_time <= now][-count:]


def _candle(symbol: str, frame: Frame, kline: Kline) -> Candle:
    figures = (float(value) for value in (kline.open, kline.high, kline.low, kline.close, kline.volume))
    return Candle(symbol, frame, _EPOCH + timedelta(milliseconds=kline.open_time), *figures)


_EPOCH = datetime.fromtimestamp(0, UTC)
