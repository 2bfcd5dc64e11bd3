"""`canary postmortem`"""

from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import DONE, Result


def command(
    incident: Annotated[str, typer.Option(help="Incident, such as CB-2026-0222-001. Default: the newest.")] = "",
    run: Annotated[str, typer.Option(help="The run it is about, where nobody opened an incident.")] = "",
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit exactly this document to git; never pushes.")
    ] = False,
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Write the incident's post-mortem from the journal; what only people know is left to fill in.

    Typed again it is written anew, until somebody has edited it: then it is kept as it is.
    """
    from canary_cli.accounts import choose_account, find_home
    from canary_cli.render import output
    from canary_cli.steps.postmortem import write_postmortem

    chosen = choose_account(account, find_home())
    output.announce(chosen)
    written = write_postmortem(chosen, incident, run, commit=commit)
    if as_json:
        output.print_document({"postmortem": written, "exit_code": 0})
        return DONE
    output.line(str(written.path))
    output.notice(f"{written.incident}, run {written.run_id}" + (": edited by hand, kept" if written.kept else ""))
    if written.commit:
        output.notice(f"commit {written.commit}")
    else:
        output.notice(f"next:  fill in what is in [brackets], then canary postmortem --account {chosen.name} --commit")
    return DONE
