"""The page of messages quotes what the code says: a message that was reworded is noticed here."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
LEFT_OUT = "…"
"""What the page writes for a value that a message names."""


def quoted() -> list[str]:
    rows = re.findall(r"^\| (`+)(.+?)\1 \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [row.replace("'", '"') for _, row in rows]


def written() -> list[str]:
    """Every text of the source, its values left out."""
    found = []
    for file in (ROOT / "src" / "triptych").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else LEFT_OUT for part in node.values]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return [text.replace("'", '"') for text in found]


def test_every_message_on_the_page_is_one_of_the_code() -> None:
    texts, messages = written(), quoted()
    assert len(messages) > 60
    assert [message for message in messages if not any(message in text for text in texts)] == []


def test_no_message_is_there_twice() -> None:
    messages = quoted()
    assert sorted(set(messages)) == sorted(messages)
