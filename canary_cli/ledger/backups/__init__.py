"""Backups of the ledger: made consistently, proved by a manifest, restored beside the live tables, then swapped in."""
