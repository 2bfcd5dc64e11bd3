"""Every fault the exchange knows is seen by a client, switched on by a scenario file or at run time."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from canary_cli.core.clock import ScaledClock
from canary_cli.paper.fault_kinds import KINDS
from canary_cli.paper.market.model import ShockKind
from canary_cli.paper.scenario import load
from tests.paper.seen import SEEN, Scene
from tests.paper.wire import Wire

DOCUMENT = Path(__file__).parents[2] / "docs" / "paper-exchange.md"


def test_no_fault_is_without_a_story() -> None:
    assert set(SEEN) == {*KINDS, *(f"price {kind}" for kind in ShockKind)}


def test_no_fault_is_without_a_word() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [kind for kind in (*KINDS, *ShockKind) if f"`{kind}`" not in text] == []
    options = {option for known in KINDS.values() for option in known}
    assert [option for option in sorted(options) if f"`{option}`" not in text] == []


def written(options: dict[str, Any]) -> str:
    """As lines of TOML."""
    return "\n".join(f"{name} = {_value(value)}" for name, value in options.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + " }"
    return json.dumps(value)


class Switch:
    """Two ways to switch the same fault on."""

    def __init__(self, wire: Wire, kind: str, folder: Path) -> None:
        self.wire, self.folder = wire, folder
        self.is_price, self.kind = kind.startswith("price "), kind.removeprefix("price ")

    def rest(self, seconds: float) -> None:
        venue = self.wire.server.venue
        venue.clock = ScaledClock(venue.clock.now() + timedelta(seconds=seconds), venue.clock.wall(), 1.0)
        venue.run()

    async def at_run_time(self, **options: Any) -> None:
        reply = await self.wire.admin("POST", "market" if self.is_price else "faults", kind=self.kind, **options)
        assert reply.status == 200, reply.body

    async def by_scenario(self, **options: Any) -> None:
        """From the next tick on."""
        if "for" in options:
            options["for"] = f"0:{options['for'] // 60:02}:{options['for'] % 60:02}"
        story = self.folder / "story.toml"
        story.write_text(f'[[{"price" if self.is_price else "fault"}]]\nkind = "{self.kind}"\n{written(options)}\n')
        self.wire.server.venue.load(load(str(story)))
        self.rest(1)


@pytest.fixture
async def scene(wire: Wire, tmp_path: Path, kind: str, way: str) -> AsyncIterator[Scene]:
    switch = Switch(wire, kind, tmp_path)
    scene = Scene(wire, switch.at_run_time if way == "run time" else switch.by_scenario, switch.rest)
    yield scene
    wire.server.venue.faults.remove()
    for ws in scene.opened:
        await ws.close()


@pytest.mark.parametrize("way", ["run time", "scenario"])
@pytest.mark.parametrize("kind", SEEN)
async def test_a_client_sees(scene: Scene, kind: str) -> None:
    await SEEN[kind](scene)
