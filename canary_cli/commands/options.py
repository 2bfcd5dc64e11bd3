"""Options that many verbs share, spelled once."""

from typing import Annotated

import typer

Account = Annotated[
    str | None, typer.Option("--account", help="Account to act on (default: CANARY_ACCOUNT, or the only one there is).")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout instead of text.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
