"""What the documentation says of each message of a stream, in the notation of `documented`."""

from tests.paper.documented import flags, integers, strings

# the market

CANDLE = {
    **integers("t", "T", "f", "L", "n"),
    **strings("s", "i", "o", "c", "h", "l", "v", "q", "V", "Q", "B"),
    **flags("x"),
}
KLINE = strings("e", "s") | integers("E") | {"k": CANDLE}
AGGREGATE = strings("e", "s", "p", "q", "nq") | integers("E", "a", "f", "l", "T", "st") | flags("m")
TRADE = strings("e", "s", "p", "q", "X") | integers("E", "T", "t", "st") | flags("m")
MARK = strings("e", "s", "p", "ap", "i", "P", "r") | integers("E", "T", "st")
BEST = strings("e", "s", "ps", "b", "B", "a", "A") | integers("u", "E", "T", "st")
DEPTH = strings("e", "s", "ps") | integers("E", "T", "U", "u", "pu", "st") | {"b": [(str, str)], "a": [(str, str)]}
DAY = {
    **strings("e", "s", "ps", "p", "P", "w", "c", "Q", "o", "h", "l", "v", "q"),
    **integers("E", "O", "C", "F", "L", "n", "st"),
}
MINI_DAY = strings("e", "s", "ps", "c", "o", "h", "l", "v", "q") | integers("E", "st")

# the account

ORDER = {
    **strings("s", "c", "S", "o", "f", "q", "p", "ap", "sp", "x", "X", "l", "z", "L", "N", "n", "b", "a", "wt", "ot"),
    **strings("ps", "rp", "V", "pm", "er"),
    **integers("i", "T", "t", "si", "ss", "gtd"),
    **flags("m", "R", "cp", "pP"),
}
ORDER_TRADE_UPDATE = strings("e") | integers("E", "T") | {"o": ORDER}
TRADE_LITE = strings("e", "s", "q", "p", "c", "S", "L", "l") | integers("E", "T", "t", "i") | flags("m")
_BALANCE = strings("a", "wb", "cw", "bc")
_POSITION = strings("s", "pa", "ep", "bep", "cr", "up", "mt", "iw", "ps")
ACCOUNT_UPDATE = strings("e") | integers("E", "T") | {"a": {"m": str, "B": [_BALANCE], "P": [_POSITION]}}
_ALGO = {
    **strings("caid", "at", "o", "s", "S", "ps", "f", "q", "X", "ai", "ap", "aq", "act", "tp", "p", "V", "wt", "pm"),
    **strings("rm"),
    **integers("aid", "tt", "gtd"),
    **flags("cp", "pP", "R", "ia"),
}
ALGO_UPDATE = strings("e") | integers("E", "T") | {"o": _ALGO}
MARGIN_CALL = strings("e", "cw") | integers("E") | {"p": [strings("s", "ps", "pa", "mt", "iw", "mp", "up", "mm")]}
LISTEN_KEY_EXPIRED = strings("e", "listenKey") | integers("E")
MULTI_ASSETS_UPDATE = strings("e") | integers("E", "T") | {"ai": {"j": bool}}
ACCOUNT_CONFIG_UPDATE = strings("e") | integers("E", "T") | {"ac": {"s": str, "l": int}}

USER = {
    "ORDER_TRADE_UPDATE": ORDER_TRADE_UPDATE,
    "TRADE_LITE": TRADE_LITE,
    "ACCOUNT_UPDATE": ACCOUNT_UPDATE,
    "ALGO_UPDATE": ALGO_UPDATE,
    "ACCOUNT_CONFIG_UPDATE": ACCOUNT_CONFIG_UPDATE,
}
