"""
What goes wrong on a page without anybody seeing it: errors in the console, requests that fail or leave us.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request, Response


class Watch:
    """Collects the faults of a page, in words."""

    def __init__(self, page: "Page", home: str) -> None:
        self.faults: list[str] = []
        self._home = home
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)

    def _console(self, message: "ConsoleMessage") -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: "Request") -> None:
        if not request.url.startswith((self._home, "data:", "blob:")):
            self.faults.append(f"asked somebody else: {request.url}")

    def _failed(self, request: "Request") -> None:
        # A page that is left, and a download, which leaves its page, abort what they were asking for.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _response(self, response: "Response") -> None:
        if response.status >= 400:
            self.faults.append(f"answered {response.status}: {response.url}")
