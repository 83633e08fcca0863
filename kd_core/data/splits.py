"""Which image is for training, which for choosing, which for the final test.

Given parts are kept. Where parts are missing they are made by seed: stratified by class and, where
patients are known, with each patient in one part only.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kd_core.data.loaded import PARTS
from kd_core.errors import DataError
from kd_core.registry import Param

Policy = Literal["auto", "new", "test_only"]

ALIASES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""Names of parts as folders and tables spell them, in lower case."""

SPLIT_PARAMS = (
    Param("split", "choice", "auto", choices=("auto", "new", "test_only")),
    Param("val_share", "float", 0.15, low=0.01, high=0.5, step=0.01),
    Param("test_share", "float", 0.15, low=0.01, high=0.5, step=0.01),
    Param("split_seed", "int", 0, low=0, high=2**31 - 1),
)


def assign_parts(
    given: NDArray[np.str_] | None,
    targets: NDArray[Any],
    groups: NDArray[np.str_],
    *,
    policy: Policy = "auto",
    val_share: float = 0.15,
    test_share: float = 0.15,
    seed: int = 0,
) -> NDArray[np.str_]:
    """The part of each image, (N,).

    Args:
        given: Parts that came with the data, or ``None``.
        targets: int64 (N,), or float32 (N, L) with NaN.
        groups: What must stay together, by name: the patient, or the image where none is known.
        policy: ``auto`` keeps given parts; a missing val or test part is taken from train, and a
            set without a train part stays as it is, for external tests. ``new`` ignores given
            parts. ``test_only`` makes the whole set an external test set.
        val_share: Share of val, of all images or, where only val is made, of train.
        test_share: The same for test.
        seed: Other seeds give other parts.

    Raises:
        DataError: ``split_too_small`` when a part would be empty.
    """
    n = len(targets)
    if policy == "test_only":
        return np.full(n, "test")
    if given is None or policy == "new":
        parts, missing = np.full(n, "train", dtype="<U5"), ["val", "test"]
    else:
        parts = given.astype("<U5")
        missing = [part for part in PARTS if part not in set(given.tolist())]
        if "train" in missing:
            return parts
    shares = {part: {"val": val_share, "test": test_share}[part] for part in missing}
    inside = np.flatnonzero(parts == "train")
    if shares:
        made = split_groups(targets[inside], groups[inside], shares, seed)
        parts[inside] = made
    for part in ("train", *missing):
        if part not in parts:
            raise DataError("split_too_small", part=part, n=n)
    return parts


def split_groups(
    targets: NDArray[Any], groups: NDArray[Any], shares: dict[str, float], seed: int
) -> NDArray[np.str_]:
    """Divide whole groups into train and the named parts, keeping the share of every class.

    Greedy, as scikit-learn's ``StratifiedGroupKFold``, but with unequal shares and for several
    labels an image: groups in random order, each to the part where it lowers
    ``Σ_parts Σ_classes ((have − want) / want)²`` most; only groups too large for val or test go
    first, since sorting all by size would leave few, large patients for testing. The classes and
    the number of images count alike. A class with an image for every part wants one in each.

    Args:
        targets: int64 (N,), or float32 (N, L) with NaN.
        groups: Group of each image, (N,).
        shares: Share of each part beside train; together below 1.
        seed: Order of groups.

    Returns:
        Part names (N,).
    """
    parts = ("train", *shares)
    share = np.array([1 - sum(shares.values()), *shares.values()])  # (P,)
    _, member = np.unique(groups, return_inverse=True)  # (N,) group numbers
    columns = _indicators(targets)  # (N, K + 1)
    sums = np.zeros((member.max() + 1, columns.shape[1]))  # (G, K + 1)
    np.add.at(sums, member, columns)
    total = sums.sum(0)  # (K + 1,)
    want = np.maximum(share[:, None] * total, np.minimum(1, total / len(parts)))  # (P, K + 1)
    want[0] = total - want[1:].sum(0)
    want[:, total == 0] = 1  # a class without images has no say
    order = np.random.default_rng(seed).permutation(len(sums))
    excess = np.maximum(sums[order, -1] - want[1:, -1].min(), 0)  # images too many for any part
    order = order[np.argsort(-excess, kind="stable")]
    have = np.zeros_like(want)
    chosen = np.empty(len(sums), dtype=np.int64)
    for group in order:
        after = (have + sums[group] - want) / want
        change = (after**2 - ((have - want) / want) ** 2).sum(1)  # (P,)
        chosen[group] = change.argmin()
        have[chosen[group]] += sums[group]
    return np.array(parts)[chosen[member]]


def _indicators(targets: NDArray[Any]) -> NDArray[np.float64]:
    """One column a class or label, and one of ones that counts images; (N, K + 1)."""
    single = targets.ndim == 1
    hits = targets[:, None] == np.arange(targets.max() + 1) if single else targets == 1
    return np.column_stack([hits, np.ones(len(targets))]).astype(np.float64)
