"""Every way `canary` can end, and the errors that carry message, hint and exit code to `app`, which prints them."""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """The contract with scripts. The value's word is printed as `RESULT WORD exit=N`."""

    DONE = 0
    BUG = 1
    USAGE = 2
    NO_GO = 3
    HUMAN_NEEDED = 4
    ROLLED_BACK = 5
    INCOMPLETE = 6
    EXCHANGE_UNREACHABLE = 7
    DATABASE_BAD = 8
    LEASE_HELD = 9
    REFUSED = 10
    NOT_WRITTEN = 74
    CONFIGURATION = 78
    DEADLINE = 124
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.DONE: "done, GO or PASS; also a rollback or close-all typed by hand that ended flat",
    ExitCode.BUG: "a bug: please report it with the log path printed",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.NO_GO: "the answer is NO-GO, or a gate failed",
    ExitCode.HUMAN_NEEDED: "a human is needed: inconclusive, awaiting approval, or postponed",
    ExitCode.ROLLED_BACK: "run or deploy rolled back, and flat was verified at the exchange",
    ExitCode.INCOMPLETE: "incomplete: exposure may remain; page somebody now",
    ExitCode.EXCHANGE_UNREACHABLE: "the exchange cannot be reached",
    ExitCode.DATABASE_BAD: "the database or a backup is bad or unreachable",
    ExitCode.LEASE_HELD: "another run holds the account's lease",
    ExitCode.REFUSED: "refused: latched, or a confirmation is missing",
    ExitCode.NOT_WRITTEN: "the answer could not be written: a full disk, a lost terminal",
    ExitCode.CONFIGURATION: "the configuration or the plan is wrong",
    ExitCode.DEADLINE: "the command's own deadline passed",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
    ExitCode.TERMINATED: "ended by SIGTERM",
}


class CanaryError(Exception):
    """A broken world, said plainly: `message` is what and where, `hint` is what to do next."""

    slug = "error"
    exit_code = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CanaryError):
    slug = "usage"
    exit_code = ExitCode.USAGE


class ConfigurationError(CanaryError):
    slug = "configuration"
    exit_code = ExitCode.CONFIGURATION


class PlanError(ConfigurationError):
    slug = "plan"


class ExchangeUnreachable(CanaryError):
    slug = "exchange-unreachable"
    exit_code = ExitCode.EXCHANGE_UNREACHABLE


class DatabaseError(CanaryError):
    slug = "database"
    exit_code = ExitCode.DATABASE_BAD


class DatabaseCorrupted(DatabaseError):
    """The server says that what it stored is damaged: a restore is due."""

    slug = "database-corrupted"


class BackupError(DatabaseError):
    slug = "backup"


class LeaseHeld(CanaryError):
    slug = "lease-held"
    exit_code = ExitCode.LEASE_HELD


class Refused(CanaryError):
    slug = "refused"
    exit_code = ExitCode.REFUSED


class Interrupted(CanaryError):
    slug = "interrupted"
    exit_code = ExitCode.INTERRUPTED


class NotWritten(CanaryError):
    """Stdout took no word more, so that what stands there is not the whole answer."""

    slug = "not-written"
    exit_code = ExitCode.NOT_WRITTEN


@dataclass(frozen=True, slots=True)
class Result:
    """How a verb ended: one word for people (`GO`, `FLAT`, `ROLLED_BACK`) and the code for scripts."""

    word: str
    code: ExitCode = ExitCode.DONE


DONE = Result("DONE")
