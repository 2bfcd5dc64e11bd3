"""Faults that do something to the exchange instead of to a message: each once when it begins, and back when it ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from canary_cli.paper.faults import Faults
from canary_cli.paper.state import State

Undo = Callable[[], None]
Options = Mapping[str, Any]


@dataclass(slots=True)
class Effects:
    """`undo`: how to take back what each fault that is on has done; a fault that is removed ends too."""

    state: State
    undo: dict[int, Undo] = field(default_factory=dict)

    def follow(self, faults: Faults, now: datetime) -> None:
        on = {fault.id: fault for fault in faults.on(now, *WORLD_CHANGES)}
        for ended in self.undo.keys() - on.keys():
            self.undo.pop(ended)()
        for begun in on.keys() - self.undo.keys():
            on[begun].struck += 1
            self.undo[begun] = WORLD_CHANGES[on[begun].kind](self.state, on[begun].options)


def _lock(state: State, _: Options) -> Undo:
    before, state.locked = state.locked, True

    def undo() -> None:
        state.locked = before

    return undo


def _status(state: State, options: Options) -> Undo:
    symbols = _symbols(state, options)
    before = {symbol: state.statuses.get(symbol, "") for symbol in symbols}
    state.statuses |= dict.fromkeys(symbols, str(options["value"]))
    return lambda: state.statuses.update(before)


def _filters(state: State, options: Options) -> Undo:
    changes = {name: Decimal(str(value)) for name, value in options["filters"].items()}
    symbols = _symbols(state, options)
    before = {symbol: {name: getattr(state.listing(symbol).rules, name) for name in changes} for symbol in symbols}
    for symbol in symbols:
        state.change_rules(symbol, **changes)

    def undo() -> None:
        for symbol, values in before.items():
            state.change_rules(symbol, **values)

    return undo


def _symbols(state: State, options: Options) -> list[str]:
    """Those it names of the pairs there are; all where it names none."""
    return [symbol for symbol in options.get("symbols", state.listings) if symbol in state.listings]


# What each kind does, given its options; it returns how to take that back.
WORLD_CHANGES: dict[str, Callable[[State, Options], Undo]] = {"lock": _lock, "status": _status, "filters": _filters}
