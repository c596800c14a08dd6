"""Who may talk to the viewer, and what becomes of those who talk nonsense.

Every page that a browser has open can reach a server on the same machine. So a request is answered only if its Host is
one of those the viewer listens at (else a foreign name may have been pointed at this machine: DNS rebinding), and if
its Origin, where it has one, is the viewer's own page.
"""

import asyncio
import http
import io
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any
from urllib.parse import urlsplit

import viser
import websockets.asyncio.server
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from triptych.errors import InputError

_log = logging.getLogger(__name__)
_EVERYWHERE = ("0.0.0.0", "::", "")
_opening = threading.Lock()


def may_talk(listening: str, hosts: Sequence[str], origins: Sequence[str]) -> bool:
    """Whether a request is answered.

    Args:
        listening: the host that the viewer was told to listen at.
        hosts: its Host headers.
        origins: its Origin headers; only browsers send them.
    """
    if len(hosts) != 1 or len(origins) > 1:
        return False
    try:
        name = urlsplit(f"//{hosts[0]}").hostname or ""
        foreign = any(urlsplit(origin).netloc.lower() != hosts[0].lower() for origin in origins)
    except ValueError:
        return False
    return not foreign and (name in ("localhost", "127.0.0.1", "::1", listening.lower()) or _is_here(listening, name))


def _is_here(listening: str, name: str) -> bool:
    """Whether a viewer that listens everywhere answers to a name: to its machine's, and to addresses, since nobody can
    point these elsewhere."""
    if listening not in _EVERYWHERE:
        return False
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return name == socket.gethostname().lower()


def open_guarded(host: str, port: int) -> viser.ViserServer:
    """A viser server that refuses all requests that are not for it, and says one line about what it cannot read.

    Raises:
        InputError: this version of viser does not let itself be guarded.
    """
    logging.getLogger("websockets.server").addFilter(_in_one_line)
    server, guarded = _opened(host, port)
    if not guarded:
        server.stop()
        raise InputError('view: this version of viser is not known; pip install "viser>=1.1,<1.2"')
    server.get_event_loop().set_exception_handler(_say_in_one_line)
    return server


def _opened(host: str, port: int) -> tuple[viser.ViserServer, bool]:
    """viser 1.1 opens its port by ``websockets.asyncio.server.serve`` with a ``process_request`` of its own, and takes
    no other; so ``serve`` is another function while it does."""
    guarded = False
    serve = websockets.asyncio.server.serve

    def guarding(*arguments: Any, process_request: Any = None, **options: Any) -> Any:
        nonlocal guarded
        guarded = True
        return serve(*arguments, process_request=_guarded(host, process_request), **options)

    with _opening:
        websockets.asyncio.server.serve = guarding  # pyright: ignore[reportAttributeAccessIssue]
        try:
            with redirect_stdout(io.StringIO()):  # its own frame of addresses, beside our one line
                return viser.ViserServer(host=host, port=port, label="triptych: controls", verbose=False), guarded
        finally:
            websockets.asyncio.server.serve = serve


def _guarded(
    listening: str, answer: Callable[[ServerConnection, Request], Response | None] | None
) -> Callable[[ServerConnection, Request], Response | None]:
    def guard(connection: ServerConnection, request: Request) -> Response | None:
        if not may_talk(listening, request.headers.get_all("Host"), request.headers.get_all("Origin")):
            return connection.respond(
                http.HTTPStatus.FORBIDDEN,
                f"This viewer answers at localhost and at {listening or '0.0.0.0'}, and its own page alone.\n",
            )
        return None if answer is None else answer(connection, request)

    return guard


def _in_one_line(record: logging.LogRecord) -> bool:
    """Let websockets tell of a connection that failed without the traceback, and not at all of one that was none."""
    if record.getMessage() == "opening handshake failed":
        return False
    if record.exc_info and record.exc_info[0]:
        kind = record.exc_info[0].__name__
        record.msg, record.args = f"viewer: a connection sent what no browser sends ({kind}), and was closed", ()
        record.exc_info = record.exc_text = None
    return True


def _say_in_one_line(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of a message that could be read but not be followed; the connection stays."""
    kind = type(context.get("exception")).__name__
    _log.warning("viewer: a browser sent a message that cannot be followed (%s)", kind)
