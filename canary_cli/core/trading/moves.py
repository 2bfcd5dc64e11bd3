"""Money that moved without a trade: counted once, however often and in whatever order it is told."""

from datetime import timedelta

from canary_cli.core.model import AccountSnapshot
from canary_cli.core.trading.facts import WalletMoved
from canary_cli.core.trading.state import Session

TOGETHER = timedelta(seconds=5)
"""What changes the wallet by as much to the same balance within this is one move, by whichever way it was told."""


def is_told(state: Session, moved: WalletMoved) -> bool:
    return any(
        (known.change, known.wallet) == (moved.change, moved.wallet) and abs(known.time - moved.time) <= TOGETHER
        for known in state.moves
    )


def is_overtaken(state: Session, snapshot: AccountSnapshot) -> bool:
    """Whether the user stream has said something since the account was asked for: then that is the newer word."""
    return state.told is not None and state.told > snapshot.time
