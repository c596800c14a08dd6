"""All measurements one after another, and what is written about them."""

from dataclasses import asdict
from typing import Any

from triptych.benchmark import gpu_report, renderer, steps, trained
from triptych.benchmark.config import BenchConfig
from triptych.benchmark.report import as_table, write_plot
from triptych.benchmark.sizes import Sizes
from triptych.errors import InputError
from triptych.files import write_json
from triptych.progress import Progress
from triptych.runtime import choose_device, versions


def run_benchmark(config: BenchConfig, progress: Progress) -> tuple[dict[str, Any], str]:
    """Measure everything.

    Returns:
        all numbers, and a table of them to read.

    Raises:
        InputError: this machine has no such device, or there is no picture of what is measured on it.
    """
    repeats = 3 if config.quick else 9
    if config.device == "cuda":
        return _run_on_gpu(config, repeats, progress)
    progress.start("benchmark", 8)
    # First, while the process is small.
    peak = steps.memory_of_warmup_step()
    progress.advance()
    fused = renderer.fused_against_reference(Sizes(), repeats)
    progress.advance()
    growth = renderer.growth(repeats)
    progress.advance()
    scenes = trained.train_cars(150 if config.quick else 400)
    progress.advance()
    skipping = trained.skipping_against_reference(scenes, repeats)
    progress.advance()
    views = trained.views_of_latents_and_rgb(scenes, 3 * repeats)
    progress.advance()
    whole_steps = steps.steps_of_both_backends(repeats)
    growth["bases"] = steps.growth_with_bases(repeats)
    progress.advance()
    growth["scenes"], resolution = steps.growth_with_scenes(5 * repeats)
    progress.advance()

    numbers: dict[str, Any] = {
        "fused_vs_reference": fused["reference forward + backward"] / fused["fused forward + backward"],
        "skipping_vs_reference": skipping["reference"] / skipping["fused, skipping"],
        "warmup_step_n10000_vs_n100": growth["scenes"][steps.MANY_SCENES] / growth["scenes"][steps.SCENES],
        "latent_view_vs_rgb_view": views["RGB render"] / views["latent render + decode"],
        "latent_view_vs_rgb_view_skipping": (views["RGB render, skipping"] / views["latent render + decode, skipping"]),
        "skipping_psnr_change": skipping["PSNR, skipping"] - skipping["PSNR"],
        "peak_extra_mb": peak,
        "seconds": {"renderer": fused, "trained scenes": skipping, "views": views, "steps": whole_steps},
        "growth": growth,
        "growth_with_scenes_resolution": resolution,
        "sizes": asdict(Sizes()),
        "repeats": repeats,
        "versions": versions(),
    }
    if config.json is not None:
        write_json(config.json, numbers)
    if config.plot is not None:
        write_plot(numbers, config.plot)
    return numbers, as_table(numbers)


def _run_on_gpu(config: BenchConfig, repeats: int, progress: Progress) -> tuple[dict[str, Any], str]:
    if config.plot is not None:
        raise InputError("--plot: a picture is drawn with --device cpu alone; --json keeps the numbers")
    numbers = gpu_report.measure(choose_device("cuda"), 3 * repeats, progress)
    if config.json is not None:
        write_json(config.json, numbers)
    return numbers, gpu_report.as_table(numbers)
