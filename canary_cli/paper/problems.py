"""What the exchange says when it refuses: code, wording and HTTP status, one function a row of the error table.

Codes and wording are those on the wire of Binance USD-M futures (the documentation's differ in places).
"""

from decimal import Decimal


class Problem(Exception):
    """A refusal in Binance's shape: `{"code": code, "msg": text}` under an HTTP `status`."""

    def __init__(self, code: int, text: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.status = status
        self.headers = headers or {}

    @property
    def body(self) -> dict[str, object]:
        return {"code": self.code, "msg": self.text}


# General: 10xx


def unknown_error() -> Problem:
    return Problem(-1000, "An unknown error occurred while processing the request.")


def too_many_requests(limit: int, retry_after: int) -> Problem:
    text = (
        f"Too many requests; current limit is {limit} requests per minute. "
        "Please use the websocket for live updates to avoid polling the API."
    )
    return Problem(-1003, text, 429, {"Retry-After": str(retry_after)})


def banned(until_ms: int, retry_after: int) -> Problem:
    text = (
        f"Way too many requests; IP banned until {until_ms}. Please use the websocket for live updates to avoid bans."
    )
    return Problem(-1003, text, 418, {"Retry-After": str(retry_after)})


def backend_timeout() -> Problem:
    text = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
    return Problem(-1007, text, 408)


def overloaded() -> Problem:
    text = (
        "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again."
    )
    return Problem(-1008, text, 503)


def too_many_orders(limit: int, per: str, retry_after: int) -> Problem:
    text = f"Too many new orders; current limit is {limit} orders per {per}."
    return Problem(-1015, text, 429, {"Retry-After": str(retry_after)})


def outside_recv_window() -> Problem:
    return Problem(-1021, "Timestamp for this request is outside of the recvWindow.")


def ahead_of_server() -> Problem:
    return Problem(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def bad_signature() -> Problem:
    return Problem(-1022, "Signature for this request is not valid.")


def illegal_characters(name: str, pattern: str) -> Problem:
    return Problem(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")


def too_many_parameters() -> Problem:
    return Problem(-1101, "Too many parameters sent for this endpoint.")


def missing(name: str) -> Problem:
    return Problem(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_required(name: str) -> Problem:
    return Problem(-1106, f"Parameter '{name}' sent when not required.")


def precision() -> Problem:
    return Problem(-1111, "Precision is over the maximum defined for this asset.")


def bad_enum(name: str) -> Problem:
    codes = {"timeInForce": -1115, "type": -1116, "side": -1117, "interval": -1120}
    words = {"type": "orderType"}
    return Problem(codes.get(name, -1130), f"Invalid {words.get(name, name)}.") if name in codes else bad_data(name)


def bad_symbol() -> Problem:
    return Problem(-1121, "Invalid symbol.")


def bad_symbol_status() -> Problem:
    return Problem(-1122, "Invalid symbol status.")


def listen_key_gone() -> Problem:
    return Problem(-1125, "This listenKey does not exist.")


def bad_combination() -> Problem:
    return Problem(-1128, "Combination of optional parameters invalid.")


def bad_data(name: str) -> Problem:
    return Problem(-1130, f"Data sent for parameter '{name}' is not valid.")


def bad_response_type() -> Problem:
    return Problem(-1136, "Invalid newOrderRespType.")


def client_id_too_long() -> Problem:
    return Problem(-4015, "Client order id length should not be more than 36 chars")


# Orders: 20xx


def bad_callback_rate() -> Problem:
    return Problem(-2007, "Invalid callBack rate.")


def unknown_order() -> Problem:
    return Problem(-2011, "Unknown order sent.")


def no_such_order() -> Problem:
    return Problem(-2013, "Order does not exist.")


def malformed_key() -> Problem:
    return Problem(-2014, "API-key format invalid.", 401)


def unknown_key(address: str) -> Problem:
    return Problem(-2015, f"Invalid API-key, IP, or permissions for action, request ip: {address}", 401)


def balance_insufficient() -> Problem:
    return Problem(-2018, "Balance is insufficient.")


def margin_insufficient() -> Problem:
    return Problem(-2019, "Margin is insufficient.")


def would_trigger() -> Problem:
    return Problem(-2021, "Order would immediately trigger.")


def reduce_only_rejected() -> Problem:
    return Problem(-2022, "ReduceOnly Order is rejected.")


def liquidating() -> Problem:
    return Problem(-2023, "User in liquidation mode now.")


def too_many_open_orders() -> Problem:
    return Problem(-2025, "Reach max open order limit.")


def beyond_leverage() -> Problem:
    return Problem(-2027, "Exceeded the maximum allowable position at current leverage.")


def leverage_too_low_for_position() -> Problem:
    return Problem(-2028, "Leverage is smaller than permitted: insufficient margin balance.")


# Filters and modes: 40xx


def price_not_positive() -> Problem:
    return Problem(-4001, "Price less than 0.")


def price_too_high() -> Problem:
    return Problem(-4002, "Price greater than max price.")


def quantity_not_positive() -> Problem:
    return Problem(-4003, "Quantity less than or equal to zero.")


def quantity_too_small() -> Problem:
    return Problem(-4004, "Quantity less than min quantity.")


def quantity_too_large() -> Problem:
    return Problem(-4005, "Quantity greater than max quantity.")


def price_too_low() -> Problem:
    return Problem(-4013, "Price less than min price.")


def off_tick() -> Problem:
    return Problem(-4014, "Price not increased by tick size.")


def above_band(limit: Decimal) -> Problem:
    return Problem(-4016, f"Limit price can't be higher than {limit:f}.")


def off_step() -> Problem:
    return Problem(-4023, "Qty not increased by step size.")


def below_band(limit: Decimal) -> Problem:
    return Problem(-4024, f"Limit price can't be lower than {limit:f}.")


def leverage_not_valid(leverage: int) -> Problem:
    return Problem(-4028, f"Leverage {leverage} is not valid")


def too_many_stop_orders() -> Problem:
    return Problem(-4045, "Reach max stop order limit.")


def same_margin_type() -> Problem:
    return Problem(-4046, "No need to change margin type.")


def margin_type_with_orders() -> Problem:
    return Problem(-4047, "Margin type cannot be changed if there exists open orders.")


def margin_type_with_position() -> Problem:
    return Problem(-4048, "Margin type cannot be changed if there exists position.")


def margin_only_for_isolated() -> Problem:
    return Problem(-4049, "Add margin only support for isolated position.")


def cross_balance_insufficient() -> Problem:
    return Problem(-4050, "Cross balance insufficient.")


def isolated_balance_insufficient() -> Problem:
    return Problem(-4051, "Isolated balance insufficient.")


def no_position_for_margin() -> Problem:
    return Problem(-4054, "Cannot add position margin: position is 0.")


def margin_amount_not_positive() -> Problem:
    return Problem(-4055, "Amount must be positive.")


def same_position_mode() -> Problem:
    return Problem(-4059, "No need to change position side.")


def bad_position_side() -> Problem:
    return Problem(-4060, "Invalid position side.")


def position_side_mismatch() -> Problem:
    return Problem(-4061, "Order's position side does not match user's setting.")


def mode_with_open_orders() -> Problem:
    return Problem(-4067, "Position side cannot be changed if there exists open orders.")


def mode_with_position() -> Problem:
    return Problem(-4068, "Position side cannot be changed if there exists position.")


def bad_batch_size() -> Problem:
    return Problem(-4082, "Invalid number of batch place orders.")


def reduce_only_account() -> Problem:
    return Problem(-4087, "User can only place reduce only order")


def duplicate_client_id() -> Problem:
    return Problem(-4116, "ClientOrderId is duplicated.")


def reduce_only_exceeded() -> Problem:
    return Problem(-4118, "ReduceOnly Order Failed. Please check your existing position and open orders")


def use_algo_endpoint() -> Problem:
    text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
    return Problem(-4120, text)


def closing_stop_exists() -> Problem:
    return Problem(-4130, "An open stop or take profit order with GTE and closePosition in the direction is existing.")


def thin_counterparty() -> Problem:
    return Problem(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")


def quantity_with_close_position() -> Problem:
    return Problem(-4137, "Quantity must be zero with closePosition equals true")


def reduce_only_with_close_position() -> Problem:
    return Problem(-4138, "Reduce only must be true with closePosition equals true")


def bad_symbol_status_for_opening() -> Problem:
    return Problem(-4140, "Invalid symbol status for opening position.")


def symbol_closed() -> Problem:
    return Problem(-4141, "Symbol is closed.")


def isolated_leverage_with_position() -> Problem:
    text = "Leverage reduction is not supported in Isolated Margin Mode with open positions."
    return Problem(-4161, text)


def notional_too_small(least: Decimal) -> Problem:
    return Problem(-4164, f"Order's notional must be no smaller than {least:f} (unless you choose reduce only).")


def window_too_long(days: int) -> Problem:
    return Problem(-4165, f"Maximum time interval is {days} days")


def multi_assets_with_isolated() -> Problem:
    text = "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode."
    return Problem(-4167, text)


def isolated_with_multi_assets() -> Problem:
    return Problem(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode.")


def multi_assets_with_orders() -> Problem:
    return Problem(-4170, "Unable to adjust Multi-Assets Mode with open orders in USDⓈ-M Futures.")


def same_multi_assets_mode() -> Problem:
    return Problem(-4171, "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.")


def stop_limit_above_band(limit: Decimal) -> Problem:
    return Problem(-4183, f"Limit price can't be higher than {limit:f}.")


def stop_limit_below_band(limit: Decimal) -> Problem:
    return Problem(-4184, f"Limit price can't be lower than {limit:f}.")


def quantitative_rules() -> Problem:
    return Problem(
        -4400, "Futures Trading Quantitative Rules violated, only reduceOnly order is allowed, please try again later."
    )


def gte_needs_position() -> Problem:
    text = "Time in Force (TIF) GTE can only be used with open positions. Please ensure that positions are available."
    return Problem(-4509, text)


# Matching: 50xx


def fok_rejected() -> Problem:
    text = (
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history"
    )
    return Problem(-5021, text)


def post_only_rejected() -> Problem:
    text = (
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history"
    )
    return Problem(-5022, text)


def too_many_amends() -> Problem:
    return Problem(-5026, "Exceed maximum modify order limit.")


def nothing_to_amend() -> Problem:
    return Problem(-5027, "No need to modify the order.")


def price_match_not_available() -> Problem:
    return Problem(-5037, "Invalid price match")


def price_match_with_price() -> Problem:
    return Problem(
        -5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT. No price may be sent with it."
    )


def bad_good_till_date() -> Problem:
    text = "The goodTillDate timestamp must be greater than the current time plus 600 seconds"
    return Problem(-5040, f"{text} and smaller than 253402300799000.")


def not_reduce_only() -> Problem:
    return Problem(-5047, "The original order is not a reduce-only order.")
