"""Small predictions with known properties, for the tests of the statistics."""

import numpy as np

from kd_core.evaluate.predictions import Predictions


def two_classes(p: np.ndarray, truth: np.ndarray, **more) -> Predictions:
    """Two classes from probabilities of the second, (N,)."""
    p = np.clip(np.asarray(p, float), 1e-6, 1 - 1e-6)
    logits = np.stack([np.zeros(len(p)), np.log(p / (1 - p))], 1).astype(np.float32)
    ids = tuple(map(str, range(len(p))))
    targets = np.asarray(truth).astype(np.int64)
    return Predictions(ids, targets, logits, "val", 0, ("healthy", "ill"), **more)


def labels(p: np.ndarray, truth: np.ndarray, **more) -> Predictions:
    """Several labels from probabilities and targets, (N, L) each."""
    p = np.clip(np.asarray(p, float), 1e-6, 1 - 1e-6)
    names = tuple("abcdefgh"[: p.shape[1]])
    ids = tuple(map(str, range(len(p))))
    logits = np.log(p / (1 - p)).astype(np.float32)
    targets = np.asarray(truth, np.float32)
    return Predictions(ids, targets, logits, "val", 0, names, "multilabel", **more)


def answers(right: np.ndarray, patients: np.ndarray | None = None, seed: int = 0) -> Predictions:
    """Two classes in turn, answered rightly where ``right`` says so."""
    n = len(right)
    y = np.arange(n) % 2
    logits = 2 * np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
    ids = tuple(map(str, range(n)))
    return Predictions(ids, y, logits, "val", seed, ("a", "b"), patients=patients)
