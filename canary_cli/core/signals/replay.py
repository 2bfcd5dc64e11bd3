"""The batch engine over the bars that somebody recorded: same first bars, same holdings, so the same answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals.batch import iterate_batch
from canary_cli.core.signals.model import Evaluation
from canary_cli.core.signals.settings import SignalSettings

Origins = tuple[tuple[Frame, datetime], ...]


def replay(
    recorded: Sequence[Evaluation],
    tick: Decimal,
    candles: Mapping[Frame, Sequence[Candle]],
    settings: SignalSettings = SignalSettings(),  # noqa: B008
) -> list[Evaluation]:
    """What one pair's record should say, for every bar from its first to its last, oldest first.

    `candles` reach back to `earliest_origins(recorded)`. A record whose origins change (the session warmed up anew) is
    replayed in parts, each from its own first bars; bars between two parts are nobody's.
    """
    ordered = sorted(recorded, key=lambda evaluation: evaluation.time)
    parts = groupby(ordered, key=lambda evaluation: evaluation.evidence.origins)
    return [one for origins, part in parts for one in _replay_part(origins, list(part), tick, candles, settings)]


def _replay_part(
    origins: Origins,
    recorded: Sequence[Evaluation],
    tick: Decimal,
    candles: Mapping[Frame, Sequence[Candle]],
    settings: SignalSettings,
) -> Iterator[Evaluation]:
    known = {frame: [bar for bar in candles.get(frame, ()) if bar.open_time >= origin] for frame, origin in origins}
    holdings = {one.time: one.evidence.holding for one in recorded}
    for evaluation in iterate_batch(recorded[0].symbol, tick, known, settings, holdings, recorded[0].time):
        if evaluation.time <= recorded[-1].time:
            yield evaluation


def earliest_origins(recorded: Sequence[Evaluation]) -> dict[Frame, datetime]:
    """From when on candles are needed to replay a record."""
    earliest: dict[Frame, datetime] = {}
    for evaluation in recorded:
        for frame, origin in evaluation.evidence.origins:
            earliest[frame] = min(origin, earliest.get(frame, origin))
    return earliest


def settings_of(recorded: Sequence[Evaluation], settings: SignalSettings) -> SignalSettings:
    """The settings with the decision frame the record was made on: its origins name that one first."""
    origins = next((one.evidence.origins for one in recorded if one.evidence.origins), ())
    return replace(settings, decision_frame=origins[0][0]) if origins else settings
