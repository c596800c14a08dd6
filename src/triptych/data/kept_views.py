"""Which views of its scenes a dataset keeps, and which of them are held out for testing."""

import numpy as np
from jaxtyping import Int

from triptych.data.config import DatasetConfig
from triptych.data.index import TEST, UNDECLARED, SceneIndex, SceneRows
from triptych.data.splits import ViewSplit, split_as_declared, split_by_rule
from triptych.errors import InputError


def rows_of_all(index: SceneIndex, config: DatasetConfig) -> SceneRows:
    """The rows of all scenes, without those that ``above_ground`` drops.

    Raises:
        InputError: of a scene fewer than two remain.
    """
    if not config.above_ground:
        return index.every_row()
    return SceneRows.of([kept_rows(index, scene, config) for scene in range(len(index.names))])


def kept_rows(index: SceneIndex, scene: int, config: DatasetConfig) -> Int[np.ndarray, " view"]:
    """The rows of a scene's views, without those that ``above_ground`` drops.

    Raises:
        InputError: fewer than two remain.
    """
    rows = index.rows(scene)
    if not config.above_ground:
        return rows
    kept = rows[index.c2w[rows, 2, 3] >= 0]
    if len(kept) < 2:
        raise InputError(
            f"{config.path}, {index.names[scene]}: {len(kept)} camera(s) above the ground z = 0, at least "
            "two are needed; leave above_ground off, or turn the scene so that z is up"
        )
    return kept


def split_views(index: SceneIndex, scene: int, rows: Int[np.ndarray, " view"], config: DatasetConfig) -> ViewSplit:
    """The scene's own split where it declares one, else one by ``test_rule``.

    Raises:
        InputError: no view would remain for training.
    """
    where = f"{config.path}, {index.names[scene]}"
    uses = index.uses[rows]
    if (uses == UNDECLARED).all():
        return split_by_rule(len(rows), config.test_views, config.test_rule, where)
    return split_as_declared(uses == TEST, where)
