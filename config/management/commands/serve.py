"""
`manage.py serve`: the service on granian. `--demo` also migrates, seeds, and starts what is missing.

This process serves no request and holds no connection: it starts WEB_WORKERS processes, replaces one that
crashes, and stops them. A worker whose parent was killed stops by itself.
"""

import errno
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import warnings
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.module_loading import import_string
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from config import start
from config.commands import WRONG_SETTINGS
from config.front.server import Server

HOST = "127.0.0.1"
# How long a stopping worker may take to answer the requests it has.
DRAIN_SECONDS = 30
# The workers of a killed run need a moment to leave the port.
PORT_WAIT_SECONDS = 5.0
LAST_PORT = 65535
# A connection that says nothing for so long is closed, before its first request and between two.
SILENT_SECONDS = 30
# Of one request.
HEADER_BYTES = 64 * 1024
# What a worker opens besides its clients' connections: threads, the pool, files.
OTHER_FILES = 1024
APPLICATION = "config.asgi.application"


class Command(BaseCommand):
    help = "Serve Turnstile on 127.0.0.1 until Ctrl-C; put a reverse proxy in front for anybody else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="migrate, seed a demo event, print its URLs")
        parser.add_argument("--port", type=port_number, default=settings.PORT, help="instead of PORT")

    def handle(self, *, demo: bool, port: int, **options: Any) -> None:
        wait_for_port(port)
        start.refuse_wrong_settings(self.stderr.write)
        if demo:
            call_command("migrate", verbosity=0, interactive=False)
            call_command("demo_seed", url=f"http://{HOST}:{port}", stdout=self.stdout)
            call_command("demo_load", stdout=self.stdout)
        else:
            start.refuse_pending_migrations()
        give_up_connections()
        self._tell(f"http://{HOST}:{port}")
        with companions(settings.DEMO_COMPANIONS if demo else ()):
            serve(port, stop_on_hangup=demo)
        self.stdout.write("Stopped.")

    def _tell(self, url: str) -> None:
        workers, threads = settings.WEB_WORKERS, settings.WEB_THREADS
        pages = {"API": "/api/docs", "Admin": "/admin/", "Pool": "/health/db"}
        self.stdout.write(f"Serving with {workers} workers of {threads} threads. Ctrl-C stops everything.")
        self.stdout.write("".join(f"  {name:<6} {url}{path}\n" for name, path in pages.items()))
        self.stdout.flush()


def port_number(text: str) -> int:
    """
    Read a port; 0 is one that the system chooses.

    Raises:
        ArgumentTypeError: there is no such port.
    """
    if not (text.isdecimal() and int(text) <= LAST_PORT):
        raise ArgumentTypeError(f"{text!r} is no port: use 1 to {LAST_PORT}")
    return int(text)


def wait_for_port(port: int) -> None:
    """
    Make sure that `port` is ours to listen on.

    Raises:
        CommandError: something listens there, even after PORT_WAIT_SECONDS; or this user may not.
    """
    deadline = monotonic() + PORT_WAIT_SECONDS
    try:
        while not is_free(port):
            if monotonic() > deadline:
                raise CommandError(
                    f"port {port} of {HOST} is in use: stop what listens there, or choose another, "
                    f"for example PORT={port + 1 if port < LAST_PORT else port - 1}"
                )
            sleep(0.1)
    except PermissionError:
        raise CommandError(
            f"port {port} of {HOST} is not for this user, as those below 1024 often are: choose another, "
            "for example PORT=8000, and let the reverse proxy listen there",
            returncode=WRONG_SETTINGS,
        ) from None


def is_free(port: int) -> bool:
    """
    Tell whether nothing listens on `port`; granian would share the port with it without a word.

    Raises:
        OSError: it is not that; such as PermissionError.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def give_up_connections() -> None:
    """Close this process's pool: the connections belong to the workers."""
    connection.close()
    # django-stubs knows the generic connection only.
    connection.close_pool()  # type: ignore[attr-defined]


@contextmanager
def companions(commands: Sequence[str]) -> Iterator[None]:
    """
    Run management commands beside the block. They stop with it, and with this process however it ends.

    Each knows by its standard input, a pipe that only this process holds: `--until-stdin-closes`.
    """
    started = [_start_companion(command) for command in commands]
    try:
        yield
    finally:
        for process in started:
            _stop_companion(process)


def _start_companion(command: str) -> "subprocess.Popen[bytes]":
    arguments = [sys.executable, sys.argv[0], command, "--until-stdin-closes"]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE)


def _stop_companion(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve(port: int, *, stop_on_hangup: bool) -> None:
    """Serve until SIGINT or SIGTERM, then let the workers finish what they have."""
    # A fresh interpreter for each worker: nothing of this process, sockets included, leaks into it.
    multiprocessing.set_start_method("spawn", force=True)
    connections = raise_file_limit(settings.WEB_CONNECTIONS)
    server = Server(
        APPLICATION,
        address=HOST,
        port=port,
        interface=Interfaces.ASGI,
        workers=settings.WEB_WORKERS,
        websockets=False,
        # While it finds out which protocol a client speaks, a silent one is never closed.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=SILENT_SECONDS * 1000, max_buffer_size=HEADER_BYTES),
        backlog=connections,
        # Beyond it a worker accepts nobody; those it has are served.
        backpressure=connections,
        workers_kill_timeout=DRAIN_SECONDS,
        log_level=LogLevels.error,
    )
    if stop_on_hangup:
        server.on_startup(_stop_on_hangup)
    server.serve(target_loader=load_application)


def raise_file_limit(connections: int) -> int:
    """Let each worker open so many connections, or as many as the system allows; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + OTHER_FILES
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, allowed - OTHER_FILES)


def _stop_on_hangup() -> None:
    # granian reloads on SIGHUP, for supervisors; to a demo it means that its terminal was closed.
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))


def load_application(path: str) -> Callable[..., Any]:
    """Load the application in a worker, which from now on does not outlive its parent."""
    # Without collectstatic, static files come straight from the packages.
    warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
    threading.Thread(target=_stop_with_parent, name="parent-watch", daemon=True).start()
    application: Callable[..., Any] = import_string(path)
    return application


def _stop_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        # Returns when the parent's end of a pipe closes: also when it was killed.
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
