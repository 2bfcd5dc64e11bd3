"""The REST endpoints, a file a family. `ENDPOINTS` maps (method, path) to handler, security type and weight."""

from canary_cli.paper.rest import (  # noqa: F401  (each fills the table)
    account,
    algo,
    api_key,
    batch,
    candles,
    exchange_info,
    funding,
    market,
    order_queries,
    orders,
    positions,
    settings,
    trades,
)
from canary_cli.paper.rest.endpoint import ENDPOINTS, Call, Endpoint

__all__ = ["ENDPOINTS", "Call", "Endpoint"]
