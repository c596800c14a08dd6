"""Names that a scene may have, and that must do nothing: break a line or a table, leave a folder, run in a page."""

from pathlib import Path

from triptych.bank import SceneBank
from triptych.model import CategoryModel

PROGRAM = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>{(window.ran=1)} [a](javascript:b)'
NAMES = (
    "two\nlines",
    "a\ttab",
    "a|pipe `code` **bold** _it_ [red]rich[/red] $x^2$",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202eright to left",
    "../outside",
    "a/b",
    '=1+1,"quoted"',
    "日本語 🚗",
    "(mean scene)",
    PROGRAM,
)


def bank_of_names(folder: Path, trained: Path, names: tuple[str, ...] = NAMES) -> SceneBank:
    """A bank whose scenes are copies of one of a stage-1 run under these names."""
    bank = SceneBank.create(folder, CategoryModel.load(trained / "model"))
    scene = SceneBank(trained / "trained_scenes").scene("ball_0")
    for name in names:
        bank.add(name, scene)
    return bank
