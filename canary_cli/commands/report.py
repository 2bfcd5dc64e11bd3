"""`canary report`"""

from typing import Annotated

import typer

from canary_cli.commands import options
from canary_cli.errors import DONE, Result


def command(
    run: Annotated[str, typer.Option(help="The run to report on. Default: the newest.")] = "",
    commit: Annotated[bool, typer.Option("--commit", help="Commit the report's folder to git; never pushes.")] = False,
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Write a run's completion report, its charts and its baseline again, from the journal alone."""
    from canary_cli.accounts import choose_account, find_home
    from canary_cli.render import output
    from canary_cli.steps.report import write_report

    chosen = choose_account(account, find_home())
    output.announce(chosen)
    written = write_report(chosen, run, commit=commit)
    if as_json:
        output.print_document({"report": written, "exit_code": 0})
        return DONE
    output.line(f"{written.verdict}: {written.sentence}")
    output.line(str(written.path))
    if written.commit:
        output.notice(f"commit {written.commit}")
    return DONE
