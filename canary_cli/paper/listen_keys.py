"""Listen keys: one active key an account, valid for 60 minutes of wall time from its last use."""

from dataclasses import dataclass
from random import Random
from string import ascii_letters, digits

from canary_cli.paper import problems

VALID_SECONDS = 3600


@dataclass(slots=True)
class ListenKeys:
    rng: Random
    key: str = ""
    expires: float = 0.0

    def start(self, now: float) -> str:
        """The active key, 60 more minutes valid, or a new one. `now` is monotonic seconds."""
        if not self.is_valid(self.key, now):
            self.key = "".join(self.rng.choices(ascii_letters + digits, k=64))
        self.expires = now + VALID_SECONDS
        return self.key

    def extend(self, now: float, key: str | None = None) -> str:
        if not self.is_valid(key or self.key, now):
            raise problems.listen_key_gone()
        return self.start(now)

    def close(self) -> None:
        self.key = ""

    def is_valid(self, key: str, now: float) -> bool:
        return bool(key) and key == self.key and now < self.expires

    def expire_all(self) -> list[str]:
        """Forget the active key; returns the keys that ended."""
        gone, self.key = [self.key] if self.key else [], ""
        return gone

    def due(self, now: float) -> bool:
        return bool(self.key) and now >= self.expires
