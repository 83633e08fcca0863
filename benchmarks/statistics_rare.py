"""What few patients with a label do to intervals: why a mean over labels leaves some out.

100 patients with one image each; of three labels, 40 and 30 have the first two, and as many as the
row says the third. Two equally good models share part of what they see in an image.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.statistics_sims import Share, Size, truth_of
from kd_core.evaluate.gap import Gap, gaps
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import counted_in
from kd_core.evaluate.scores import Score, score

PATIENTS = 100
COMMON = (40, 30)
DELTAS = (1.8, 1.8, 0.95)
"""Distances of the sides, by label: areas of 0.90, 0.90 and 0.75."""
SHARED = 0.6
"""Share of an image's effect that both models see, as a standard deviation."""


def models(rng: np.random.Generator, with_label: int) -> tuple[Predictions, Predictions]:
    """Two models that are equally good."""
    numbers = (*COMMON, with_label)
    truth = np.stack([rng.permutation(PATIENTS) < n for n in numbers], 1).astype(np.float32)
    both = SHARED * rng.normal(size=truth.shape)
    ids, names = tuple(map(str, range(PATIENTS))), ("first", "second", "rare")

    def one(seed: int) -> Predictions:
        own = math.sqrt(1 - SHARED**2) * rng.normal(size=truth.shape)
        z = (np.array(DELTAS) * (truth - 0.5) + both + own).astype(np.float32)
        return Predictions(ids, truth, z, "val", seed, names, "multilabel")

    return one(0), one(1)


def rare_labels(size: Size) -> list[dict[str, Any]]:
    """How often intervals hold the truth, by number of patients with the third label."""
    areas = np.array([truth_of("macro_auc", delta) for delta in DELTAS])
    rows = []
    for with_label in (2, 3, 4, 5, 8, 15):
        rng = np.random.default_rng(6)
        hits = dict.fromkeys(("mean", "difference", "own", "own difference", "none"), 0)
        widths = []
        for _ in range(size.trials):
            one, two = models(rng, with_label)
            found = score(one, ["macro_auc", "auc"], size.repeats)
            own = found["auc:rare"]
            hits["mean"] += _holds(found["macro_auc"], float(areas[counted_in(one)].mean()))
            hits["difference"] += _holds(gaps([one], [two], "macro_auc", size.repeats)[0], 0.0)
            hits["own"] += _holds(own, float(areas[2]))
            hits["own difference"] += _holds(gaps([one], [two], "auc", size.repeats)[2], 0.0)
            hits["none"] += math.isnan(own.low)
            widths.append((own.high - own.low) / 2)
        shares = {name: Share.of(n, size.trials) for name, n in hits.items()}
        rows.append(
            {
                "patients with the label": with_label,
                "counts": "yes" if counted_in(one)[2] else "no",
                "mean AUC": shares["mean"],
                "difference in mean AUC": shares["difference"],
                "the label's own AUC": shares["own"],
                "its difference": shares["own difference"],
                "its AUC has no interval": shares["none"],
                "its AUC is known to ±": float(np.nanmean(widths)),
            }
        )
    return rows


def _holds(found: Score | Gap, truth: float) -> bool:
    return bool(found.low <= truth <= found.high)
