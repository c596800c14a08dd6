"""Tables 1 and 2 of the slides: our numbers, and the published ones in columns beside them."""

from collections.abc import Mapping

from triptych.evaluation.cost import break_even, saved
from triptych.experiments.slides.costs import Costs, MethodResults
from triptych.experiments.slides.published import TABLE_1, TABLE_2
from triptych.experiments.tables import Table

Results = Mapping[str, MethodResults]
"""What was measured, by method."""


def quality_table(results: Results) -> Table:
    """Table 2: PSNR and SSIM on test views of train scenes and of exploit scenes."""
    columns = ["experiment", "PSNR train", "PSNR exploit", "SSIM train", "SSIM exploit", "published train", "exploit"]
    rows = []
    for name, found in results.items():
        both = (found.train, found.exploit)
        cells = [f"{part.psnr:.2f}" for part in both] + [f"{part.ssim:.4f}" for part in both]
        cells += [f"{value:.2f}" for value in TABLE_2[name]] if name in TABLE_2 else ["", ""]
        rows.append([found.title, *cells])
    return Table(columns, rows)


def cost_table(results: Results, scenes: int) -> Table:
    """Table 1: seconds and bytes per scene, alone and with the share of the entry cost, and rendering."""
    columns = ["", "t_scene", f"t_eff, N = {scenes}", "m_scene", f"m_eff, N = {scenes}", "one view", "render + decode"]
    columns += ["published t_scene / t_eff", "m_scene / m_eff", "one view "]
    rows = [_cost_row(results[name], TABLE_1[name], scenes) for name in ("rgb", "ours")]
    return Table(columns, [*rows, _saved_row(results["ours"].costs, results["rgb"].costs, scenes)])


def _cost_row(found: MethodResults, published: Mapping[str, float], scenes: int) -> list[str]:
    costs = found.costs
    return [
        found.title,
        f"{costs.time.scene:.2f} s",
        f"{costs.time.effective(scenes):.2f} s",
        f"{costs.memory.scene / 1e6:.3f} MB",
        f"{costs.memory.effective(scenes) / 1e6:.3f} MB",
        f"{costs.t_render * 1e3:.1f} ms",
        f"{(costs.t_render - costs.t_decode) * 1e3:.1f} + {costs.t_decode * 1e3:.1f} ms",
        f"{published['t_scene'] / 60:g} / {published['t_eff'] / 60:g} min",
        f"{published['m_scene'] / 1e6:g} / {published['m_eff'] / 1e6:g} MB",
        f"{published['t_render'] * 1e3:g} ms",
    ]


def _saved_row(ours: Costs, rgb: Costs, scenes: int) -> list[str]:
    """Which shares of the costs of RGB tri-planes ours saves."""
    pairs = ((ours.time, rgb.time), (ours.memory, rgb.memory))
    shares = [
        saved(one.effective(count), other.effective(count)) for one, other in pairs for count in (float("inf"), scenes)
    ]
    published = {key: f"{saved(TABLE_1['ours'][key], TABLE_1['rgb'][key]):.0%}" for key in TABLE_1["ours"]}
    published_shares = [f"{published[f'{unit}_scene']} / {published[f'{unit}_eff']}" for unit in "tm"]
    faster = saved(ours.t_render, rgb.t_render)
    return [
        "saved",
        *(f"{share:.0%}" for share in (*shares, faster)),
        "",
        *published_shares,
        published["t_render"],
    ]


def shared_table(costs: Costs) -> Table:
    """The sizes of what all scenes share, m_EC."""
    rows = [[part, f"{size / 1e6:.3f} MB"] for part, size in costs.m_entry.items()]
    return Table(["shared part", "size"], [*rows, ["together", f"{costs.memory.entry / 1e6:.3f} MB"]])


def break_even_numbers(results: Results) -> dict[str, int | None]:
    """From how many scenes on ours costs less than RGB tri-planes in total, in time and in memory."""
    ours, rgb = results["ours"].costs, results["rgb"].costs
    return {"time": break_even(ours.time, rgb.time), "memory": break_even(ours.memory, rgb.memory)}
