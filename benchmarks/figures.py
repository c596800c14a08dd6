"""Every picture and number of the documentation that shows what the present code and the shipped models do.

    python benchmarks/figures.py                          # or `make figures`; --show says what there is, and how long
    python benchmarks/figures.py --steps demo web         # these alone
    python benchmarks/figures.py --steps quality          # what is made only where it is asked for: three hours
    python benchmarks/figures.py --meshes FOLDER          # also the real vehicles, of a folder of meshes

Runs the commands that README and the pages show, in ``runs/figures/COMMIT``, and copies their pictures into
``docs/images`` and their numbers into ``docs/results/figures.json``: one entry per step, with the commands, the
commit, the machine and the time. A step that is done at the present commit is left alone; within a step, the commands
go on where they stopped. What the text of the pages says about the numbers has to be looked at by a person.
"""

import json
import math
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import tyro
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from triptych.runtime import versions

ROOT = Path(__file__).resolve().parents[1]
IMAGES, NUMBERS = ROOT / "docs" / "images", ROOT / "docs" / "results" / "figures.json"
_FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_PATIENCE_MS = 240_000


def commit_of_code() -> str:
    """The commit that changed the code last, with a + when files have changed since; pictures do not count."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words, "--", "src", "examples"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout

    return git("log", "-1", "--format=%h").strip() + ("+" if git("status", "--porcelain") else "")


COMMIT = commit_of_code()
WORK = ROOT / "runs" / "figures" / COMMIT
"""What other code has made is never gone on with."""


@dataclass(frozen=True)
class Step:
    """Commands, and what becomes of what they write.

    Attributes:
        minutes: about how long, on two quiet cores.
        commands: arguments of ``python``, each.
        pictures: for each picture of the documentation, how to make it.
        numbers: the JSON files whose numbers are kept.
        after: the steps whose results this one takes.
        on_request: made only where it is named: it trains models of its own, and shows none that is shipped.
    """

    minutes: float
    commands: Sequence[Sequence[str | Path]] = ()
    pictures: dict[str, Callable[[Path], None]] = field(default_factory=dict)
    numbers: Sequence[Path] = ()
    after: Sequence[str] = ()
    on_request: bool = False


def triptych(*arguments: str | Path) -> Sequence[str | Path]:
    return ("-m", "triptych", *arguments)


def example(name: str, *arguments: str | Path) -> Sequence[str | Path]:
    return (ROOT / "examples" / name, *arguments)


def copied(source: Path) -> Callable[[Path], None]:
    return lambda picture: shutil.copyfile(source, picture) and None


def animated(video: Path) -> Callable[[Path], None]:
    """A film as an animation of 512 pixels, which Git hosts show in a README."""

    def made(picture: Path) -> None:
        ffmpeg, scaled = imageio_ffmpeg.get_ffmpeg_exe(), ("-vf", "scale=512:-2:flags=lanczos", "-loop", "0")
        encoded = ("-c:v", "libwebp_anim", "-quality", "75", "-compression_level", "6")
        subprocess.run([ffmpeg, "-loglevel", "error", "-y", "-i", video, *scaled, *encoded, picture], check=True)

    return made


def page_of(bank: Path) -> Callable[[Path], None]:
    """The web page of a bank, two of its scenes blended."""

    def made(picture: Path) -> None:
        page = WORK / "page"
        run(triptych("export", "web", bank, page, "--title", "Four cars"))
        with served(page) as address, browser(1200, 800) as opened:
            opened.goto(f"{address}?share=0.5")
            opened.locator("#speed", has_text="ms").wait_for()
            opened.wait_for_timeout(5_000)
            save_screenshot(opened, picture)

    return made


def viewer_of(bank: Path) -> Callable[[Path], None]:
    """The viewer with a bank."""

    def made(picture: Path) -> None:
        server = subprocess.Popen([sys.executable, "-m", "triptych", "view", bank, "--port", "8123"])
        try:
            with browser(1280, 800) as opened:
                reach(opened, "http://127.0.0.1:8123")
                opened.get_by_text("while moving").wait_for()
                for notice in opened.locator(".mantine-Notification-closeButton").all():
                    notice.click()
                turn(opened)  # so that its pace is that of many frames, not of the first, which compiles
                opened.wait_for_timeout(20_000)  # until it rests and all thumbnails are there
                save_screenshot(opened, picture)
        finally:
            server.terminate()
            server.wait()

    return made


def turn(page: Page) -> None:
    """Drag the picture to and fro."""
    page.mouse.move(450, 400)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(450 + 60 * math.sin(2 * math.pi * step / 59), 400)
        page.wait_for_timeout(100)
    page.mouse.up()


def save_screenshot(page: Page, picture: Path) -> None:
    """As a PNG of 256 colors, less than half the size."""
    with Image.open(BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3).save(picture, optimize=True)


def reach(page: Page, address: str) -> None:
    """Open a server's page, once the server has started."""
    end = time.monotonic() + _PATIENCE_MS / 1000
    while True:
        try:
            page.goto(address)
            return
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(1)


class _Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a line per request."""

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@contextmanager
def served(folder: Path):
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def browser(width: int, height: int):
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        page = opened.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(_PATIENCE_MS)
        yield page
        opened.close()


def every_step(meshes: Path | None, objects: Path | None) -> dict[str, Step]:
    """Every step by its name; those of real vehicles need a folder of meshes, that of objects a dataset of some."""
    demo, cars, vases, bench = WORK / "demo", WORK / "cars", WORK / "category", WORK / "bench"
    quality, results = WORK / "quality", ROOT / "benchmarks" / "quality" / "results.json"
    found = {
        "demo": Step(
            4,
            [triptych("demo", "--out", demo)],
            {
                "demo-ours.png": copied(demo / "evaluation_ours" / "comparison.png"),
                "orbit.webp": animated(demo / "orbit.mp4"),
            },
            [demo / "metrics.json"],
        ),
        "web": Step(2, (), {"web.png": page_of(demo / "bank_ours")}, after=["demo"]),
        "viewer": Step(1, (), {"viewer.png": viewer_of(demo / "bank_ours")}, after=["demo"]),
        "scene": Step(
            1,
            [example("01_render_a_scene.py", "--out", WORK / "scene.png")],
            {"example-scene.png": copied(WORK / "scene.png")},
        ),
        "cars": Step(
            3,
            [
                example("02_fit_new_cars.py", "--out", cars),
                example("03_blend_two_scenes.py", "--bank", cars / "bank", "--out", WORK / "blend.png"),
            ],
            {"example-blend.png": copied(WORK / "blend.png")},
            [cars / "evaluation" / "metrics.json"],
        ),
        "tutorial": Step(
            3,
            [example("04_your_own_category.py", "--out", vases)],
            {
                "tutorial-contact-sheet.png": copied(vases / "inspect" / "contact_sheet.png"),
                "tutorial-cameras.png": copied(vases / "inspect" / "cameras.png"),
                "tutorial-progress.png": copied(vases / "run" / "progress.png"),
                "tutorial-comparison.png": copied(vases / "evaluation" / "comparison.png"),
            },
            [vases / "evaluation" / "metrics.json"],
        ),
        "bench": Step(
            10,
            [triptych("bench", "--json", bench / "bench.json", "--plot", bench / "bench.png")],
            {"bench.png": copied(bench / "bench.png")},
            [bench / "bench.json"],
        ),
        "quality": Step(
            180,
            [triptych("quality", "--preset", "latent", "--out", quality, "--results", results)],
            {"quality-latents.png": copied(quality / "cars" / "stage1" / "progress.png")},
            on_request=True,
        ),
    }
    found |= vehicle_steps(meshes) if meshes else {}
    return found | (objects_step(objects) if objects else {})


def objects_step(objects: Path) -> dict[str, Step]:
    """Unseen objects, fitted with the model that comes with triptych."""
    bank, seen = WORK / "objects_bank", WORK / "objects_eval"
    return {
        "objects": Step(
            2,
            [
                triptych("fit", "objects", objects, "--out", bank, "--scenes", "all"),
                triptych("eval", bank, objects, "--out", seen),
            ],
            {"objects-new.png": copied(seen / "comparison.png")},
            [seen / "metrics.json"],
        )
    }


def vehicle_steps(meshes: Path) -> dict[str, Step]:
    """Real vehicles: with a stage 1 of their own, and with the model of procedural cars that comes with triptych."""
    data, run_folder = WORK / "vehicles", WORK / "vehicles_run"
    own, shipped = WORK / "vehicles_bank", WORK / "vehicles_cars_bank"
    return {
        "vehicles": Step(
            30,
            [
                triptych("data", "render", meshes, data),
                triptych("data", "inspect", data, "--out", WORK / "vehicles_inspect"),
                triptych("train", data, "--out", run_folder),
                triptych("fit", run_folder, data, "--out", own),
                triptych("eval", own, data, "--model", run_folder, "--out", WORK / "vehicles_eval"),
            ],
            {
                "vehicles.png": copied(WORK / "vehicles_inspect" / "contact_sheet.png"),
                "vehicles-new.png": copied(WORK / "vehicles_eval" / "comparison.png"),
            },
            [WORK / "vehicles_eval" / "metrics.json"],
        ),
        "vehicles-without-stage-1": Step(
            5,
            [
                triptych("fit", "cars", data, "--out", shipped, "--force"),
                triptych("eval", shipped, data, "--out", WORK / "vehicles_cars_eval"),
            ],
            {"vehicles-cars.png": copied(WORK / "vehicles_cars_eval" / "comparison.png")},
            [WORK / "vehicles_cars_eval" / "metrics.json"],
            after=["vehicles"],
        ),
    }


def run(arguments: Sequence[str | Path]) -> None:
    subprocess.run([sys.executable, *map(str, arguments)], check=True, cwd=ROOT)


def done() -> dict[str, Any]:
    return json.loads(NUMBERS.read_text()) if NUMBERS.is_file() else {}


def make(name: str, step: Step) -> None:
    """Run a step, copy its pictures, and keep its numbers."""
    WORK.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    for arguments in step.commands:
        run(arguments)
    for picture, made in step.pictures.items():
        made(IMAGES / picture)
    entry = {
        "commit": COMMIT,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "versions": versions(),
        "commands": [" ".join(map(shown, arguments)) for arguments in step.commands],
        "pictures": sorted(step.pictures),
        "numbers": {file.relative_to(WORK).as_posix(): numbers_of(file) for file in step.numbers},
    }
    NUMBERS.write_text(json.dumps(done() | {name: entry}, indent=1) + "\n")


def shown(word: str | Path) -> str:
    """A word of a command as anyone would write it: a folder elsewhere, as that of the meshes, by its name alone."""
    path = Path(word)
    if not path.is_absolute():
        return str(word)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def numbers_of(file: Path) -> Any:
    """The means of an evaluation, or all that another file says."""
    document = json.loads(file.read_text().replace(f"{ROOT}/", ""))
    return document.get("mean", document) if isinstance(document, dict) else document


def wanted(known: dict[str, Step], chosen: Sequence[str]) -> list[str]:
    """The chosen steps, or all that need no request, with what they take results from before them."""
    unknown = [name for name in chosen if name not in known]
    if unknown:
        needs = "real vehicles need --meshes, objects --objects"
        sys.exit(f"figures: there is no step {unknown[0]!r} ({needs}); there are {', '.join(known)}")
    if not chosen:
        return [name for name, step in known.items() if not step.on_request]
    before = [earlier for name in chosen for earlier in known[name].after]
    return [name for name in known if name in chosen or name in before]


def main(
    steps: tuple[str, ...] = (), meshes: Path | None = None, objects: Path | None = None, show: bool = False
) -> None:
    """Make the pictures and numbers of the documentation.

    Args:
        steps: which; all but those on request if not given.
        meshes: folder of vehicle meshes, for the steps of real vehicles; without it these are left out.
        objects: dataset of unseen objects, for the step `objects`; without it this is left out.
        show: say what there is, how long each takes on two quiet cores, and at which commit it was done; do nothing.
    """
    known = every_step(meshes or (Path("MESHES") if show else None), objects or (Path("OBJECTS") if show else None))
    chosen = list(known) if show and not steps else wanted(known, steps)
    for name in chosen:
        print(f"{name}: {told(name, known[name])}", flush=True)
    left = [name for name in chosen if not is_done(name) and (steps or not known[name].on_request)]
    print(f"to be made: about {sum(known[name].minutes for name in left):g} min on two quiet cores", flush=True)
    if show:
        return
    for name in left:
        make(name, known[name])
        print(f"{name}: took {done()[name]['minutes']:g} min", flush=True)


def is_done(name: str) -> bool:
    """Whether a step was made by the code as it is."""
    return done().get(name, {}).get("commit") == COMMIT and not COMMIT.endswith("+")


def told(name: str, step: Step) -> str:
    """How long a step takes, what it makes, and at which commit it was made."""
    kept = done().get(name)
    state = f"made at {kept['commit']} in {kept['minutes']:g} min" if kept else "not made"
    request = ", on request" if step.on_request else ""
    return f"about {step.minutes:g} min{request}, {', '.join(step.pictures)}; {state}"


if __name__ == "__main__":
    tyro.cli(main)
