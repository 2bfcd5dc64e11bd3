"""The front door: registers the verbs, each imported only when typed; every ending becomes a line and an exit code."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from canary_cli import telling
from canary_cli.errors import DONE, CanaryError, ExitCode, Interrupted, NotWritten, Result

if TYPE_CHECKING:
    import typer


@dataclass(frozen=True, slots=True)
class Verb:
    """`module` under `commands/` holds `command` (a function) or, for a group of verbs, `group` (a Typer app).

    `acts`: it stops, closes, trades or decides, so that whether anybody hears its words changes nothing.
    """

    name: str
    help: str
    module: str = ""
    is_group: bool = False
    acts: bool = False

    @property
    def path(self) -> str:
        return "canary_cli.commands." + (self.module or self.name.replace("-", "_"))


VERBS: tuple[Verb, ...] = (
    Verb("run", "Run the whole plan on its schedule, or rehearse it on a paper exchange.", acts=True),
    Verb("deploy", "Run one phase of the plan: gate 0, session, watch, gate, verdict.", acts=True),
    Verb("approve", "Say yes where a person must: to the start, the next size, a sign-off.", acts=True),
    Verb("rollback", "Stop, close, gather evidence, draft the post-mortem. Never asks.", acts=True),
    Verb("pnl", "What was won and lost since the deployment started, beside the exchange's own books."),
    Verb("plan", "Prove a plan whole, or show it with its clock times and what it may lose.", is_group=True),
    Verb("preflight", "Every go/no-go check at once, with what was seen and what to do about it.", acts=True),
    Verb("alert", "Say something to the team on Slack, and page who must wake up."),
    Verb("signals", "Why a bar gave a signal or not, how many there are, whether live equals batch.", is_group=True),
    Verb("close-all", "Close everything and stop trading: at once, verified flat. Never asks.", acts=True),
    Verb("flatten", "The same as close-all.", "close_all", acts=True),
    Verb("close", "Close one pair; the others trade on.", acts=True),
    Verb("trading", "Stop entries, allow them again, or say who stopped them.", is_group=True, acts=True),
    Verb("stop", "The same as trading disable.", "trading", acts=True),
    Verb("paper", "The paper exchange: Binance USD-M futures on loopback.", is_group=True),
    Verb("positions", "What is open, its stops and its risk, asked of the exchange now."),
    Verb("snapshot-db", "Back the ledger up, with a manifest that proves it."),
    Verb("restore-db", "Put a backup in the ledger's place, verified first; trading stays latched.", acts=True),
    Verb("verify-db", "Check the ledger: tables, invariants, journal, backup, exchange.", acts=True),
    Verb("backups", "The shelf of backups: list, verify, prune.", is_group=True),
    Verb("postmortem", "Write an incident's post-mortem from the journal."),
    Verb("report", "Write a run's completion report, charts and baseline from the journal."),
    Verb("watchdog", "Close what a dead session left open; a process of its own.", acts=True),
    Verb(
        "incidents", "What went wrong and is not closed: age, who must be told, what may follow; close one.", acts=True
    ),
    Verb("ack", "Say that somebody has seen an incident.", acts=True),
    Verb("keep", "Decide against a rollback while its decision clock runs.", acts=True),
    Verb("capture-logs", "The last 500 lines of the three logs, masked, into evidence.", acts=True),
    Verb("status", "How things stand: exchange, session, latch, journal, ledger, each with its age."),
    Verb("why", "Why nothing trades."),
    Verb("monitor", "Watch the running session from another terminal."),
)


CLOSING = ("close-all", "flatten", "close", "rollback")

RESULT_LINE = "RESULT {0.word} exit={0.code:d}\n"


def build(argv: Sequence[str]) -> "typer.Typer":
    """The Typer app with the typed verb in full and all others as a name and a line of help."""
    import typer

    app = typer.Typer(
        name="canary",
        help="Takes a trading strategy live in gated steps, and off again in minutes, with evidence.",
        epilog="Stop everything: canary close-all. Stop entries: canary trading disable. Codes: docs/exit-codes.md.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for verb in VERBS:
        _register(app, verb, full=verb.name == _typed(argv) or "_CANARY_COMPLETE" in os.environ)
    return app


def _typed(argv: Sequence[str]) -> str:
    return next((word for word in argv if not word.startswith("-")), "")


def _root() -> None:
    """Keeps `canary` a group of verbs, however few are registered."""


def _register(app: "typer.Typer", verb: Verb, *, full: bool) -> None:
    if not full:
        app.command(verb.name, help=verb.help)(_unloaded)
        return
    module = import_module(verb.path)
    if verb.is_group:
        app.add_typer(module.group, name=verb.name, help=verb.help, no_args_is_help=False)
    else:
        app.command(verb.name, help=module.command.__doc__)(module.command)


def _unloaded() -> None:
    """Stands for a verb that was not typed."""


def run(argv: Sequence[str]) -> int:
    """Run one verb; returns the exit code after printing `RESULT WORD exit=N` as the last line on stderr.

    No words at all ask for help.
    """
    argv = _without_secrets([telling.legible(word) for word in argv]) or ["--help"]
    acts = any(verb.acts for verb in VERBS if verb.name == _typed(argv))
    with telling.apart() if acts else telling.aloud():
        result = _result(argv)
        if _deserves_result_line(argv):
            sys.stderr.write(RESULT_LINE.format(result))
    return int(result.code)


def _without_secrets(argv: list[str]) -> list[str]:
    """A reason is kept in journal, latch, ledger and reports: a secret that was pasted into it is not."""
    if not any(word.startswith("--reason") for word in argv):
        return argv
    from canary_cli.journal.crash import mask

    before = ["", *argv]
    return [
        mask(word) if "--reason" in (option, word[:8]) else word for option, word in zip(before, argv, strict=False)
    ]


def _result(argv: list[str]) -> Result:
    result = DONE
    try:
        result = _ending(argv)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # Typer turns a reader that left into SystemExit(1)
        telling.hush()
    except telling.Unwritten as why:
        telling.hush()
        elsewhere = "write it elsewhere, or make room and type it again"
        result = _explain(NotWritten(f"the answer was not written whole: {why}", elsewhere), argv)
    return result


def _ending(argv: list[str]) -> Result:
    try:
        return _at_once(argv) or _by_typer(argv)
    except (telling.Unwritten, BrokenPipeError):
        raise
    except CanaryError as error:
        return _explain(error, argv)
    except KeyboardInterrupt:
        return _cut(argv)
    except Exception as error:
        return _bug(error, as_json="--json" in argv)


def _cut(argv: list[str]) -> Result:
    """Ctrl-C that the verb itself did not hear. One that closes hears it from before its first deed on."""
    if _typed(argv) in CLOSING:
        nothing = "interrupted before anything was sent: this command has closed nothing and latched nothing"
        return _explain(Interrupted(nothing, "canary positions tells what is open; canary close-all closes it"), argv)
    if _typed(argv) in ("trading", "stop"):
        unknown = "interrupted: whether entries are stopped is not known"
        return _explain(Interrupted(unknown, "canary trading status"), argv)
    return Result("INTERRUPTED", ExitCode.INTERRUPTED)


def interrupted(argv: list[str]) -> int:
    """Ctrl-C before `run` was there to hear it: says what it would have said."""
    result = _cut(argv)
    sys.stderr.write(RESULT_LINE.format(result))
    return int(result.code)


def _at_once(argv: list[str]) -> Result | None:
    """The verbs that stop and close in their plain form, without the time Typer takes to load; None: Typer reads."""
    if argv[0] not in ("trading", "stop", "close-all", "flatten"):
        return None
    from canary_cli.commands.at_once import at_once

    return at_once(argv)


def _by_typer(argv: list[str]) -> Result:
    import typer

    try:
        return _ended(build(argv)(args=argv, prog_name="canary", standalone_mode=False))
    except typer.TyperException as error:  # a usage error found by Typer itself
        raise _usage(error) from None
    except typer.Abort:
        raise KeyboardInterrupt from None


def _ended(outcome: object) -> Result:
    """Typer answers Ctrl-C and `--help` with a bare exit code in place of the verb's own result."""
    if isinstance(outcome, int) and outcome:
        return Result(ExitCode(outcome).name, ExitCode(outcome))
    return outcome if isinstance(outcome, Result) else DONE


def _deserves_result_line(argv: Sequence[str]) -> bool:
    return not {"--help", "-h", "--show-completion", "--install-completion"} & set(argv)


def _explain(error: CanaryError, argv: list[str]) -> Result:
    """Whoever chose an account by flag must not find another one closed by what they are told to paste."""
    result = Result(error.slug.upper().replace("-", "_"), error.exit_code)
    account = _account(argv)
    hint = _on(account, error.hint)
    if "--json" in argv:
        _print_error(result, error.slug, error.message, hint)
    sys.stderr.write(f"error: {error.message}\n")
    if hint:
        sys.stderr.write(f"next:  {hint}\n")
    return result


def _on(account: str, hint: str) -> str:
    if not account:
        return hint
    from canary_cli.accounts import on_account

    return on_account(hint, account)


def _account(argv: list[str]) -> str:
    """The account that was chosen by flag, else nothing."""
    told = (word.partition("=")[2] for word in argv if word.startswith("--account="))
    after = (value for word, value in pairwise(argv) if word == "--account")
    return next(chain(told, after), "")


def _print_error(result: Result, slug: str, message: str, hint: str) -> None:
    """The one document of a verb that came to nothing."""
    import json

    error = {"slug": slug, "message": message, "hint": hint}
    document = {"schema_version": 1, "result": result.word, "error": error, "exit_code": int(result.code)}
    try:
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
    except (telling.Unwritten, BrokenPipeError):  # stderr has it too
        telling.hush()


def _usage(error: "typer.TyperException") -> CanaryError:
    from canary_cli.errors import UsageError

    message = error.format_message()
    if "requires an argument" in message:
        channel = (
            "; one that begins with # is a comment to the shell: quote it, '#name'" if "channel" in message else ""
        )
        return UsageError(message, f"give it a value{channel}")
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "canary"
    if "unexpected extra argument" in message and path in ("canary close-all", "canary flatten"):
        return UsageError(message, "everything: canary close-all; one pair: canary close PAIR; nothing was closed")
    return UsageError(message, f"{path} --help")


def _bug(error: Exception, *, as_json: bool) -> Result:
    """A bug is said in one line; its traceback goes to a file, masked."""
    import traceback

    from canary_cli.journal.crash import mask, write_crash_report

    text = "".join(traceback.format_exception(error))
    try:
        where = str(write_crash_report(text))
    except OSError:  # no disk takes it: then this is where it is kept
        sys.stderr.write(mask(text))
        where = "the lines above"
    result, message = Result("BUG", ExitCode.BUG), f"{type(error).__name__}: this is a bug in canary"
    if as_json:
        _print_error(result, "bug", message, f"report it with {where}")
    sys.stderr.write(f"error: {message}\nnext:  report it with {where}\n")
    return result
