"""A tiny exchange on a free port in a thread of its own, for verbs that are typed in the test's thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.core.binance.venue_server import VenueServer, a_venue
from tests.core.trading.venue import Venue


@contextmanager
def an_exchange_on(home: Path, venue: Venue, latency: float = 0.0) -> Iterator[VenueServer]:
    """Serves `venue` as the default account `desk` of `home`."""
    ready = threading.Event()
    served: list[VenueServer] = []
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with a_venue(venue, latency) as server:
            served.append(server)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    (home / "accounts.toml").write_text(f'default = "desk"\n[desk]\nkind = "paper"\nport = {served[0].stage.port}\n')
    try:
        yield served[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
