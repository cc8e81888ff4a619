"""
Sending an answer: at once, or as a download that goes as fast as its client reads.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from config.front.bodies import Receive
from config.front.handler import Answer

Send = Callable[[Mapping[str, Any]], Awaitable[None]]

# A client that takes nothing for so long has gone, or wants only to hold the place.
STALLED_SECONDS = 60.0


class Downloads:
    """
    Threads that read a body and send it as fast as its client takes it.

    `reports.downloads` refuses what is more than WEB_DOWNLOADS; a few more threads are for other large files.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="download")

    async def send(self, stream: Callable[[], Iterator[bytes]], receive: Receive, send: Send) -> None:
        """
        Send what `stream` yields, chunk by chunk, from one thread; stop when the client has gone.

        Raises:
            TimeoutError: the client took nothing for STALLED_SECONDS.
        """
        loop, is_gone = asyncio.get_running_loop(), threading.Event()

        def send_all() -> None:
            with closing(stream()) as chunks:  # type: ignore[type-var]
                for chunk in chunks:
                    if is_gone.is_set():
                        return
                    message = {"type": "http.response.body", "body": chunk, "more_body": True}
                    asyncio.run_coroutine_threadsafe(_sent(send, message), loop).result(STALLED_SECONDS)

        watch = asyncio.ensure_future(_set_when_gone(receive, is_gone))
        try:
            await loop.run_in_executor(self._threads, send_all)
        finally:
            watch.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _sent(send: Send, message: Mapping[str, Any]) -> None:
    await send(message)


async def _set_when_gone(receive: Receive, is_gone: threading.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    is_gone.set()


async def send_answer(answer: Answer, receive: Receive, send: Send, downloads: Downloads) -> None:
    """Send a whole answer."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    if answer.stream is None:
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        return
    await downloads.send(answer.stream, receive, send)
