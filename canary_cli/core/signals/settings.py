"""Every number of the signal definition, in one place."""

from dataclasses import dataclass
from datetime import timedelta

from canary_cli.core.model import Frame


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """Ages and look-backs are bars of the decision frame; `*_periods` are bars of the frame they run on."""

    decision_frame: Frame = Frame.M15
    trend_frames: tuple[Frame, ...] = (Frame.H1, Frame.H4, Frame.D1)
    warmup_bars: int = 250  # leaves 3.4e-4 of the seed's error in an EMA50 and 9e-9 in Wilder's average

    min_agreeing: int = 3
    min_confidence: float = 75.0  # exceeded, not reached
    min_alignment: int = 80  # %, reached
    cooldown: timedelta = timedelta(hours=2)
    stop_atr: float = 2.0
    target_atr: float = 3.0

    ema_periods: tuple[int, int, int] = (9, 21, 50)
    wilder_period: int = 14  # RSI, ATR, ADX
    volume_period: int = 20

    swing_bars: int = 5  # bars on each side of a pivot
    block_lookback: int = 20
    block_volume: float = 1.5  # x the volume average
    block_age: int = 96
    blocks_kept: int = 10
    break_age: int = 24
    gap_age: int = 48
    sweep_age: int = 24
    min_votes: int = 3  # votes cast before the structure has an opinion

    smc_weight: float = 0.35
    ema_weight: float = 0.30
    rsi_weight: float = 0.15
    adx_weight: float = 0.20
