"""A home with many finished runs that nobody trained: for timing pages, and for nothing else.

Runs are written into the database alone; a few have a folder with a real, untrained network, so
that estimates, verdicts and downloads work as they would. Every name says ``synthetic``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.config import DataSettings, ModelSettings, RunSettings, StudySettings
from kd_core.evaluate.predictions import Predictions, write_predictions
from kd_core.export.contract import FileContract
from kd_core.export.onnx_export import trace_onnx
from kd_core.export.onnx_file import write_metadata, write_model
from kd_core.models import build_model
from kd_core.models.profile import profile
from kd_core.study.store import Store

CLASSES = ("healthy", "ring", "trophozoite", "schizont", "confuser")
METRICS = ("balanced_accuracy", "accuracy", "macro_auc", "average_precision", "f1", "mcc", "ece")
BY_CLASS = ("auc", "sensitivity", "specificity")
SEEDS = 5
NETWORKS = 24
IMAGES = 600
SIDE = 40


def make_home(root: Path, runs: int) -> str:
    """A store with one study of about so many runs; the study's id.

    Args:
        root: An empty folder.
        runs: Finished runs; one teacher, then groups of ``SEEDS`` students.
    """
    store = Store(root)
    study = "ssynthetic0000"
    settings = StudySettings(
        name=f"{runs} synthetic runs",
        data=DataSettings(dataset="sample", data_hash="synthetic", size=SIDE),
        student=ModelSettings(name="tiny_cnn"),
    )
    networks = [_network(i) for i in range(NETWORKS)]
    rng = np.random.default_rng(0)
    with store.db.write() as db:
        db.execute(
            "INSERT INTO studies VALUES (?,?,?,?,?,?,?,NULL,NULL,NULL)",
            [study, settings.name, "", json.dumps(settings.to_json()), "synthetic",
             "balanced_accuracy", time.time()],
        )  # fmt: skip
        for place in range(runs):
            _run(db, store, study, place, networks, rng)
    store.close()
    return study


def _network(place: int) -> dict[str, Any]:
    """One of a few networks, traced once: a teacher, then students of rising width and depth."""
    widths, depths = (8, 12, 16, 24, 32, 48), (2, 3, 4, 5)
    if place == 0:
        model = ModelSettings(name="resnet_narrow", params={"width": 32, "blocks": 2})
    else:
        params = {"width": widths[place % 6], "depth": depths[place // 6]}
        model = ModelSettings(name="tiny_cnn", params=params)
    network = build_model(model, len(CLASSES), 3, SIDE, seed=0).eval()
    figures = profile(network, 3, SIDE)
    traced = trace_onnx(network, np.zeros((1, 3, SIDE, SIDE), np.float32))
    contract = FileContract(classes=CLASSES, mean=(0.5,) * 3, std=(0.2,) * 3, size=SIDE, channels=3)
    write_metadata(traced, contract)
    data = DataSettings(dataset="sample", data_hash="synthetic", size=SIDE)
    config = RunSettings(key="synthetic", role="student", model=model, data=data).to_json()
    return {
        "model": model.name, "config": config, "params": figures.params, "macs": figures.macs,
        "onnx": traced,
        "bytes": traced.ByteSize(), "made": set(),
    }  # fmt: skip


def _run(
    db: Any, store: Store, study: str, place: int, networks: list[dict[str, Any]],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    teacher = place == 0
    arm, seed = (place - 1) // SEEDS, (place - 1) % SEEDS
    name = "teacher" if teacher else "baseline" if arm == 0 else f"synthetic-{arm}"
    role = "student" if arm and not teacher else name
    seed = 0 if teacher else seed
    network = networks[0 if teacher else 1 + arm % (len(networks) - 1)]
    run_id, now = f"rsynthetic{place:06d}", time.time() + place * 1e-6
    alpha = round(0.1 * (arm % 10), 2)
    losses = [{"name": "kd", "weight": None, "params": {"T": float(1 + arm % 8)}}]
    distil = {"mode": "offline", "alpha": alpha, "losses": losses} if role == "student" else None
    key = f"{name}-s{seed}"
    config = {**network["config"], "key": key, "role": role, "seed": seed, "distil": distil,
              "views": None if teacher else 8}  # fmt: skip
    db.execute(
        "INSERT INTO runs (id, study, key, role, seed, status, owner, dataset, model, device,"
        " threads, config_hash, position, created, started, ended)"
        " VALUES (?,?,?,?,?,'finished','','sample',?,'cpu',1,?,?,?,?,?)",
        [run_id, study, key, role, seed, network["model"], run_id, place, now, now, now],
    )  # fmt: skip
    db.execute("INSERT INTO members VALUES (?,?,?)", [study, run_id, key])
    text = json.dumps(config)
    db.execute("INSERT INTO configs VALUES (?,?,'{}','[]')", [run_id, text])
    skill = 0.97 if teacher else 0.7 + 0.03 * np.log10(network["macs"] / 1e5) + 0.02 * rng.random()
    columns = {
        "run": run_id, "name": "model", "role": role, "architecture": network["model"],
        "parent": None, "step": 0, "params": network["params"], "macs": network["macs"],
        "state_dict_bytes": 4 * network["params"], "size_bytes": network["bytes"],
        "precision": "fp32", "sha256": run_id, "network_sha256": run_id,
        "scores": json.dumps(_scores(float(skill), rng)),
    }  # fmt: skip
    marks = ", ".join("?" * len(columns))
    db.execute(f"INSERT INTO models ({', '.join(columns)}) VALUES ({marks})", [*columns.values()])
    body = {"target_device": "this_machine", "runtime": "onnxruntime", "threads": 1,
            "precision": "fp32", "batch": 1, "latency_ms_p50": network["macs"] / 2e7 + 0.05,
            "latency_ms_p95": network["macs"] / 2e7 + 0.08, "peak_memory_bytes": 2e7}  # fmt: skip
    db.execute(
        "INSERT INTO measurements (run, model, at, body) VALUES (?, 'model', ?, ?)",
        [run_id, now, json.dumps(body)],
    )
    _folder(store, run_id, network, rng, float(skill))


def _scores(skill: float, rng: np.random.Generator) -> dict[str, Any]:
    def score() -> dict[str, Any]:
        value = float(np.clip(skill + 0.01 * rng.standard_normal(), 0, 1))
        return {"value": value, "low": value - 0.02, "high": min(1.0, value + 0.02), "n": IMAGES,
                "method": "synthetic", "undefined": None}  # fmt: skip

    names = [*METRICS, *(f"{metric}:{label}" for metric in BY_CLASS for label in CLASSES)]
    return {name: score() for name in names}


def _folder(
    store: Store, run_id: str, network: dict[str, Any], rng: np.random.Generator, skill: float
) -> None:
    """Predictions for every run; a network file for the first run of each network."""
    folder = store.home.run(run_id)
    (folder / "predictions").mkdir(parents=True)
    if not network["made"]:
        network["made"].add(run_id)
        path = folder / "models" / "model" / "model.onnx"
        path.parent.mkdir(parents=True)
        write_model(network["onnx"], path)
    target = folder / "predictions" / "model-val.parquet"
    if int(run_id[-6:]) < 200:  # a few different ones; the others are links to them
        truth = np.arange(IMAGES) % len(CLASSES)
        right = rng.random(IMAGES) < skill
        answers = np.where(right, truth, (truth + 1) % len(CLASSES))
        logits = np.eye(len(CLASSES), dtype=np.float32)[answers] * 4
        logits += rng.standard_normal(logits.shape).astype(np.float32)
        ids = tuple(map(str, range(IMAGES)))
        write_predictions(target, Predictions(ids, truth, logits, "val", 0, CLASSES))
    else:
        other = store.home.run(f"rsynthetic{int(run_id[-6:]) % 199 + 1:06d}")
        target.hardlink_to(other / "predictions" / "model-val.parquet")
