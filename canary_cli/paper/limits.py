"""Request weight by address and order counts by account; 429 when exceeded, 418 for who goes on.

Minutes are of plan time, so that a client at speed N, which lives N minutes in one, is not turned away for it; what
a client is told to wait, and bans, are wall time.
"""

from dataclasses import dataclass, field

from canary_cli.paper import problems

ADDRESS = "127.0.0.1"  # the one address a loopback client has
WEIGHT_PER_MINUTE = 2400
ORDERS_PER_10S, ORDERS_PER_MINUTE = 300, 1200
FUNDING_REQUESTS = 500  # in five minutes, fundingRate and fundingInfo together, apart from the weight
STRIKES = 10  # requests after the first 429 that turn it into a ban
BAN_SECONDS = (120, 600, 3600, 86_400, 259_200)  # two minutes, growing to three days


@dataclass(slots=True)
class Window:
    """A counter that starts again every `seconds` of wall time."""

    seconds: float
    limit: int
    began: int = 0
    used: int = 0

    def add(self, amount: int, now: float) -> int:
        began = int(now / self.seconds)
        if began != self.began:
            self.began, self.used = began, 0
        self.used += amount
        return self.used

    def left(self, now: float) -> int:
        """Seconds until the window starts again, at least 1."""
        return max(1, int((int(now / self.seconds) + 1) * self.seconds - now) + 1)


@dataclass(slots=True)
class Visitor:
    weight: Window
    strikes: int = 0
    bans: int = 0
    banned_until: float = 0.0


@dataclass(slots=True)
class Limits:
    """Figures are those of USD-M futures: 2400 weight a minute and address, 300 orders in 10 s, 1200 a minute."""

    speed: float = 1.0
    visitors: dict[str, Visitor] = field(default_factory=dict)
    orders_10s: Window = field(init=False)
    orders_1m: Window = field(init=False)
    funding: Window = field(init=False)
    enforced: bool = True

    def __post_init__(self) -> None:
        self.orders_10s = Window(10 / self.speed, ORDERS_PER_10S)
        self.orders_1m = Window(60 / self.speed, ORDERS_PER_MINUTE)
        self.funding = Window(300 / self.speed, FUNDING_REQUESTS)

    def visitor(self, address: str) -> Visitor:
        if address not in self.visitors:
            self.visitors[address] = Visitor(Window(60 / self.speed, WEIGHT_PER_MINUTE))
        return self.visitors[address]

    def spend(self, address: str, weight: int, now: float) -> int:
        """Count a request; returns the weight used this minute. Raises `Problem` 429, then 418."""
        visitor = self.visitor(address)
        if visitor.banned_until > now:
            raise problems.banned(int(visitor.banned_until * 1000), int(visitor.banned_until - now) + 1)
        used = visitor.weight.add(weight, now)
        if not self.enforced or used <= visitor.weight.limit:
            visitor.strikes = 0
            return used
        visitor.strikes += 1
        if visitor.strikes > STRIKES:
            self.ban(address, BAN_SECONDS[min(visitor.bans, len(BAN_SECONDS) - 1)], now)
            raise problems.banned(int(visitor.banned_until * 1000), int(visitor.banned_until - now) + 1)
        raise problems.too_many_requests(visitor.weight.limit, visitor.weight.left(now))

    def ban(self, address: str, seconds: float, now: float) -> None:
        visitor = self.visitor(address)
        visitor.strikes, visitor.bans, visitor.banned_until = 0, visitor.bans + 1, now + seconds

    def used(self, address: str, now: float) -> int:
        return self.visitor(address).weight.add(0, now)

    def spend_orders(self, per_10s: int, per_minute: int, now: float) -> None:
        """Count order requests of the account. Raises -1015."""
        ten, minute = self.orders_10s.add(per_10s, now), self.orders_1m.add(per_minute, now)
        if not self.enforced:
            return
        if ten > self.orders_10s.limit:
            raise problems.too_many_orders(self.orders_10s.limit, "10 SECONDS", self.orders_10s.left(now))
        if minute > self.orders_1m.limit:
            raise problems.too_many_orders(self.orders_1m.limit, "MINUTE", self.orders_1m.left(now))

    def spend_funding(self, now: float) -> None:
        """Count a question about funding. Raises `Problem` 429."""
        if self.funding.add(1, now) > self.funding.limit and self.enforced:
            raise problems.too_many_requests(self.funding.limit, self.funding.left(now))

    def order_headers(self, now: float) -> dict[str, str]:
        return {
            "X-MBX-ORDER-COUNT-10S": str(self.orders_10s.add(0, now)),
            "X-MBX-ORDER-COUNT-1M": str(self.orders_1m.add(0, now)),
        }
