"""Deterministic simulation: the deciders of a session and the paper exchange's engine in one process, in virtual time.

No socket, disk, thread or wall clock: the same seed gives the same journal, byte for byte.
"""

from canary_cli.session.simulate.invariants import Breach
from canary_cli.session.simulate.world import Simulation, Story, World, simulate

__all__ = ["Breach", "Simulation", "Story", "World", "simulate"]
