"""
What goes wrong on a page without anybody seeing it: errors in the console, requests that fail or leave us.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request, Response


class Watch:
    """Collects the faults of a page as text; not the answers `refused`, a status that a test asks for."""

    def __init__(self, page: "Page", home: str, *, refused: int | None = None) -> None:
        self.faults: list[str] = []
        self._home = home
        self._refused = refused
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)

    def _console(self, message: "ConsoleMessage") -> None:
        # The browser itself logs every refusal there.
        is_refusal = f"the server responded with a status of {self._refused} " in message.text
        if message.type in {"error", "warning"} and not is_refusal:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: "Request") -> None:
        if not request.url.startswith((self._home, "data:", "blob:")):
            self.faults.append(f"asked somebody else: {request.url}")

    def _failed(self, request: "Request") -> None:
        # A page that is left, and a download, which leaves its page, abort what they were asking for.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _response(self, response: "Response") -> None:
        if response.status >= 400 and response.status != self._refused:
            self.faults.append(f"answered {response.status}: {response.url}")


def asks_no_more(page: "Page", name: str) -> bool:
    """Let a minute pass on the page's installed clock; return whether it did not ask for `name` meanwhile."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    return not [url for url in asked if name in url]
