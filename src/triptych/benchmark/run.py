"""All measurements one after another, and what is written about them."""

from dataclasses import asdict
from typing import Any

import torch

from triptych.benchmark import gpu_report, renderer, steps, trained
from triptych.benchmark.config import BenchConfig
from triptych.benchmark.profile import profiled_steps
from triptych.benchmark.report import as_table, write_plot
from triptych.benchmark.sizes import Extent
from triptych.errors import InputError
from triptych.files import write_json, write_text
from triptych.progress import Progress
from triptych.runtime import choose_device, versions


def run_benchmark(config: BenchConfig, progress: Progress, extent: Extent | None = None) -> tuple[dict[str, Any], str]:
    """Measure everything.

    Args:
        config: what is measured, and where it is written.
        progress: is told of each measurement.
        extent: sizes of what is measured on every device; those of the paper if None.

    Returns:
        all numbers, and a table of them to read.

    Raises:
        InputError: this machine has no such device, or steps are to be profiled on a CPU.
    """
    if config.profile is not None and config.device != "cuda":
        raise InputError("--profile: steps are profiled with --device cuda alone")
    device, repeats = choose_device(config.device), 3 if config.quick else 9
    extent = extent or Extent(car_steps=150 if config.quick else 400)
    numbers = _measure(extent, repeats, device, progress)
    table = as_table(numbers)
    if device.type == "cuda":
        numbers["gpu"] = gpu_report.measure(device, 3 * repeats, progress)
        table += "\n" + gpu_report.as_table(numbers["gpu"])
    if config.json is not None:
        write_json(config.json, numbers)
    if config.plot is not None:
        write_plot(numbers, config.plot)
    if config.profile is not None:
        write_text(config.profile, profiled_steps(extent, device))
    return numbers, table


def _measure(extent: Extent, repeats: int, device: torch.device, progress: Progress) -> dict[str, Any]:
    progress.start("benchmark", 8)
    sizes, count = extent.sizes, extent.scenes[0]
    # First, while the process is small.
    peak = steps.memory_of_warmup_step(sizes, count, device)
    progress.advance()
    fused = renderer.fused_against_reference(sizes, repeats, device)
    progress.advance()
    growth = renderer.growth(sizes, extent.growth, repeats, device)
    progress.advance()
    cars = trained.train_cars(sizes, extent.cars, extent.car_steps, device)
    progress.advance()
    skipping = trained.skipping_against_reference(cars, repeats)
    progress.advance()
    views = trained.views_of_latents_and_rgb(cars, 3 * repeats)
    progress.advance()
    whole_steps = steps.steps_of_both_backends(sizes, count, extent.fitted_at_once, repeats, device)
    growth["bases"] = steps.growth_with_bases(sizes, count, extent.bases, repeats, device)
    progress.advance()
    growth["scenes"], resolution = steps.growth_with_scenes(sizes, extent.scenes, 5 * repeats, device)
    progress.advance()

    seconds = {"renderer": fused, "trained scenes": skipping, "views": views, "steps": whole_steps}
    return _ratios(seconds, growth["scenes"]) | {
        "peak_extra_mb": peak,
        "seconds": seconds,
        "growth": growth,
        "growth_with_scenes_resolution": resolution,
        "sizes": asdict(sizes),
        "repeats": repeats,
        "versions": _versions(device),
    }


def _ratios(seconds: dict[str, dict[str, float]], by_scenes: dict[int, float]) -> dict[str, Any]:
    fused, skipping, views = (seconds[name] for name in ("renderer", "trained scenes", "views"))
    return {
        "fused_vs_reference": fused["reference forward + backward"] / fused["fused forward + backward"],
        "skipping_vs_reference": skipping["reference"] / skipping["fused, skipping"],
        "warmup_step_n10000_vs_n100": by_scenes[max(by_scenes)] / by_scenes[min(by_scenes)],
        "latent_view_vs_rgb_view": views["RGB render"] / views["latent render + decode"],
        "latent_view_vs_rgb_view_skipping": views["RGB render, skipping"] / views["latent render + decode, skipping"],
        "skipping_psnr_change": skipping["PSNR, skipping"] - skipping["PSNR"],
    }


def _versions(device: torch.device) -> dict[str, str]:
    """With what a GPU calls itself, or what this machine is."""
    found = versions()
    return found | {"device": torch.cuda.get_device_name(device) if device.type == "cuda" else found["machine"]}
