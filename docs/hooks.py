"""What mkdocs calls while it builds the site.

It adds the reference pages; copies what pages link to outside ``docs`` (``../examples/x.py``) into the site, so that
the same links work on the site and in the repository; and refuses pages that would fetch anything when they are read.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from public_names import NAMES, names_page
from reference import COMMANDS, CONFIGURATION, command_page, configuration_page

ROOT = Path(__file__).resolve().parents[1]
_OUTSIDE_LINK = re.compile(r"(!?)\[([^\]]*)\]\(\.\./([^)#\s]+)\)")
_EXTERNAL_ASSET = re.compile(
    r"""<(?:script|img|iframe)[^>]*\ssrc=["']?https?:[^>]*|<link[^>]*stylesheet[^>]*https?:[^>]*"""
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the files outside ``docs`` that pages link to."""
    pages = {COMMANDS: command_page(), CONFIGURATION: configuration_page(), NAMES: names_page()}
    for name, page in pages.items():
        files.append(File.generated(config, name, content=page))
    for page in list(files.documentation_pages()):
        for _, _, target in _OUTSIDE_LINK.findall(page.content_string):
            if _is_copied(target) and files.get_file_from_path(f"files/{target}") is None:
                files.append(File.generated(config, f"files/{target}", abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point links that leave ``docs`` to the copies, and leave only the text of those to folders and pages."""

    def replaced(link: re.Match[str]) -> str:
        bang, text, target = link.groups()
        return f"{bang}[{text}](files/{target})" if _is_copied(target) else text

    return _OUTSIDE_LINK.sub(replaced, markdown)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse a page that would fetch something from elsewhere when it is read."""
    if found := _EXTERNAL_ASSET.search(output):
        raise PluginError(f"{page.file.src_uri}: this page fetches an external asset: {found[0]}")
    return output


def _is_copied(target: str) -> bool:
    return (ROOT / target).is_file() and not target.endswith(".md")
