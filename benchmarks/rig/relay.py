"""
The process between a system and its server: forwards TCP to the unix socket, and breaks on command.

`python -m benchmarks.rig.relay SOCKET` prints its port; each line on stdin is a command (a `do_` method
with its numbers), answered by `done`.
It is a process of its own, so that its sockets are not counted as the system's.
"""

import asyncio
import sys
from contextlib import suppress


class Link:
    """One connection through the relay."""

    def __init__(self, relay: "Relay", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.relay, self.client, self.server = relay, client, server
        self.hears = asyncio.Event()
        self.hears.set()
        self.forwarded = 0

    async def pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Forward bytes until the source ends."""
        with suppress(OSError):
            while data := await source.read(65536):
                await asyncio.sleep(self.relay.delay)
                await self.hears.wait()
                self.forwarded += len(data)
                target.write(data)
                await target.drain()
                if self.relay.limit and self.forwarded > self.relay.limit:
                    self.cut()
            if target.can_write_eof():
                target.write_eof()

    def cut(self) -> None:
        """Reset both ends."""
        self.client.transport.abort()
        self.server.transport.abort()


class Relay:
    """Every link, and what is wrong with the wire now."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.links: set[Link] = set()
        self.connect_delay = self.delay = 0.0
        self.limit = 0

    async def serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Take one client through to the server."""
        await asyncio.sleep(self.connect_delay)
        try:
            answers, server = await asyncio.open_unix_connection(self.target)
        except OSError:
            client.transport.abort()
            return
        link = Link(self, client, server)
        self.links.add(link)
        await asyncio.gather(link.pump(reader, server), link.pump(answers, client))
        link.cut()
        self.links.discard(link)

    def obey(self, command: str, *arguments: str) -> None:
        """Do what a line of stdin says, such as `deaf` or `delay 0.3`."""
        getattr(self, f"do_{command}")(*map(float, arguments))

    def do_deaf(self) -> None:
        """Forward nothing more on the links of now; new ones are fine."""
        for link in self.links:
            link.hears.clear()

    def do_hear(self) -> None:
        for link in self.links:
            link.hears.set()

    def do_half(self) -> None:
        """Tell each client that the server has said its last word, and keep its other half open."""
        for link in self.links:
            link.client.write_eof()

    def do_cut_deaf(self) -> None:
        """Reset the links that are deaf."""
        for link in list(self.links):
            if not link.hears.is_set():
                link.hears.set()
                link.cut()

    def do_delay(self, seconds: float) -> None:
        self.delay = seconds

    def do_connect_delay(self, seconds: float) -> None:
        self.connect_delay = seconds

    def do_limit(self, size: float) -> None:
        """Cut each link after `size` bytes from now on; 0 for never."""
        self.limit = int(size)
        for link in self.links:
            link.forwarded = 0


async def main(target: str) -> None:
    """Serve until stdin ends."""
    relay = Relay(target)
    listener = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        relay.obey(*line.split())
        print("done", flush=True)
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
