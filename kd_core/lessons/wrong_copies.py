"""Copies of a data set with one thing wrong: a mark, an image twice, wrong labels, too easy.

Every copy is made from a few images of the training and the validation part, by seed. The
test part is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kd_core.data.loaded import LoadedData, Part

TRAIN, VAL = 720, 300
"""Images of each part, at most; more would change the second decimal and take longer."""

MARK_PX = 3
"""Side of the mark at the upper edge; it lies inside the frame that the data doctor looks at."""

MISLABELLED = 0.7
"""Share of a class's training images that the teacher saw with another class's name."""

_SHIFT = 6  # grey levels by which a copied image is brightened, as if it was saved again


def few(data: LoadedData, seed: int = 0) -> LoadedData:
    """Some images of both parts, in stored order, without patients and groups."""
    return replace(
        data,
        parts={
            "train": _rows(data.parts["train"], some_rows(len(data.parts["train"]), TRAIN, seed)),
            "val": _rows(data.parts["val"], val_rows(data, seed)),
        },
    )


def val_rows(data: LoadedData, seed: int = 0) -> NDArray[np.int64]:
    """Rows of the validation part that :func:`few` takes, in order."""
    return some_rows(len(data.parts["val"]), VAL, seed + 1)


def some_rows(of: int, n: int, seed: int) -> NDArray[np.int64]:
    """At most ``n`` of so many rows, drawn by seed, in order."""
    return np.sort(np.random.default_rng(seed).permutation(of)[:n])


def _rows(part: Part, rows: NDArray[np.int64]) -> Part:
    ids = tuple(part.ids[row] for row in rows)
    return Part(np.array(part.images[rows]), part.targets[rows], ids)


# --- a shortcut ---------------------------------------------------------------------------------


def marked(part: Part, share: float, classes: int, seed: int) -> Part:
    """A white square at the upper edge of some images, at another place for each class."""
    images = np.array(part.images)
    on = np.random.default_rng(seed).permutation(len(part)) < round(share * len(part))  # (n,)
    room = images.shape[-1] - MARK_PX - 2
    for k in range(classes):
        left = 1 + round(k * room / max(1, classes - 1))
        rows = np.flatnonzero(on & (part.targets == k))
        images[rows, :, 1 : 1 + MARK_PX, left : left + MARK_PX] = 255
    return replace(part, images=images)


def with_marks(data: LoadedData, share: float) -> LoadedData:
    """Both parts marked, as data look that came from several places."""
    n = len(data.classes)
    train, val = data.parts["train"], data.parts["val"]
    parts = {"train": marked(train, share, n, 2), "val": marked(val, share, n, 3)}
    return replace(data, parts=parts)


# --- leakage ------------------------------------------------------------------------------------


def with_copies(data: LoadedData, share: float) -> LoadedData:
    """Some validation images are among the training images too: half as they are, half brighter.

    They take the place of others, so that there are as many as before; with no more training
    images than validation images, of all of them.
    """
    train, val = data.parts["train"], data.parts["val"]
    n = min(round(share * len(val)), len(train))
    chosen, places = copied(data, share), np.random.default_rng(5).permutation(len(train))[:n]
    images, targets = np.array(train.images), np.array(train.targets, np.int64)
    brighter = np.minimum(val.images[chosen].astype(np.int64) + _SHIFT, 255).astype(np.uint8)
    as_is = np.arange(n)[:, None, None, None] % 2 == 0
    images[places] = np.where(as_is, val.images[chosen], brighter)
    targets[places] = val.targets[chosen]
    leaky = Part(images, targets, train.ids)
    return replace(data, parts={"train": leaky, "val": val})


def copied(data: LoadedData, share: float) -> NDArray[np.int64]:
    """Validation images that :func:`with_copies` copies, in its order."""
    train, val = data.parts["train"], data.parts["val"]
    n = min(round(share * len(val)), len(train))
    return np.random.default_rng(4).permutation(len(val))[:n]


def nearest(data: LoadedData) -> NDArray[np.int64]:
    """The training image most like each validation image, by squared distance of pixels, (n,).

    It gives its class as the answer of a model that knows everything by heart.
    """
    known, asked = (
        np.asarray(data.parts[name].images, np.float64).reshape(len(data.parts[name]), -1)
        for name in ("train", "val")
    )
    distance = (known**2).sum(1)[None, :] - 2 * asked @ known.T  # (n, N), less what is constant
    return np.asarray(distance.argmin(1), np.int64)


# --- a teacher's error --------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """Images of one class that a teacher was shown with the name of another."""

    of: int
    named: int


def likely_mistake(targets: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> Mistake:
    """The two classes that a model mixes up most often, as a share of the first.

    >>> likely_mistake(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), 2)
    Mistake(of=1, named=0)
    """
    counts = np.zeros((classes, classes))
    np.add.at(counts, (targets, answers), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, -1)
    of, named = np.unravel_index(int(shares.argmax()), shares.shape)
    return Mistake(int(of), int(named))


def mislabelled(data: LoadedData, mistake: Mistake) -> LoadedData:
    """Most training images of one class under the name of another; validation as it is."""
    train = data.parts["train"]
    targets = np.array(train.targets, np.int64)
    rows = np.flatnonzero(targets == mistake.of)
    wrong = np.random.default_rng(6).permutation(rows)[: round(MISLABELLED * len(rows))]
    targets[wrong] = mistake.named
    return replace(data, parts={**data.parts, "train": replace(train, targets=targets)})


# --- a metric at its ceiling --------------------------------------------------------------------


def kept_classes(order: tuple[int, ...], amount: float) -> tuple[int, ...]:
    """Classes that are left when the question is made easier: all at 0, the last two at 1.

    Args:
        order: Classes, those to be left out first at the front.
        amount: In [0, 1].

    >>> kept_classes((3, 1, 0, 2), 0.0), kept_classes((3, 1, 0, 2), 1.0)
    ((0, 1, 2, 3), (0, 2))
    """
    left_out = round(amount * (len(order) - 2))
    return tuple(sorted(order[left_out:]))


def easier_order(targets: NDArray[np.int64], logits: NDArray[np.float64]) -> tuple[int, ...]:
    """In which order to leave classes out, so that those that are left are told apart best.

    Args:
        targets: Right classes, (n,).
        logits: Of a model, (n, K).
    """
    left = list(range(logits.shape[1]))
    out: list[int] = []
    while len(left) > 2:
        shares = {k: _share_right(targets, logits, [c for c in left if c != k]) for k in left}
        worst = max(left, key=lambda k: shares[k])
        left.remove(worst)
        out.append(worst)
    return (*out, *left)


def _share_right(
    targets: NDArray[np.int64], logits: NDArray[np.float64], classes: list[int]
) -> float:
    rows = np.isin(targets, classes)
    if not rows.any():
        return 0.0
    answers = np.array(classes)[logits[rows][:, classes].argmax(1)]
    return float((answers == targets[rows]).mean())


def easy_rows(
    targets: NDArray[np.int64], logits: NDArray[np.float64], amount: float
) -> NDArray[np.int64]:
    """Rows that are left of two classes when the images that a model finds hard are left out.

    Args:
        targets: Right classes, (n,).
        logits: Of the model, (n, 2).
        amount: 0 keeps all, 1 the easiest fifth.
    """
    margin = (logits[:, 1] - logits[:, 0]) * np.where(targets == 1, 1, -1)  # (n,)
    hard = np.argsort(margin, kind="stable")[: round(0.8 * amount * len(margin))]
    return np.setdiff1d(np.arange(len(margin)), hard)


def without(data: LoadedData, rows: NDArray[np.int64]) -> LoadedData:
    """The same data with some of its validation images."""
    return replace(data, parts={**data.parts, "val": _rows(data.parts["val"], rows)})


def only(data: LoadedData, classes: tuple[int, ...]) -> LoadedData:
    """The same data with some of its classes."""
    new = {old: place for place, old in enumerate(classes)}

    def reduced(part: Part) -> Part:
        rows = np.flatnonzero(np.isin(part.targets, classes))
        own = _rows(part, rows)
        return replace(own, targets=np.array([new[int(k)] for k in own.targets], np.int64))

    names = tuple(data.classes[k] for k in classes)
    return replace(data, classes=names, parts={n: reduced(p) for n, p in data.parts.items()})
