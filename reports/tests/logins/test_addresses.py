"""Whose attempt to log in it is (contract line G6)."""

import logging
from typing import Any

import pytest
from django.test import RequestFactory

from reports.logins import addresses

CLIENT, PROXY = "203.0.113.7", "10.0.0.1"


def client_of(remote: str, *forwarded: str) -> str:
    headers = {"X-Forwarded-For": ", ".join(forwarded)} if forwarded else {}
    return addresses.client_of(RequestFactory(REMOTE_ADDR=remote).get("/", headers=headers))


@pytest.fixture
def trusted(settings: Any) -> None:
    """A deployment with proxies in one network."""
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "::1"]


class TestWithoutProxies:
    def test_it_is_the_connections(self) -> None:
        assert client_of(CLIENT) == CLIENT

    def test_nobody_names_another(self) -> None:
        assert client_of(CLIENT, "198.51.100.1") == CLIENT

    def test_the_log_says_once_what_to_set(self, caplog: pytest.LogCaptureFixture) -> None:
        addresses._warn_of_proxies.cache_clear()

        with caplog.at_level(logging.WARNING):
            client_of(CLIENT, "198.51.100.1")
            client_of(CLIENT, "198.51.100.2")

        [said] = caplog.messages
        assert "TRUSTED_PROXIES" in said


@pytest.mark.usefixtures("trusted")
class TestBehindATrustedProxy:
    @pytest.mark.parametrize(
        ("remote", "forwarded", "client"),
        [
            (PROXY, [CLIENT], CLIENT),
            ("::1", [CLIENT], CLIENT),
            ("::ffff:10.0.0.1", [CLIENT], CLIENT),
            # Through two of them.
            (PROXY, [CLIENT, "10.2.3.4"], CLIENT),
            # What the client made up is before what the proxy heard.
            (PROXY, ["198.51.100.1", CLIENT], CLIENT),
            (PROXY, ["10.0.0.9", CLIENT], CLIENT),
            # A proxy that says nothing, or nonsense.
            (PROXY, [], PROXY),
            (PROXY, ["nonsense"], PROXY),
            (PROXY, [CLIENT, ""], PROXY),
            # Not a proxy's connection.
            (CLIENT, ["198.51.100.1"], CLIENT),
        ],
    )
    def test_it_is_the_last_that_no_proxy_has(self, remote: str, forwarded: list[str], client: str) -> None:
        assert client_of(remote, *forwarded) == client


class TestCounting:
    def test_a_subscribers_whole_network_is_one(self) -> None:
        assert addresses.counted_as("2001:db8::1") == addresses.counted_as("2001:db8::2:3")
        assert addresses.counted_as("2001:db8::1") != addresses.counted_as("2001:db8:0:1::1")

    def test_each_of_the_others_is_itself(self) -> None:
        assert addresses.counted_as(CLIENT) == CLIENT
        assert addresses.counted_as(addresses.UNKNOWN) == addresses.UNKNOWN
