"""The web server: one session a browser, and a watch over the files."""

import errno
import socket
import threading

import viser
from viser._messages import RunJavascriptMessage

from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.viewer.config import ViewerConfig
from triptych.viewer.guard import open_guarded
from triptych.viewer.live_fit import FitNews
from triptych.viewer.looking import first_view
from triptych.viewer.session import LAST_FRAME_SECONDS, Session, SharedState

_WATCH_SECONDS = 2.0
_CLOSE_SHEET = """
if (!window.triptychSheet && matchMedia("(max-width: 36em)").matches) {
  window.triptychSheet = true;
  const close = (tries) => {
    const title = document.querySelector('[style*="cursor: pointer"][style*="height: 3.5em"]');
    if (title) title.click();
    else if (tries) setTimeout(close, 100, tries - 1);
  };
  close(100);
}
"""
"""In a narrow window viser puts all controls into a sheet over the object; only a click on its title closes it."""


class Server:
    """Shows scenes to any number of browsers until it is stopped.

    Args:
        shared: the scenes, and what all browsers share.
        config: where to listen, and whether it is dark.

    Raises:
        InputError: the address cannot be used.
    """

    def __init__(self, shared: SharedState, config: ViewerConfig) -> None:
        _require_free(config.host, config.port)
        self._shared = shared
        self._sessions: dict[int, Session] = {}
        self._stopped = threading.Event()
        self._server = open_guarded(config.host, config.port)
        _never_share(self._server)
        self._server.gui.configure_theme(dark_mode=config.dark, show_logo=False, show_share_button=False)
        self._server.gui.main_panel.dock_right()
        _set_first_view(self._server, shared.scenes.loaded.model)
        shared.live.on_news = self._tell
        self._server.on_client_connect(self._greet)
        self._server.on_client_disconnect(self._part)
        self._watch = threading.Thread(target=self._refresh, name="triptych watch", daemon=True)
        self._watch.start()

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        host = self._server.get_host()
        return f"http://{f'[{host}]' if ':' in host else host}:{self._server.get_port()}"

    def wait(self) -> None:
        """Until Ctrl-C or ``stop``."""
        self._stopped.wait()

    def stop(self) -> None:
        """Close all sessions and the server."""
        self._stopped.set()
        self._shared.live.stop(LAST_FRAME_SECONDS)
        for session in list(self._sessions.values()):
            session.close()
        self._server.stop()

    def _greet(self, client: viser.ClientHandle) -> None:
        session = Session(client, self._shared)
        self._sessions[client.client_id] = session
        client.gui._websock_interface.queue_message(RunJavascriptMessage(_CLOSE_SHEET))
        session.start()

    def _part(self, client: viser.ClientHandle) -> None:
        session = self._sessions.get(client.client_id)
        if session is not None:
            session.close()
            self._sessions.pop(client.client_id, None)

    def _tell(self, news: FitNews) -> None:
        if news.is_listed and not news.runs:
            self._shared.thumbnails.forget(news.name)
        for session in list(self._sessions.values()):
            session.follow(news)

    def _refresh(self) -> None:
        sources = [source for source in (self._shared.scenes, self._shared.other) if source is not None]
        while not self._stopped.wait(_WATCH_SECONDS):
            news = [source.refresh() for source in sources]
            if any(news):
                for session in list(self._sessions.values()):
                    session.refresh()


def _require_free(host: str, port: int) -> None:
    """Refuse an address that cannot be used; viser would go on to other ports without end."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except (OSError, OverflowError) as error:
        in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        remedy = "in use; choose another with --port, or 0 for any free one" if in_use else f"cannot listen ({error})"
        raise InputError(f"--host {host} --port {port}: {remedy}") from None


def _never_share(server: viser.ViserServer) -> None:
    """Any browser could otherwise ask viser to open a tunnel that makes this server public."""
    server.request_share_url = lambda verbose=True: None


def _set_first_view(server: viser.ViserServer, model: CategoryModel) -> None:
    first = first_view(model)
    server.initial_camera.position = first.position
    server.initial_camera.look_at = model.aabb.mean(dim=0).cpu().numpy()
    server.initial_camera.up = (0.0, 0.0, 1.0)
    server.initial_camera.fov = first.fov
