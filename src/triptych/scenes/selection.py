"""Choosing scenes of a collection, and keeping stage 1 and stage 2 apart."""

import re
from collections.abc import Mapping

from triptych.errors import InputError
from triptych.scenes.collection import SceneCollection


def select_scenes(collection: SceneCollection, selection: str | None, default: str) -> SceneCollection:
    """The scenes that ``selection`` names.

    Args:
        collection: an open dataset.
        selection: "all", a declared split ("train", "test"), a range "start:stop" of the sorted scenes, or
            scene names separated by commas; None for the default.
        default: the selection when none is given. Without declared splits, a split then means all.

    Raises:
        InputError: the selection names no scene, or one that is not there.
    """
    if selection is None:
        undeclared_split = default in ("train", "test") and not collection.declared_splits
        selection = "all" if undeclared_split else default
    chosen = _chosen(collection, selection)
    if not chosen:
        raise InputError(f"scenes: {selection!r} names no scene; the dataset has {len(collection)}")
    return collection.subset(chosen)


def _chosen(collection: SceneCollection, selection: str) -> list[int]:
    count = len(collection)
    if selection == "all":
        return list(range(count))
    if selection in ("train", "test"):
        return _numbers(collection, collection.declared_splits.get(selection), selection)
    range_ends = re.fullmatch(r"(\d*):(\d*)", selection)
    if range_ends is None:
        return _numbers(collection, [name.strip() for name in selection.split(",")], selection)
    start, stop = int(range_ends[1] or 0), int(range_ends[2] or count)
    if stop > count:
        raise InputError(f"scenes: {selection!r} reaches to {stop}; the dataset has {count} scenes")
    return list(range(start, stop))


def _numbers(collection: SceneCollection, names: list[str] | tuple[str, ...] | None, selection: str) -> list[int]:
    if names is None:
        raise InputError(
            f"scenes: the dataset declares no split {selection!r}; give a range such as 0:{len(collection)}, "
            "or names separated by commas"
        )
    numbers = {name: number for number, name in enumerate(collection.names)}
    for name in names:
        if name not in numbers:
            raise InputError(
                f"scenes: there is no scene {name!r} among the {len(collection)} of the dataset "
                f"({collection.names[0]} ... {collection.names[-1]})"
            )
    return [numbers[name] for name in names]


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
