"""`canary trading disable` and `canary stop` in their plain form, read without Typer: stopping waits for no library."""

from canary_cli.bootstrap import open_world
from canary_cli.errors import Result
from canary_cli.steps.disabling import run_disable

FLAGS = ("--account", "--by", "--reason")


def stop_at_once(words: list[str]) -> Result | None:
    """None where the words are anything but `FLAGS`, each at most once with a value of its own: Typer reads those."""
    told = dict(zip(words[::2], words[1::2], strict=False))
    plain = len(words) == 2 * len(told) and all(
        flag in FLAGS and not value.startswith("-") for flag, value in told.items()
    )
    if not plain:
        return None
    world = open_world(told.get("--account"), keyless=True)
    return run_disable(world, told.get("--by", ""), told.get("--reason", ""), as_json=False)
