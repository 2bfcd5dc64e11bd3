"""Keeps the screen and the published view of a run up to date."""

from contextlib import suppress

from canary_cli.core.policy.gates import CheckResult
from canary_cli.journal.record import Record
from canary_cli.session.view_codec import publish, view_file
from canary_cli.steps.gating import live_checks
from canary_cli.steps.run import Run
from canary_cli.steps.screen import Screen
from canary_cli.steps.viewing import view

EVERY = 0.5
"""Wall seconds between two pictures."""


class Watch:
    """Shows the run now and then, and tells every record to the screen."""

    def __init__(self, run: Run, screen: Screen) -> None:
        self._run = run
        self._screen = screen
        self._shown = 0.0
        run.on_wake = self.show

    def on_record(self, record: Record) -> None:
        self._screen.tell(record)

    def show(self, *, last: bool = False) -> None:
        now = self._run.world.clock.monotonic()
        if now - self._shown < EVERY and not last:
            return
        self._shown = now
        picture = view(self._run, self._checks(), next_command(self._run))
        self._screen.show(picture)
        with suppress(OSError):
            publish(picture, self._run.world.account.state_dir)

    def _checks(self) -> tuple[CheckResult, ...]:
        """As they stand; once the run has ended, as its gate judged them."""
        phase = self._run.session.state.phase if self._run.has_session else None
        if phase is None:
            return ()
        verdict = self._run.progress.verdicts.get(phase.number) if self._run.progress.ended else None
        return (verdict.checks if verdict else ()) or live_checks(self._run, phase)

    def close(self) -> None:
        """The last picture, and no published one: a run that has ended must not look as if it were running."""
        self.show(last=True)
        with suppress(OSError):
            view_file(self._run.world.account.state_dir).unlink(missing_ok=True)


def next_command(run: Run) -> str:
    """What an operator would paste now, whole."""
    account = run.world.account.name
    if run.progress.ended:
        return run.progress.next_command
    if run.stop.done() or (run.has_session and run.session.state.latches):
        return f"canary status --account {account}"
    return f"canary close-all --account {account}"
