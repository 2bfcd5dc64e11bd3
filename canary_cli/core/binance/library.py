"""python-binance's AsyncClient, loaded without what only others of its clients need: a kill waits for every import.

Its package loads keys of other kinds (pycryptodome), a parser of human dates and a second HTTP client before it can be
used, a third of its time to load. Each stands aside here until something of it is wanted; then it is loaded as usual.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_PUT_OFF = (
    "dateparser",
    "requests",
    "Crypto.PublicKey.RSA",
    "Crypto.PublicKey.ECC",
    "Crypto.Hash.SHA256",
    "Crypto.Signature.pkcs1_15",
    "Crypto.Signature.eddsa",
)
_NAMED_IN_ANNOTATIONS = frozenset({"Session", "Response"})


class _Later(ModuleType):
    """Stands for a module, and loads it when something of it is wanted that is more than the name of a type."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            if name in _NAMED_IN_ANNOTATIONS:
                return Any
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


@contextmanager
def _put_off(*names: str) -> Iterator[None]:
    """Whoever else asks for these modules, once the block is left, is given the modules themselves."""
    standing_in = {name: _Later(name) for name in names if name not in sys.modules}
    sys.modules.update(standing_in)
    try:
        yield
    finally:
        for name, later in standing_in.items():
            if sys.modules.get(name) is later:
                del sys.modules[name]


with _put_off(*_PUT_OFF):
    from binance import AsyncClient
    from binance.exceptions import BinanceAPIException, BinanceRequestException

__all__ = ["AsyncClient", "BinanceAPIException", "BinanceRequestException"]
