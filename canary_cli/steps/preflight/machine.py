"""Checks of this machine: its environment, its disk, the code on it and the plan."""

import asyncio
import os
import platform
import shutil
from pathlib import Path

import canary_cli
from canary_cli.errors import ConfigurationError
from canary_cli.steps.preflight.finding import Finding, Measure, failed, judged, passed, skipped
from canary_cli.steps.preflight.scene import Scene

FREE_WARN_GIB, FREE_FAIL_GIB = 5.0, 1.0
HEURISTICS = "canary_cli/core/signals"
RUNNING = Path(canary_cli.__file__).resolve().parent


async def environment(scene: Scene) -> Finding:
    """Every variable is understood, and `.env` shows its secrets to its owner only."""
    named = [name.upper() for name in scene.world.settings.model_fields_set if name != "database_url"]
    env = scene.home / ".env"
    if env.exists() and env.stat().st_mode & 0o077:
        return failed(f"{env} can be read by others", f"chmod 600 {env}")
    return passed(
        f"Python {platform.python_version()}, home {scene.home}, set: {', '.join(sorted(named)) or 'nothing'}"
    )


async def disk(scene: Scene) -> Finding:
    free = shutil.disk_usage(scene.home).free / 2**30
    measure = Measure(round(free, 1), "GB", FREE_WARN_GIB, FREE_FAIL_GIB, low_is_bad=True)
    return judged(measure, f"{free:.1f} GiB free under {scene.home}", "free some space: the journal must never stop")


async def branch(scene: Scene) -> Finding:
    """What runs is what `main` says, with nothing beside it."""
    if scene.account.is_paper:
        return skipped("paper runs from any branch")
    name, commit = (
        await _git(scene, "rev-parse", "--abbrev-ref", "HEAD"),
        await _git(scene, "rev-parse", "--short", "HEAD"),
    )
    if name != "main":
        return failed(f"on branch {name} at {commit}", "git switch main")
    changed = await _git(scene, "status", "--porcelain")
    if changed:
        return failed(f"{len(changed.splitlines())} files differ from {commit}", "git status; commit or put them away")
    return passed(f"main at {commit}, clean")


async def heuristics(scene: Scene) -> Finding:
    """The signal code that runs is the one that is committed."""
    if scene.account.is_paper:
        return skipped("paper runs what is checked out")
    if scene.home / "canary_cli" != RUNNING:
        return failed(f"the running code is {RUNNING}, not the checkout", f"install from {scene.home}")
    commit = await _git(scene, "log", "-1", "--format=%h of %cs", "--", HEURISTICS)
    if not commit:
        return failed(f"{HEURISTICS} is in no commit", "commit it, have it reviewed, deploy it")
    return passed(f"{HEURISTICS} at {commit}")


async def signals(_: Scene) -> Finding:
    """A known vector of candles through both engines."""
    from canary_cli.core.signals import self_test

    tested = await asyncio.to_thread(self_test)
    return (
        passed(tested.detail) if tested.passed else failed(tested.detail, "install the versions of requirements.lock")
    )


async def plan(scene: Scene) -> Finding:
    """Reading a plan proves it whole: limits, times, gates, and what all stops filled would lose."""
    read = scene.plan
    return passed(f"{read.name}: {len(read.phases)} phases, {len(read.pairs)} pairs named, sha256 {read.sha256[:12]}")


async def _git(scene: Scene, *words: str) -> str:
    """What git printed. Raises ConfigurationError with its complaint."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git", *words, cwd=scene.home, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        )  # fmt: skip
    except FileNotFoundError:
        raise ConfigurationError("git is not installed", "apt-get install git") from None
    said, complaint = await process.communicate()
    if process.returncode:
        first = complaint.decode(errors="replace").strip().splitlines()[:1]
        raise ConfigurationError(
            f"git {words[0]}: {first[0] if first else 'failed'}", f"deploy a git checkout to {scene.home}"
        )
    return said.decode(errors="replace").strip()
