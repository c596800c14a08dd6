"""A headless Chromium for tests, with WebGL and WebGPU on the CPU."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_CHROMIUM = shutil.which("chromium")
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
]
PATIENCE_SECONDS = 240.0


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of playwright; else the test is skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    if _CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS, timeout=1000 * PATIENCE_SECONDS)
        yield browser
        browser.close()


@contextmanager
def empty_page(browser: Any) -> Iterator[tuple[Any, list[str]]]:
    """An empty page that knows nothing of earlier ones.

    Yields:
        the page, and the errors that its console and those of its context's further pages will have shown.
    """
    complaints: list[str] = []

    def listen(page: Any) -> None:
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

    context = browser.new_context(viewport={"width": 900, "height": 500})
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    context.on("page", listen)
    yield context.new_page(), complaints
    context.close()
