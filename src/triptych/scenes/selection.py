"""Choosing scenes of a collection, and keeping stage 1 and stage 2 apart."""

from collections.abc import Mapping

from triptych.errors import InputError
from triptych.scenes.collection import SceneCollection
from triptych.scenes.scene_names import choose_names


def select_scenes(collection: SceneCollection, selection: str | None, default: str = "all") -> SceneCollection:
    """Some scenes of a collection that is open; ``open_collection`` opens a choice without reading the others.

    Args:
        collection: an open dataset.
        selection: see ``choose_names``; None for the default.
        default: the selection when none is given. Without declared splits, a split then means all.

    Raises:
        InputError: the selection names no scene, or one that is not there.
    """
    chosen = choose_names(collection.names, selection, splits=collection.declared_splits, default=default)
    numbers = {name: number for number, name in enumerate(collection.names)}
    return collection.subset([numbers[name] for name in chosen])


def require_disjoint(stage1_scenes: Mapping[str, str], collection: SceneCollection) -> None:
    """Refuse scenes that stage 1 was trained on, which would flatter every number measured on them.

    Args:
        stage1_scenes: fingerprint of each stage-1 scene, by name.
        collection: the scenes for stage 2.

    Raises:
        InputError: a scene of the collection has the fingerprint of a stage-1 scene, whatever its name.
    """
    trained = {fingerprint: name for name, fingerprint in stage1_scenes.items()}
    shared = [
        name if trained[fingerprint] == name else f"{name} (there {trained[fingerprint]})"
        for name, fingerprint in zip(collection.names, collection.fingerprints, strict=True)
        if fingerprint in trained
    ]
    if shared:
        listed = ", ".join(shared[:5]) + (", ..." if len(shared) > 5 else "")
        raise InputError(
            f"scenes: {len(shared)} of these {len(collection)} scenes were trained on in stage 1: {listed}; "
            "choose others"
        )
