"""`canary` and `python -m canary_cli`."""

import gc
import sys

from canary_cli import __version__
from canary_cli.telling import open_missing_streams

COLLECTED_EVERY = 50_000
"""Objects made before the collector looks for garbage: loading libraries makes many and hardly any is garbage."""


def main() -> None:
    """Answer `--version` before anything heavy is imported; all else goes through `app`."""
    open_missing_streams()
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"canary {__version__}\n")
        return
    gc.set_threshold(COLLECTED_EVERY)
    from canary_cli.app import run

    code = run(sys.argv[1:])
    gc.freeze()  # Python looks through everything once more before it ends: of what goes anyway nothing need be found
    sys.exit(code)


if __name__ == "__main__":
    main()
