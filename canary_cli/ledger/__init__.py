"""The ledger: the journal projected into tables that can be asked."""

from canary_cli.ledger.lease import Lease
from canary_cli.ledger.ledger import Ledger
from canary_cli.ledger.writer import LedgerWriter

__all__ = ["Lease", "Ledger", "LedgerWriter"]
