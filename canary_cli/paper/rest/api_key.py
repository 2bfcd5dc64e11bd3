"""What a key may do: trading status, order limits, permissions, listen keys."""

from datetime import timedelta

from canary_cli.paper.rest.endpoint import Call, by_symbol, endpoint
from canary_cli.paper.rest.exchange_info import RATE_LIMITS
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, ms

USER, STREAM = Security.USER_DATA, Security.USER_STREAM


@endpoint("GET", "/fapi/v1/apiTradingStatus", USER, by_symbol(1, 10))
def api_trading_status(call: Call) -> Json:
    indicators: Json = {}
    if call.state.locked:
        row = {
            "isLocked": True,
            "plannedRecoverTime": ms(call.state.now + timedelta(minutes=10)),
            "indicator": "TMV",
            "value": 1,
            "triggerValue": 0.5,
        }
        indicators = {"ACCOUNT": [row]}
    return {"indicators": indicators, "updateTime": ms(call.state.now)}


@endpoint("GET", "/fapi/v1/rateLimit/order", USER)
def order_rate_limit(_: Call) -> list[Json]:
    return [row for row in RATE_LIMITS if row["rateLimitType"] == "ORDERS"]


@endpoint("GET", "/sapi/v1/account/apiRestrictions", USER)
def api_restrictions(call: Call) -> Json:
    key = call.key
    assert key is not None
    return {
        "ipRestrict": key.ip_restricted,
        "createTime": ms(key.created),
        "enableReading": True,
        "enableWithdrawals": key.can_withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": key.can_trade,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": False,
        "enablePortfolioMarginTrading": False,
    }


@endpoint("POST", "/fapi/v1/listenKey", STREAM)
def start_listening(call: Call) -> Json:
    return {"listenKey": call.venue.listen_keys.start(call.venue.clock.monotonic())}


@endpoint("PUT", "/fapi/v1/listenKey", STREAM)
def keep_listening(call: Call) -> Json:
    return {"listenKey": call.venue.listen_keys.extend(call.venue.clock.monotonic(), call.params.get("listenKey"))}


@endpoint("DELETE", "/fapi/v1/listenKey", STREAM)
def stop_listening(call: Call) -> Json:
    call.venue.listen_keys.close()
    return {}
