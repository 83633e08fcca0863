"""Grey levels that were lost on the way: collapsed, clipped, or squeezed into a narrow range.

A 16-bit film that is converted without a window keeps two grey levels; a window that is too wide
keeps a few dozen; one that is too narrow clips both ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kd_core.data.doctor.exam import CHECKS, CheckSpec, Exam
from kd_core.data.doctor.finding import Finding
from kd_core.data.loaded import Part

_FLAT = 0.99  # share of one level: the image shows nothing
_TWO_LEVELS = 0.8  # share of the second level in what the first leaves: black and white only
_BRIGHT = 0.3  # share of pixels at the upper end
_BOTH_ENDS = 0.1  # share of pixels at each end
_NARROW = 40  # grey levels between the 1st and the 99th percentile of all pixels
_SOME, _MANY = 0.01, 0.2  # shares of images
_IMAGES = 5_000  # of each part
_CHUNK = 512
_SHOWN = 8


def check_grey(exam: Exam) -> list[Finding]:
    """Images without grey levels, with clipped ones, or all in a narrow range."""
    ids: list[str] = []
    tables = []
    for part in exam.parts.values():
        rows = np.arange(0, len(part), max(1, -(-len(part) // _IMAGES)))
        tables.append(_level_shares(part, rows))
        ids += [part.ids[row] for row in rows]
    shares = np.concatenate(tables)  # (N, 256)
    findings = [
        *_share_finding("grey_collapsed", _is_collapsed(shares), ids, "alarm"),
        *_share_finding("grey_clipped", _is_clipped(shares), ids, "warning"),
    ]
    low, high = np.interp([0.01, 0.99], shares.mean(0).cumsum(), np.arange(256))
    evidence = {"low": round(float(low)), "high": round(float(high)), "images": len(ids)}
    if high - low < _NARROW and not findings:
        findings.append(Finding("grey_narrow", "warning", evidence))
    return findings or [Finding("grey_ok", "ok", evidence)]


def _level_shares(part: Part, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Share of pixels of each image at each grey level (mean of the channels), (n, 256)."""
    tables = []
    for start in range(0, len(rows), _CHUNK):
        images = part.images[rows[start : start + _CHUNK]]
        n = len(images)
        grey = images.astype(np.uint16).sum(1) // images.shape[1]  # (n, S, S)
        bins = grey.reshape(n, -1).astype(np.int64) + np.arange(n)[:, None] * 256
        counts = np.bincount(bins.ravel(), minlength=n * 256).reshape(n, 256)
        tables.append((counts / bins.shape[1]).astype(np.float32))
    return np.concatenate(tables)


def _is_collapsed(shares: NDArray[np.float32]) -> NDArray[np.bool_]:
    """One level only, or nearly all pixels at two; a plain background alone is not enough."""
    second, first = np.sort(shares, axis=1)[:, -2:].T
    rest = np.maximum(1 - first, 1e-6)
    return (first >= _FLAT) | (second / rest >= _TWO_LEVELS)


def _is_clipped(shares: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Large areas at the upper end, or at both; black alone is an ordinary background."""
    black, white = shares[:, :2].sum(1), shares[:, 254:].sum(1)
    both = (black >= _BOTH_ENDS) & (white >= _BOTH_ENDS)
    return ((white >= _BRIGHT) | both) & ~_is_collapsed(shares)


def _share_finding(code: str, bad: NDArray[np.bool_], ids: list[str], worst: str) -> list[Finding]:
    share = float(bad.mean())
    if share < _SOME:
        return []
    names = [ids[i] for i in np.flatnonzero(bad)[:_SHOWN]]
    evidence = {"n": int(bad.sum()), "images": len(ids), "share": share, "names": names}
    if worst == "alarm":
        return [Finding(code, "alarm" if share >= _MANY else "warning", evidence)]
    return [Finding(code, "warning" if share >= _MANY else "note", evidence)]


CHECKS.add("grey", CheckSpec(fn=check_grey))
