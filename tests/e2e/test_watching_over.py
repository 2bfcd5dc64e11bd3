"""The control API and the watchdog, as processes of their own beside a run that lives and one that was killed."""

import json
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection

import pytest

from tests.e2e.house import House, wait_until

TOKEN = "a-token-of-the-test"


@pytest.fixture
def port(house: House) -> int:
    """A free port for the control API, which every verb of this home is told."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    house.environment |= {"API_TOKEN": TOKEN, "API_PORT": str(found)}
    house.linger()
    return found


def curl(port: int, what: str, token: str = TOKEN) -> tuple[int, str]:
    """The procedure's own line, with its port."""
    line = (
        "curl -s -o - -w ' %{http_code}' -X POST http://localhost:"
        f'{port}/api/trading/{what} --header "Authorization: Bearer $API_TOKEN"'
    )
    told = subprocess.run(
        ["bash", "-c", line], env={"API_TOKEN": token, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
        timeout=30, check=True,
    )  # fmt: skip
    body, _, code = told.stdout.rpartition(" ")
    return int(code), body


def status(port: int) -> dict[str, object] | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/trading/status", headers={"Authorization": f"Bearer {TOKEN}"})
        told: dict[str, object] = json.loads(connection.getresponse().read())
        return told
    except OSError:
        return None
    finally:
        connection.close()


def is_served_by(port: int, whom: str) -> bool:
    told = status(port)
    return told is not None and str(told["served_by"]).startswith(whom)


def test_the_procedures_curl_line_stops_a_running_session_at_once(house: House, port: int) -> None:
    run = house.rehearse()
    house.open_positions()
    assert curl(port, "disable") == (200, "Trading disabled\n")
    answered = time.monotonic()
    wait_until(lambda: [e for e in house.journal("latch_set", source="control-api") if e.run_id], "acknowledgement")
    took = time.monotonic() - answered
    sys.stdout.write(f"the session has written down the latch {1000 * took:.0f} ms after the answer\n")
    assert took < 2, "the session looks at the latch when it is set, not when it comes by"
    told = status(port)
    assert told is not None and (told["trading"], told["account"]) == (False, house.account)
    assert curl(port, "disable")[0] == 200
    run.send(signal.SIGTERM)
    assert run.wait().code == 143


def test_a_killed_run_is_closed_by_the_watchdog_which_serves_its_port_meanwhile(house: House, port: int) -> None:
    run = house.rehearse()
    house.open_positions()
    watchdog = house.begin("watchdog", "--account", house.account, "--dead-after", "5")
    wait_until(lambda: "is alive" in watchdog.out, "a first look")
    assert is_served_by(port, "run")
    run.kill()
    wait_until(lambda: "is closing" in watchdog.out, "a closing")
    watchdog.kill()  # the watchdog dies in the middle of it, and systemd starts it again
    again = house.begin("watchdog", "--account", house.account, "--dead-after", "5")
    wait_until(house.is_flat, "a flat account")
    wait_until(lambda: is_served_by(port, "watchdog"), "the watchdog's own port")
    told = status(port)
    assert told is not None and told["trading"] is False
    again.send(signal.SIGTERM)
    assert again.wait().code == 143


def test_where_no_run_lives_the_watchdog_stops_trading_however_many_guess_the_token(house: House, port: int) -> None:
    (house.home / "accounts.toml").write_text('[desk]\nkind = "paper"\nport = 9\n')
    watchdog = house.begin("watchdog")
    wait_until(lambda: is_served_by(port, "watchdog"), "the watchdog's own port")
    guesses = [curl(port, "disable", "a-guess")[0] for _ in range(6)]
    assert guesses == [401] * 5 + [429]
    latched = house.home / ".canary" / "desk" / "latch.json"
    assert not latched.exists()
    assert curl(port, "disable") == (200, "Trading disabled\n")
    assert "control-api" in latched.read_text()
    said = house.canary("trading", "status")
    assert "control-api" in said.out, said
    watchdog.send(signal.SIGTERM)
    assert watchdog.wait().code == 143


def test_a_planned_stop_keeps_its_positions_and_its_stops(house: House, port: int) -> None:
    run = house.rehearse()
    house.open_positions()
    run.send(signal.SIGTERM)
    assert run.wait().code == 143
    once = house.canary("watchdog", "--account", house.account, "--dead-after", "5", "--once")
    assert (once.code, once.err.splitlines()[-1]) == (0, "RESULT ABSENT exit=0")
    assert "ended: TERMINATED; watching" in once.out
    assert house.status()["positions"]
