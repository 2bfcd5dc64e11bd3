"""The paper exchange: Binance USD-M futures over REST and WebSocket on loopback, and the same engine in process."""
