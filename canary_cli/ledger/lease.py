"""One writer per account: a lease row, changed by compare-and-set, whose token only ever grows.

The token is a fence (Kleppmann, "How to do distributed locking"): it goes into the client order ids, so what a holder
sends after it lost the lease can be told from what its successor sends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from canary_cli.errors import LeaseHeld
from canary_cli.ledger.tables import leases


@dataclass(frozen=True, slots=True)
class Lease:
    account: str
    holder: str
    token: int
    expires: datetime


def read_lease(connection: Connection, account: str) -> Lease | None:
    row = connection.execute(select(leases).where(leases.c.account == account)).mappings().first()
    return Lease(**row) if row else None


def acquire(engine: Engine, now: Callable[[], datetime], account: str, holder: str, ttl: timedelta) -> Lease:
    """Take the lease, with a new token. Raises LeaseHeld while another holder's has not expired."""
    wanted = Lease(account, holder, 1, now() + ttl)
    try:
        with engine.begin() as connection:
            held = read_lease(connection, account)
            if held is None:
                connection.execute(leases.insert().values(**_row(wanted)))
                return wanted
    except IntegrityError:
        raise LeaseHeld(f"another process took the lease of {account} just now", "canary status") from None
    if held.holder not in ("", holder) and held.expires > now():
        raise LeaseHeld(
            f"{held.holder} holds the lease of {account} until {held.expires:%H:%M:%S} UTC",
            "stop that run, or wait until its lease expires",
        )
    wanted = Lease(account, holder, held.token + 1, now() + ttl)
    _compare_and_set(engine, held, wanted)
    return wanted


def renew(engine: Engine, now: Callable[[], datetime], lease: Lease, ttl: timedelta) -> Lease:
    """Hold on. Raises LeaseHeld where another process has taken it over: whoever renews must then stop writing."""
    longer = Lease(lease.account, lease.holder, lease.token, now() + ttl)
    _compare_and_set(engine, lease, longer)
    return longer


def release(engine: Engine, now: Callable[[], datetime], lease: Lease) -> None:
    """Let go; the token stays, so that it never repeats. Raises LeaseHeld where it was no longer ours."""
    _compare_and_set(engine, lease, Lease(lease.account, "", lease.token, now()))


def _compare_and_set(engine: Engine, held: Lease, wanted: Lease) -> None:
    """Replace the row only while it is still `held`'s: same token, same holder."""
    ours = (leases.c.account == held.account) & (leases.c.token == held.token) & (leases.c.holder == held.holder)
    with engine.execution_options(writes=True).begin() as connection:
        if connection.execute(leases.update().where(ours).values(**_row(wanted))).rowcount != 1:
            raise LeaseHeld(f"another process has taken the lease of {held.account}", "canary status")


def _row(lease: Lease) -> dict[str, object]:
    return {"account": lease.account, "holder": lease.holder, "token": lease.token, "expires": lease.expires}
