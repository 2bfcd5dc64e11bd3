"""Seeded randomness that depends on what is asked, never on the order of asking."""

from zlib import crc32

import numpy as np

_MASK = (1 << 64) - 1


def generator(seed: int, *key: int | str) -> np.random.Generator:
    """The generator of one purpose, as (seed, pair, day): the same key gives the same numbers, whoever asked before."""
    words = [crc32(part.encode()) if isinstance(part, str) else part & _MASK for part in key]
    return np.random.Generator(np.random.PCG64([seed & _MASK, *words]))


def mixed(number: int) -> int:
    """64 well-mixed bits of a whole number (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ number >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ number >> 27) * 0x94D049BB133111EB) & _MASK
    return number ^ number >> 31


def uniform(number: int) -> float:
    """A number in (0, 1) that depends on `number` alone."""
    return (mixed(number) + 1) / (_MASK + 2)
