"""What a package index shows of triptych: the README with links that work there, and where the project lives.

Links to files are relative in the README, so that they work in every copy of the repository; an index has no such
files. The address is that of whoever builds: ``TRIPTYCH_REPOSITORY``, or the repository whose workflow runs (GitHub
tells it). Without one, links stay as they are, for packages that nobody publishes.
"""

import os
import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^]\[]*)\]\((?!https?://|#)([^)\s]+)\)")


class ReadmeAndAddresses(MetadataHookInterface):
    """Gives the metadata ``readme`` and ``urls``."""

    def update(self, metadata: dict) -> None:
        """Fill in both."""
        home, version = repository(), metadata["version"]
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, home, version) if home else text}
        metadata["urls"] = {"Paper": "https://arxiv.org/abs/2403.11678"}
        if home:
            metadata["urls"] |= {
                "Repository": home,
                "Documentation": f"{home}/blob/v{version}/docs/index.md",
                "Changelog": f"{home}/blob/v{version}/CHANGELOG.md",
                "Issues": f"{home}/issues",
            }


def repository() -> str | None:
    """The address of the repository that this is built from, if it is known."""
    server, name = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    return os.environ.get("TRIPTYCH_REPOSITORY") or (f"{server}/{name}" if server and name else None)


def absolute(text: str, home: str, version: str) -> str:
    """Markdown whose relative links lead into the repository at the tag of a version; pictures to their bytes."""

    def replaced(link: re.Match[str]) -> str:
        picture, label, path = link.groups()
        return f"{picture}[{label}]({home}/{'raw' if picture else 'blob'}/v{version}/{path})"

    return _LINK.sub(replaced, text)
