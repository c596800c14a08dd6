"""A hub on 127.0.0.1 that knows as much as the client of the Hugging Face hub asks for."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StubHub:
    """Repositories in memory.

    Attributes:
        url: where it is.
        repos: the files of each repository, by name, such as ``models/user/name``.
        asked: the paths of all requests for files.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.repos: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        if path == "/api/validate-yaml":
            return _json({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked.get('type', 'model')}s/{asked.get('organization', 'user')}/{asked['name'].split('/')[-1]}"
            self.repos.setdefault(repo, {})
            return _json({"url": f"{self.url}/{repo}", "name": repo})
        if match := re.fullmatch(r"/api/((?:models|datasets)/[^/]+/[^/]+)(/.*)?", path):
            return self._about(match[1], match[2] or "", body)
        if match := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._file(f"{match[1] or 'models/'}{match[2]}", unquote(match[4]))
        return 404, {}, b"{}"

    def _about(self, repo: str, rest: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if repo not in self.repos:
            return 404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, b"{}"
        files = self.repos[repo]
        if rest.startswith("/preupload"):
            named = [file["path"] for file in json.loads(body)["files"]]
            return _json({"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in named]})
        if rest.startswith("/commit"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                elif line["key"] == "deletedFile":
                    del files[line["value"]["path"]]
            return _json({"success": True, "commitOid": COMMIT, "commitUrl": f"{self.url}/{repo}/commit/{COMMIT}"})
        if rest.startswith("/tree"):
            return _json([{"type": "file", "path": name, "oid": _sum(files[name]), "size": 0} for name in files])
        about = {"id": repo.partition("/")[2], "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
        return _json(about | {"private": False, "tags": [], "downloads": 0, "likes": 0})

    def _file(self, repo: str, name: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(name)
        content = self.repos.get(repo, {}).get(name)
        if content is None:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        return 200, {"ETag": f'"{_sum(content)}"', "X-Repo-Commit": COMMIT}, content


def _sum(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def _json(value: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


@contextmanager
def stub_hub() -> Iterator[StubHub]:
    """Let a hub run."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = hub.answer(self.command, urlsplit(self.path).path, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = answer  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub = StubHub(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
