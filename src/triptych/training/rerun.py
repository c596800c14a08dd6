"""The file in a run's folder that runs it again: ``triptych train DATA --out OUT --config config.json``."""

from pathlib import Path
from typing import Any

import torch

from triptych.data import Dataset
from triptych.files import as_fields, write_json
from triptych.runtime import arithmetic

CONFIG_FILE = "config.json"


def write_config(
    folder: Path, dataset: Dataset, config: Any, seed: int, device: torch.device | None, **more: Any
) -> None:
    """Write all that a run was asked for, each value under the name of its option.

    Args:
        folder: of the run.
        dataset: its pictures; how they were opened is left out where they were in memory already.
        config: the dataclass of its settings.
        seed: of its random numbers.
        device: what computes; None for a command that has no such option.
        more: further options of the command.
    """
    opened = {} if dataset.source is None else as_fields(dataset.source)
    computed = {} if device is None else {"device": device.type, **arithmetic(device)}
    settings = {**opened, **as_fields(config), **more, **computed, "seed": seed}
    write_json(folder / CONFIG_FILE, settings)
