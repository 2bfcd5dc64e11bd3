"""The three logs of a session over sockets: everything that was sent and said, and nothing that opens a door."""

from pathlib import Path

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET
from canary_cli.core.binance.resilient import ResilientExchange
from canary_cli.core.model import Side
from canary_cli.journal.text_logs import NAMES, TextLogs
from canary_cli.session.simulate.journal import MemoryJournal
from tests.faults.desk import a_desk
from tests.faults.trader import a_session


async def test_no_secret_of_a_session_reaches_its_logs_whatever_goes_wrong(tmp_path: Path) -> None:
    """Orders, refusals, lost replies, a stream that breaks, an alert that quotes what it must not."""
    async with a_desk(speed=10.0, home=tmp_path) as desk:
        logs = TextLogs(tmp_path / "logs", desk.clock.now, (PAPER_KEY, PAPER_SECRET))
        await desk.exchange.close()
        desk.exchange = ResilientExchange(desk.account, desk.clock, log=logs.on_request)
        await desk.exchange.connect()
        listen_key = await desk.exchange.listen_key()
        async with a_session(desk, MemoryJournal(desk.clock.now), tmp_path) as trader:
            scribe = trader.session._executor._scribe
            scribe.heard.append(logs.on_record)
            await trader.enter()
            trader.signal(side=Side.BUY)  # refused: open already
            desk.fault("lost_reply", on="^GET /fapi/v3/account$", lasting=20.0)
            desk.fault("close", on="private")
            await trader.until(lambda: trader.events("condition_set"), "the loss of the stream")
            quoted = f"wss://x/private/ws?listenKey={listen_key} {PAPER_KEY}:{PAPER_SECRET} signature=00ff"
            scribe.write("alert", data={}, reason=quoted)
            await trader.until(lambda: trader.events("risk_refused"), "the refusal")
        logs.close()
    told = {name: (tmp_path / "logs" / name).read_text() for name in NAMES}
    assert all(told.values())
    for secret in (PAPER_KEY, PAPER_SECRET, listen_key, "signature=00ff"):
        assert not [name for name, text in told.items() if secret in text]
    assert "timestamp=" not in told["binance_api.log"], "no parameters: among them are keys and signatures"
