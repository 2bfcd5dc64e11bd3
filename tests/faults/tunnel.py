"""Carries connections from one host to another, as an SSH tunnel does.

`python -m tests.faults.tunnel SOCKET` listens on a free port of its host's loopback, prints it, and hands every
connection on to the socket file.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def carrier(
    onwards: Callable[[], Awaitable[Line]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Joins each connection with one that `onwards` opens."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await onwards()
        await asyncio.gather(_pour(reader, forth), _pour(back, writer))

    return carry


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except OSError:
        return
    finally:
        sink.close()


async def main(path: str) -> None:
    server = await asyncio.start_server(carrier(lambda: asyncio.open_unix_connection(path)), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
