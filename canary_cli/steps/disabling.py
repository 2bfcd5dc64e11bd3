"""The kill switch thrown, with its screen. It loads as little as it can: what it stops trades on meanwhile."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from canary_cli.bootstrap import World
from canary_cli.core.binance.knock import knock
from canary_cli.errors import CanaryError, Result
from canary_cli.journal.beat import is_alive, read_beat
from canary_cli.render import latches as view
from canary_cli.render import output
from canary_cli.steps.latching import operator
from canary_cli.steps.trading import acknowledgement, disable

if TYPE_CHECKING:
    from canary_cli.steps.positions import Exposure

PATIENCE = 2.0
"""Wall seconds for the exchange to say what is open."""


def run_disable(world: World, by: str, reason: str, *, as_json: bool) -> Result:
    """The latch first; then, side by side, who has seen it and what is still open."""
    by, reason = by or operator(), reason or "typed by hand"
    output.announce(world.account)
    latches = disable(world, by, reason)
    look = _Look(world)
    look.start()
    session = acknowledgement(world, by, reason)
    with suppress(OSError):  # the latch stands on disk whatever becomes of the journal
        world.close()
    look.join()
    if as_json:
        more = {"session": session, "open": look.document(), "silence": look.silence}
        output.print_document(view.document(world.account.name, latches, **more))
        return Result("DISABLED")
    output.line(f"Trading disabled on {world.account.name}", style="bold")
    output.line(f"session {session} has acknowledged" if session else _nobody(world))
    look.show()
    return Result("DISABLED")


def _nobody(world: World) -> str:
    """A session that hangs sends no orders, but nor does it close any, and it may wake up."""
    with suppress(OSError):
        beat = read_beat(world.account.state_dir)
        if beat is not None and not beat.ended and is_alive(beat.pid):
            return f"session {beat.run_id} (process {beat.pid}) HAS NOT ACKNOWLEDGED: it may hang; the latch stands"
    return "no running session acknowledged"


class _Look(threading.Thread):
    """Asks the exchange what is open; `silence` says why that is not known."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._exposure: Exposure | None = None
        self.silence = ""

    def run(self) -> None:
        try:
            self._exposure = self._ask()
        except CanaryError as error:
            self.silence = error.message
        except Exception as error:  # a bug in looking must not look like a bug in stopping
            self.silence = repr(error)

    def _ask(self) -> "Exposure":
        account = self._world.account
        knock(account.rest_url, PATIENCE)
        from canary_cli.core.binance.glance import glance
        from canary_cli.steps.positions import exposure

        return exposure(glance(account, self._world.clock, PATIENCE))

    def document(self) -> object:
        if self._exposure is None:
            return None
        from canary_cli.render import positions

        return positions.document(self._world.account.name, self._exposure)

    def show(self) -> None:
        """On stdout what is open, and on stderr the command that closes it."""
        name = self._world.account.name
        if self._exposure is None:
            output.line(f"what is still open is not known: {self.silence}", style="bold red")
        else:
            from canary_cli.render import positions

            positions.show(name, self._exposure)
        if self._exposure is None or self._exposure.positions:
            output.notice(f"flatten: canary close-all --account {name}")
