"""`canary` and `python -m canary_cli`."""

import gc
import os
import sys

from canary_cli import __version__

COLLECTED_EVERY = 50_000
"""Objects made before the collector looks for garbage: loading libraries makes many and hardly any is garbage."""


NOT_WRITTEN = 74
"""`ExitCode.NOT_WRITTEN`, which is not loaded for one line."""


def main() -> None:
    """Answer `--version` before anything heavy is imported; all else goes through `app`.

    Ctrl-C is no traceback, whatever is being loaded; once the verb has ended, it changes no ending.
    """
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = _interrupted(sys.argv[1:])
    _let_end(code)
    gc.freeze()  # Python looks through everything once more before it ends: of what goes anyway nothing need be found
    sys.exit(code)


def _run(argv: list[str]) -> int:
    from canary_cli.telling import hush, open_missing_streams

    open_missing_streams()
    if argv == ["--version"]:
        try:
            sys.stdout.write(f"canary {__version__}\n")
            sys.stdout.flush()
        except OSError:
            hush()
            return NOT_WRITTEN
        return 0
    gc.set_threshold(COLLECTED_EVERY)
    from canary_cli.app import run

    return run(argv)


def _interrupted(argv: list[str]) -> int:
    """Ctrl-C before `app` was there to hear it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from canary_cli.app import interrupted

    return interrupted(argv)


def _let_end(code: int) -> None:
    import signal

    signal.signal(signal.SIGINT, lambda *_: os._exit(code))


if __name__ == "__main__":
    main()
