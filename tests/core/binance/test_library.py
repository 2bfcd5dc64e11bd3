"""What python-binance loads beside the client we use stands aside, and is there when somebody wants it."""

import subprocess
import sys

STORY = """
import sys
from canary_cli.core.binance import library
put_off = [name for name in library._PUT_OFF if name in sys.modules]
import binance.helpers
from binance import Client
from requests import Session
from Crypto.PublicKey import RSA
client = Client("key", "secret", ping=False)
print(put_off, binance.helpers.date_to_milliseconds("January 1, 2018"), isinstance(client.session, Session))
print(binance.base_client.RSA.import_key is RSA.import_key)
"""


def test_it_is_loaded_without_what_it_puts_off_and_whole_all_the_same() -> None:
    told = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True, check=True, timeout=30)
    assert told.stdout.splitlines() == ["[] 1514764800000 True", "True"]
