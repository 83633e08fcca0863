"""The same image, or almost the same, in two parts: the test then asks what was learnt by heart.

Exact copies are found by hash. Copies that were saved again, resized or brightened are found in
two steps. A 16 × 16 thumbnail serves as a perceptual signature, so that one matrix product compares
thousands of pairs; the pairs that pass are compared pixel by pixel, once as they are and once with
only the details between about 3 and 9 pixels left. All three are correlations after the mean image
of the data set was taken away: what all images share (a round cell on black, two lungs) is no sign
of a copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, pad

from kd_core.data.doctor.exam import CHECKS, CheckSpec, Exam
from kd_core.data.doctor.finding import Finding
from kd_core.data.loaded import Part

# At 64 px, copies saved as JPEG (quality 50), halved, brightened or with noise stay above 0.99,
# 0.96 and 0.96. The most similar of millions of pairs of different cells and radiographs, real
# and synthetic, at 28 to 64 px reached 0.96, 0.95 and 0.945, and never all three.
SAME_THUMB, SAME_PIXELS, SAME_DETAILS = 0.95, 0.95, 0.96
_THUMB_PX, _SIDE_PX = 16, 64  # larger images are compared at 64 px
_FLAT_SD = 2.0  # grey levels; flat images are all alike and are reported by the grey-level check
_IMAGES = 10_000  # of one part that are searched for near copies; exact copies are sought in all
_CHUNK = 512
_ALARM_SHARE = 0.01
_SHOWN = 20


@dataclass(frozen=True)
class _Pair:
    """Rows of two parts that show the same."""

    earlier: str
    i: int
    later: str
    j: int
    exact: bool


class _Vectors(NamedTuple):
    """Images as centred vectors of length 1, so that inner products are correlations."""

    thumbs: Tensor  # (N, 256)
    pixels: Tensor  # (N, S·S)
    details: Tensor  # (N, S·S)


@dataclass(frozen=True)
class _Searched:
    """One part, ready to be compared.

    Attributes:
        part: The part.
        hashes: One for each image; ``None`` for flat images.
        rows: Images that are searched for near copies, (n,).
        thumbs: Their thumbnails without the mean, (n, 256).
    """

    part: Part
    hashes: list[bytes | None]
    rows: NDArray[np.int64]
    thumbs: Tensor


def check_duplicates(exam: Exam) -> list[Finding]:
    """Images of a later part that an earlier part has, too."""
    if len(exam.parts) < 2:
        return []
    pairs = list(_pairs(exam.parts))
    held_out = sum(len(part) for name, part in exam.parts.items() if name != "train")
    if not pairs:
        return [Finding("duplicates_ok", "ok", {"n": held_out})]
    copies = {(pair.later, pair.j) for pair in pairs}
    exact = {(pair.later, pair.j) for pair in pairs if pair.exact}
    share = len(copies) / held_out
    evidence = {
        "n": len(copies),
        "exact": len(exact),
        "near": len(copies - exact),
        "images": held_out,
        "share": share,
        "other_label": sum(not _same_label(exam, pair) for pair in pairs),
        "examples": [_as_evidence(exam, pair) for pair in pairs[:_SHOWN]],
    }
    return [Finding("duplicates", "alarm" if share >= _ALARM_SHARE else "warning", evidence)]


def exact_copies(part: Part, known: Sequence[Part]) -> NDArray[np.bool_]:
    """Which images have the pixels of one of other parts, (N,); flat ones are like no other."""
    seen = {digest for one in known for digest in _hashes(one) if digest}
    return np.array([digest in seen for digest in _hashes(part)], bool)


def near_copies(part: Part, rows: NDArray[np.int64], known: Sequence[Part]) -> NDArray[np.bool_]:
    """Which images show the same as one of other parts, perhaps saved again or brightened, (N,).

    Args:
        part: Where the images are.
        rows: Their positions, (N,); flat ones are like no other.
        known: The other parts, each searched as far as the doctor searches it.
    """
    digests = _hashes(part)
    mine = np.array([row for row in rows if digests[row]], np.int64)
    chosen = [(part, mine), *((one, _rows(_hashes(one))) for one in known)]
    mean = _mean(chosen)
    asked, *others = (_Searched(p, [], r, _thumbs(p, r, mean)) for p, r in chosen)
    found = np.zeros(len(part), bool)
    for other in others:
        found[list(_near(other, asked, mean))] = True
    return found[rows]


def _pairs(parts: Mapping[str, Part]) -> Iterator[_Pair]:
    """One pair for each image of a later part and each earlier part that has it."""
    hashes = {name: _hashes(part) for name, part in parts.items()}
    rows = {name: _rows(digests) for name, digests in hashes.items()}
    mean = _mean([(parts[name], rows[name]) for name in parts])
    searched = {
        name: _Searched(part, hashes[name], rows[name], _thumbs(part, rows[name], mean))
        for name, part in parts.items()
    }
    names = list(parts)
    for number, later in enumerate(names):
        for earlier in names[:number]:
            exact = _exact(searched[earlier], searched[later])
            near = _near(searched[earlier], searched[later], mean)
            for j in sorted(exact.keys() | near.keys()):
                yield _Pair(earlier, exact.get(j, near.get(j, 0)), later, j, j in exact)


def _hashes(part: Part) -> list[bytes | None]:
    hashes: list[bytes | None] = []
    for rows in _chunks(np.arange(len(part))):
        images = np.ascontiguousarray(part.images[rows])
        flat = images.reshape(len(images), -1).std(1) < _FLAT_SD
        hashes += [
            None if is_flat else hashlib.blake2b(image, digest_size=16).digest()
            for image, is_flat in zip(images, flat, strict=True)
        ]
    return hashes


def _rows(hashes: list[bytes | None]) -> NDArray[np.int64]:
    """Images that are not flat, evenly thinned to at most ``_IMAGES``."""
    rows = np.array([i for i, digest in enumerate(hashes) if digest], np.int64)
    return rows[:: max(1, -(-len(rows) // _IMAGES))]


def _chunks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def _vectors(part: Part, rows: NDArray[np.int64]) -> _Vectors:
    grey = torch.from_numpy(part.images[rows].astype(np.float32)).mean(1, keepdim=True)
    if grey.shape[-1] > _SIDE_PX:
        grey = adaptive_avg_pool2d(grey, _SIDE_PX)  # (N, 1, S, S)
    fine = avg_pool2d(pad(grey, (1, 1, 1, 1), mode="replicate"), 3, 1)
    coarse = avg_pool2d(pad(grey, (4, 4, 4, 4), mode="replicate"), 9, 1)
    views = (adaptive_avg_pool2d(grey, _THUMB_PX), grey, fine - coarse)
    return _Vectors(*(_unit(v.flatten(1) - v.mean((1, 2, 3))[:, None]) for v in views))


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-6)


def _mean(chosen: list[tuple[Part, NDArray[np.int64]]]) -> _Vectors:
    """What the images of all parts share."""
    total: list[Tensor] = []
    for part, all_rows in chosen:
        for rows in _chunks(all_rows):
            sums = [view.sum(0) for view in _vectors(part, rows)]
            total = [a + b for a, b in zip(total, sums, strict=True)] if total else sums
    count = sum(len(rows) for _, rows in chosen)
    return _Vectors(*(view / count for view in total or [torch.zeros(1)] * 3))


def _thumbs(part: Part, all_rows: NDArray[np.int64], mean: _Vectors) -> Tensor:
    thumbs = [_unit(_vectors(part, rows).thumbs - mean.thumbs) for rows in _chunks(all_rows)]
    return torch.cat(thumbs or [torch.zeros(0, _THUMB_PX**2)])  # (n, 256)


def _exact(a: _Searched, b: _Searched) -> dict[int, int]:
    """Row of ``b`` to row of ``a`` with the same pixels."""
    known = {digest: i for i, digest in enumerate(a.hashes) if digest}
    return {j: known[digest] for j, digest in enumerate(b.hashes) if digest in known}


def _near(a: _Searched, b: _Searched, mean: _Vectors) -> dict[int, int]:
    """Row of ``b`` to the most similar row of ``a`` that shows the same."""
    best: dict[int, tuple[float, int]] = {}
    for start in range(0, len(b.rows), _CHUNK):
        likeness = b.thumbs[start : start + _CHUNK] @ a.thumbs.T  # (chunk, n)
        candidates = (likeness >= SAME_THUMB).nonzero().numpy()  # (candidates, 2)
        for pairs in np.array_split(candidates, -(-len(candidates) // _CHUNK) or 1):
            rows_a, rows_b = a.rows[pairs[:, 1]], b.rows[pairs[:, 0] + start]
            scores = _confirm(_vectors(a.part, rows_a), _vectors(b.part, rows_b), mean)
            for i, j, score in zip(rows_a.tolist(), rows_b.tolist(), scores, strict=True):
                if score > best.get(j, (0.0, 0))[0]:
                    best[j] = (score, i)
    return {j: i for j, (_, i) in best.items()}


def _confirm(a: _Vectors, b: _Vectors, mean: _Vectors) -> list[float]:
    """Correlation of the pixels of each pair; 0 where they do not show the same."""
    pixels = (_unit(a.pixels - mean.pixels) * _unit(b.pixels - mean.pixels)).sum(1)  # (pairs,)
    details = (_unit(a.details - mean.details) * _unit(b.details - mean.details)).sum(1)
    same = (pixels >= SAME_PIXELS) & (details >= SAME_DETAILS)
    return [float(score) for score in torch.where(same, pixels, 0)]


def _same_label(exam: Exam, pair: _Pair) -> bool:
    a = exam.parts[pair.earlier].targets[pair.i]
    b = exam.parts[pair.later].targets[pair.j]
    return bool(np.all((a == b) | (np.isnan(a) & np.isnan(b))))


def _as_evidence(exam: Exam, pair: _Pair) -> dict[str, Any]:
    return {
        "parts": [pair.earlier, pair.later],
        "ids": [exam.parts[pair.earlier].ids[pair.i], exam.parts[pair.later].ids[pair.j]],
        "exact": pair.exact,
    }


CHECKS.add("duplicates", CheckSpec(fn=check_duplicates))
