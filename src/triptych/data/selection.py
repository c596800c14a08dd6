"""Choosing scenes of a dataset, and keeping stage 1 and stage 2 apart."""

from collections.abc import Mapping

from triptych.data.dataset import Dataset
from triptych.data.scene_names import choose_names
from triptych.errors import InputError


def select_scenes(dataset: Dataset, selection: str | None, default: str = "all") -> Dataset:
    """Some scenes of a dataset that is open; ``open_dataset`` opens a choice without reading the others.

    Args:
        dataset: an open dataset.
        selection: see ``choose_names``; None for the default.
        default: the selection when none is given. Without declared splits, a split then means all.

    Raises:
        InputError: the selection names no scene, or one that is not there.
    """
    chosen = choose_names(dataset.names, selection, splits=dataset.declared_splits, default=default)
    numbers = {name: number for number, name in enumerate(dataset.names)}
    return dataset.subset([numbers[name] for name in chosen])


def require_disjoint(stage1_scenes: Mapping[str, str], dataset: Dataset) -> None:
    """Refuse scenes that stage 1 was trained on, which would flatter every number measured on them.

    Args:
        stage1_scenes: fingerprint of each stage-1 scene, by name.
        dataset: the scenes for stage 2.

    Raises:
        InputError: a scene of the dataset has the fingerprint of a stage-1 scene, whatever its name.
    """
    trained = {fingerprint: name for name, fingerprint in stage1_scenes.items()}
    shared = [
        name if trained[fingerprint] == name else f"{name} (there {trained[fingerprint]})"
        for name, fingerprint in zip(dataset.names, dataset.fingerprints, strict=True)
        if fingerprint in trained
    ]
    if shared:
        listed = ", ".join(shared[:5]) + (", ..." if len(shared) > 5 else "")
        raise InputError(
            f"scenes: {len(shared)} of these {len(dataset)} scenes were trained on in stage 1: {listed}; choose others"
        )
