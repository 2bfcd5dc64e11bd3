"""How positions are held: leverage, margin type, position mode, multi-assets mode, isolated margin, BNB for fees."""

from canary_cli.paper import configuring, problems
from canary_cli.paper.rest.endpoint import Call, endpoint
from canary_cli.paper.rest.positions import needed_side
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json, plain

TRADE, USER = Security.TRADE, Security.USER_DATA
SUCCESS: Json = {"code": 200, "msg": "success"}


@endpoint("GET", "/fapi/v1/positionSide/dual", USER, 30)
def get_dual(call: Call) -> Json:
    return {"dualSidePosition": call.state.account.hedge}


@endpoint("POST", "/fapi/v1/positionSide/dual", TRADE)
def post_dual(call: Call) -> Json:
    configuring.set_hedge(call.state, hedge=call.params.need_flag("dualSidePosition"))
    return SUCCESS


@endpoint("GET", "/fapi/v1/multiAssetsMargin", USER, 30)
def get_multi_assets(call: Call) -> Json:
    return {"multiAssetsMargin": call.state.account.multi_assets}


@endpoint("POST", "/fapi/v1/multiAssetsMargin", TRADE)
def post_multi_assets(call: Call) -> Json:
    configuring.set_multi_assets(call.state, multi_assets=call.params.need_flag("multiAssetsMargin"))
    return SUCCESS


@endpoint("POST", "/fapi/v1/leverage", TRADE)
def post_leverage(call: Call) -> Json:
    symbol, leverage = call.symbol(), call.params.need_integer("leverage")
    most = configuring.set_leverage(call.state, symbol, leverage)
    return {"leverage": leverage, "maxNotionalValue": plain(most), "symbol": symbol}


@endpoint("POST", "/fapi/v1/marginType", TRADE)
def post_margin_type(call: Call) -> Json:
    symbol, kind = call.symbol(), call.params.need("marginType")
    if kind not in ("ISOLATED", "CROSSED"):
        raise problems.bad_data("marginType")
    configuring.set_margin_type(call.state, symbol, isolated=kind == "ISOLATED")
    return SUCCESS


@endpoint("POST", "/fapi/v1/positionMargin", TRADE)
def post_position_margin(call: Call) -> Json:
    symbol, amount, kind = call.symbol(), call.params.need_number("amount"), call.params.need_integer("type")
    if kind not in (1, 2):
        raise problems.bad_data("type")
    if amount <= 0:
        raise problems.margin_amount_not_positive()
    configuring.change_margin(call.state, symbol, needed_side(call), amount if kind == 1 else -amount)
    return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": kind}


@endpoint("GET", "/fapi/v1/feeBurn", USER, 30)
def get_fee_burn(call: Call) -> Json:
    return {"feeBurn": call.state.account.fee_burn}


@endpoint("POST", "/fapi/v1/feeBurn", TRADE)
def post_fee_burn(call: Call) -> Json:
    call.state.account.fee_burn = call.params.need_flag("feeBurn")
    return SUCCESS
