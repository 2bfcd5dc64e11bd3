"""Who asks, and may he: API keys, signatures (HMAC, RSA, Ed25519) over the bytes as received, and the timing rule."""

import hmac
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from urllib.parse import unquote

from canary_cli.paper import problems

KEY_FORMAT = re.compile(r"^[A-Za-z0-9_-]{16,128}$")
_SIGNATURE = re.compile(rb"(?:^|&)signature=([^&]*)")
_CUT = re.compile(rb"^signature=[^&]*&?|&signature=[^&]*")
DEFAULT_WINDOW, LARGEST_WINDOW, AHEAD = 5000, 60_000, 1000  # milliseconds


class Security(StrEnum):
    """The security types of the documentation."""

    NONE = "NONE"
    MARKET_DATA = "MARKET_DATA"
    USER_STREAM = "USER_STREAM"
    TRADE = "TRADE"
    USER_DATA = "USER_DATA"

    @property
    def needs_key(self) -> bool:
        return self is not Security.NONE

    @property
    def is_signed(self) -> bool:
        return self in (Security.TRADE, Security.USER_DATA)


@dataclass(frozen=True, slots=True)
class Key:
    """An API key. `secret` is the HMAC secret; a PEM public key makes it an RSA or Ed25519 key.

    `addresses` are those it may be used from; none means any.
    """

    name: str
    secret: str = ""
    public_pem: str = ""
    can_trade: bool = True
    can_withdraw: bool = False
    ip_restricted: bool = True
    addresses: frozenset[str] = frozenset()
    created: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __repr__(self) -> str:
        return f"Key({self.name[:4]}…)"

    def verifies(self, payload: bytes, signature: str) -> bool:
        if not self.public_pem:
            expected = hmac.new(self.secret.encode(), payload, sha256).hexdigest()
            return hmac.compare_digest(expected.encode(), signature.lower().encode())
        try:
            raw = b64decode(unquote(signature).replace(" ", "+"), validate=True)
        except ValueError:
            return False
        return _verifier(self.public_pem)(payload, raw)

    @property
    def is_ed25519(self) -> bool:
        return bool(self.public_pem) and not _is_rsa(self.public_pem)


def _is_rsa(pem: str) -> bool:
    from Crypto.PublicKey import RSA

    try:
        RSA.import_key(pem)
    except (ValueError, IndexError, TypeError):
        return False
    return True


def _verifier(pem: str) -> Callable[[bytes, bytes], bool]:
    """RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519 over the payload itself."""
    from Crypto.Hash import SHA256
    from Crypto.PublicKey import ECC, RSA
    from Crypto.Signature import eddsa, pkcs1_15

    def rsa(payload: bytes, signature: bytes) -> bool:
        try:
            pkcs1_15.new(RSA.import_key(pem)).verify(SHA256.new(payload), signature)
        except ValueError:
            return False
        return True

    def ed25519(payload: bytes, signature: bytes) -> bool:
        try:
            eddsa.new(ECC.import_key(pem), "rfc8032").verify(payload, signature)
        except ValueError:
            return False
        return True

    return rsa if _is_rsa(pem) else ed25519


class Keys:
    """The keys of the one account."""

    def __init__(self, *keys: Key) -> None:
        self._keys = {key.name: key for key in keys}

    def add(self, key: Key) -> None:
        self._keys[key.name] = key

    def revoke(self, name: str) -> None:
        self._keys.pop(name, None)

    def find(self, name: str | None, address: str) -> Key:
        """Raises -2014 for what cannot be a key, -2015 for one that is not known, or not at this address."""
        if not name or not KEY_FORMAT.match(name):
            raise problems.malformed_key()
        key = self._keys.get(name)
        if key is None or (key.addresses and address not in key.addresses):
            raise problems.unknown_key(address)
        return key


def split_signature(query: bytes, body: bytes) -> tuple[bytes, str]:
    """The signed payload (query and body, nothing in between, without `signature`) and the signature."""
    found = [*_SIGNATURE.findall(query), *_SIGNATURE.findall(body)]
    payload = b"".join(_CUT.sub(b"", raw) for raw in (query, body))
    return payload, found[0].decode("latin-1") if found else ""


def check_time(timestamp: int, window: int | None, server_ms: int) -> None:
    """Accepted iff timestamp < server + 1000 and server - timestamp <= recvWindow; milliseconds of wall time."""
    allowed = DEFAULT_WINDOW if window is None else window
    if allowed > LARGEST_WINDOW:
        raise problems.bad_data("recvWindow")
    if timestamp >= server_ms + AHEAD:
        raise problems.ahead_of_server()
    if server_ms - timestamp > allowed:
        raise problems.outside_recv_window()
