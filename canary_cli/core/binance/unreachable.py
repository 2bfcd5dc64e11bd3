"""Why a question to the exchange has no answer, said to people."""

from canary_cli.core.trading.replies import Failed, Rejected, Throttled, Unknown
from canary_cli.errors import ExchangeUnreachable


class ReadsThrottled(ExchangeUnreachable):
    """The budget left this minute is kept for exits, or the exchange asked for quiet."""

    slug = "throttled"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, f"wait {retry_after:.0f} s; exits still pass unless the address is banned")
        self.retry_after = retry_after


class KeyRefused(ExchangeUnreachable):
    slug = "key-refused"


_KEY_CODES = frozenset({-1002, -1022, -2008, -2014, -2015})


def unreachable(where: str, reply: Rejected | Failed | Throttled | Unknown) -> ExchangeUnreachable:
    match reply:
        case Throttled(seconds, banned):
            what = "has banned this address" if banned else "asks for quiet"
            return ReadsThrottled(f"{where} {what} for {seconds:.0f} s", seconds)
        case Rejected(code, message) if code in _KEY_CODES:
            return KeyRefused(f"{where} refuses the key: {message} ({code})", "check key, secret and allowed addresses")
        case Failed(0, reason):
            return ExchangeUnreachable(f"{where}: {reason}", "does it run? a paper exchange: canary paper serve")
        case Rejected(code, message) | Failed(code, message):
            return ExchangeUnreachable(f"{where} answered {code}: {message}")
        case Unknown(reason):
            return ExchangeUnreachable(f"{where}: {reason}")
