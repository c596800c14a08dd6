"""Keeping the scenes of stage 1 and stage 2 apart."""

from collections.abc import Mapping

from triptych.data.dataset import Dataset
from triptych.errors import InputError


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
