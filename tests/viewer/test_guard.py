"""Who is answered, and what a connection may send without harm."""

import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

pytest.importorskip("viser", reason="needs viser")

import msgspec
import viser
import websockets.sync.client
from browser import PATIENCE_SECONDS
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from triptych.viewer import ViewerConfig, open_viewer
from triptych.viewer.guard import may_talk
from triptych.viewer.launch import Viewer

pytestmark = pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection:UserWarning")


@pytest.mark.parametrize(
    ("listening", "host", "origin"),
    [
        ("127.0.0.1", "127.0.0.1:8080", None),
        ("127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1", "localhost:9000", "http://localhost:9000"),  # ssh -L 9000:127.0.0.1:8080
        ("127.0.0.1", "[::1]:8080", "http://[::1]:8080"),
        ("::1", "[::1]:8080", None),
        ("studio.example", "Studio.Example:8080", "http://studio.example:8080"),
        ("0.0.0.0", "192.168.1.7:8080", "http://192.168.1.7:8080"),
        ("0.0.0.0", socket.gethostname(), None),
    ],
)
def test_who_is_answered(listening: str, host: str, origin: str | None) -> None:
    assert may_talk(listening, [host], [] if origin is None else [origin])


@pytest.mark.parametrize(
    ("listening", "hosts", "origins"),
    [
        ("127.0.0.1", ["evil.example:8080"], ["http://evil.example:8080"]),  # DNS rebinding
        ("127.0.0.1", ["127.0.0.1:8080"], ["http://evil.example"]),
        ("127.0.0.1", ["localhost:8080"], ["http://localhost:3000"]),
        ("127.0.0.1", ["localhost:8080"], ["null"]),
        ("127.0.0.1", ["192.168.1.7:8080"], []),
        ("0.0.0.0", ["evil.example:8080"], []),
        ("127.0.0.1", ["[::1"], []),
        ("127.0.0.1", [""], []),
        ("127.0.0.1", [], []),
        ("127.0.0.1", ["localhost", "localhost"], []),
    ],
)
def test_who_is_refused(listening: str, hosts: list[str], origins: list[str]) -> None:
    assert not may_talk(listening, hosts, origins)


@pytest.fixture
def viewer(trained_balls: Path) -> Iterator[Viewer]:
    running = open_viewer(trained_balls, ViewerConfig(port=0), device=torch.device("cpu"))
    yield running
    running.stop()


def port_of(viewer: Viewer) -> int:
    return int(viewer.url.rpartition(":")[2])


def connected(
    viewer: Viewer, host: str = "127.0.0.1", origin: str | None = None
) -> websockets.sync.client.ClientConnection:
    """A websocket as a browser opens it, from a page of ``origin`` that was reached as ``host``."""
    raw = socket.create_connection(("127.0.0.1", port_of(viewer)), timeout=PATIENCE_SECONDS)
    return websockets.sync.client.connect(
        f"ws://{host}:{port_of(viewer)}",
        sock=raw,
        origin=None if origin is None else Origin(origin),
        subprotocols=[Subprotocol(f"viser-v{viser.__version__}")],
        compression=None,
        max_size=None,
    )


def test_a_foreign_page_reads_nothing(viewer: Viewer) -> None:
    own = f"http://127.0.0.1:{port_of(viewer)}"
    with connected(viewer, origin=own) as connection:
        assert connection.recv(timeout=PATIENCE_SECONDS)
    for host, origin in (
        ("127.0.0.1", "http://evil.example"),
        ("evil.example", f"http://evil.example:{port_of(viewer)}"),
    ):
        with pytest.raises(InvalidStatus) as refused:
            connected(viewer, host, origin)
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("localhost", 200), ("evil.example", 403)])
def test_the_page_is_given_to_known_hosts_alone(viewer: Viewer, host: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port_of(viewer)), timeout=PATIENCE_SECONDS) as raw:
        raw.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{port_of(viewer)}\r\n\r\n".encode())
        assert raw.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


CAMERA = {
    "type": "ViewerCameraMessage",
    "wxyz": [1.0, 0.0, 0.0, 0.0],
    "position": [0.0, 0.0, -2.0],
    "fov": 0.9,
    "image_height": 300,
    "image_width": 400,
    "near": 0.01,
    "far": 100.0,
    "look_at": [0.0, 0.0, 0.0],
    "up_direction": [0.0, 0.0, 1.0],
}
GARBAGE = [
    "a text",
    b"",
    b"\xc1 no msgpack",
    msgspec.msgpack.encode([1, 2, 3]),
    msgspec.msgpack.encode({"type": "NoSuchMessage"}),
    msgspec.msgpack.encode({"type": "GuiUpdateMessage", "uuid": 3}),
    msgspec.msgpack.encode(CAMERA | {"position": "nowhere"}),
]


@pytest.mark.parametrize("frame", GARBAGE)
def test_a_frame_that_cannot_be_read_costs_its_connection_and_one_line(
    viewer: Viewer, frame: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), connected(viewer) as connection:
        connection.send(frame)
        with pytest.raises(ConnectionClosed):
            received(connection, b"never sent")
    (record,) = caplog.records
    assert record.exc_info is None
    assert "\n" not in record.getMessage()
    with connected(viewer) as another:
        assert another.recv(timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"position": [float("nan")] * 3},
        {"wxyz": [0.0] * 4},
        {"fov": 0.0},
        {"image_height": 0},
        {"image_width": 10**9},
    ],
)
def test_a_camera_that_is_none_ends_no_session(
    viewer: Viewer, nonsense: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    with connected(viewer) as connection:
        connection.send(msgspec.msgpack.encode(CAMERA | nonsense))
        said = received(connection, b"camera cannot be used")
        assert said
        connection.send(msgspec.msgpack.encode(CAMERA))
        assert received(connection, b"BackgroundImageMessage")
    assert not died


def received(connection: websockets.sync.client.ClientConnection, wanted: bytes) -> bool:
    """Wait until a message holds this; viser's messages are compressed."""
    import zstandard

    while True:
        frame = connection.recv(timeout=PATIENCE_SECONDS)
        assert isinstance(frame, bytes)
        size = int.from_bytes(frame[8:16], "little")
        if wanted in zstandard.ZstdDecompressor().decompress(frame[16 : 16 + size]):
            return True
