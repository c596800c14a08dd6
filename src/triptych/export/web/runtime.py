"""onnxruntime-web, which decodes in the browser: one pinned version, from npm's registry, kept in the cache folder.

Whatever they come from, files are used only if they are the pinned ones to the last bit.
"""

import hashlib
import io
import tarfile
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from triptych.data.cache.entry import default_cache
from triptych.errors import InputError
from triptych.files import write_atomically

VERSION = "1.30.0"
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
SHA256 = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""The files that the page needs, those for WebAssembly alone: WebGPU's are twice as large, and these run anywhere."""
_TIMEOUT_SECONDS = 60.0


def runtime_files(source: Path | None = None) -> Mapping[str, bytes]:
    """Contents of the pinned files, by name.

    Args:
        source: the package's ``dist`` folder or the .tgz that ``npm pack`` makes; None takes what the cache holds, and
            fetches it first if it holds nothing.

    Raises:
        InputError: the files cannot be fetched, are not there, or are not the pinned ones.
    """
    if source is not None:
        return _files_of(source)
    cache = default_cache() / f"onnxruntime-web-{VERSION}"
    if not all((cache / name).is_file() for name in SHA256):
        for name, content in _from_package(_fetch(), URL).items():
            write_atomically(cache / name, lambda file, content=content: file.write(content))
    return _files_of(cache)


def _files_of(source: Path) -> Mapping[str, bytes]:
    if source.is_file():
        return _from_package(source.read_bytes(), str(source))
    if not source.is_dir():
        raise InputError(f"{source}: no such file or folder; {_remedy()}")

    def read(name: str) -> bytes:
        path = source / name
        return path.read_bytes() if path.is_file() else b""

    return _checked(read, str(source))


def _from_package(package: bytes, place: str) -> Mapping[str, bytes]:
    def read(name: str) -> bytes:
        try:
            member = archive.extractfile(f"package/dist/{name}")
        except KeyError:
            return b""
        return b"" if member is None else member.read()

    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            return _checked(read, place)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{place}: expected a package of npm, found a damaged one ({error}); {_remedy()}") from None


def _checked(read: Callable[[str], bytes], place: str) -> Mapping[str, bytes]:
    files = {name: read(name) for name in SHA256}
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != SHA256[name]:
            raise InputError(f"{place}: its {name} is missing or not that of version {VERSION}; {_remedy()}")
    return files


def _fetch() -> bytes:
    try:
        with urllib.request.urlopen(URL, timeout=_TIMEOUT_SECONDS) as answer:
            return answer.read()
    except OSError as error:
        raise InputError(f"{URL}: cannot be fetched ({error}); {_remedy()}") from None


def _remedy() -> str:
    return (
        f"run `npm pack onnxruntime-web@{VERSION}` where npm's registry can be reached, and give its file to --runtime"
    )
