"""A study as MLflow runs, for those whose team looks at experiments there.

Needs the optional extra (``pip install "kd-lab[mlflow]"``). One MLflow run a model: parameters are
the run's settings, metrics the validation scores, the history by epoch and the measured latency;
the ONNX file and the record are its artefacts. Test scores and images stay here.

    <folder>/mlflow.db      mlflow ui --backend-store-uri sqlite:///<folder>/mlflow.db
    <folder>/artifacts/
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import pandas as pd

from kd_core.errors import StoreError
from kd_core.study.models_frame import model_file
from kd_core.study.records import RECORD
from kd_core.study.results import Result, results
from kd_core.study.side_by_side import flat
from kd_core.study.store import Store

MOST_CHARS = 500
"""Length of a parameter's value that MLflow stores."""


def available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) for name in ("mlflow", "sqlalchemy", "alembic"))


def export_mlflow(store: Store, study_id: str, folder: Path) -> int:
    """Write a study's finished models into a folder of MLflow's; how many.

    Args:
        store: Where the study is.
        study_id: The study.
        folder: Made when missing; a further export adds to it.

    Raises:
        StoreError: ``study_unknown``, ``study_empty`` or ``mlflow_missing``.
    """
    if not available():
        raise StoreError("mlflow_missing")
    study = store.study(study_id)
    found = results(store, study_id)
    if not found:
        raise StoreError("study_empty", study=study_id)
    from mlflow.tracking import MlflowClient

    folder = folder.resolve()
    artifacts = folder / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    title = f"{study.name} ({study.id})"
    known = client.get_experiment_by_name(title)
    place = artifacts.as_uri()
    experiment = known.experiment_id if known else client.create_experiment(title, place)
    for result in found:
        _export(client, experiment, store, result)
    return len(found)


def _export(client: Any, experiment: str, store: Store, result: Result) -> None:
    model, run = result.model, result.run
    tags = {
        "kdlab.run": run.id, "kdlab.arm": result.arm, "kdlab.role": model.role,
        "kdlab.config_hash": run.config_hash, "kdlab.sha256": model.sha256,
    }  # fmt: skip
    name = run.key if model.step == 0 else f"{run.key} · {model.name}"
    made = client.create_run(experiment, run_name=name, tags=tags).info.run_id
    settings = {k: str(v)[:MOST_CHARS] for k, v in flat(store.settings(run.id).to_json()).items()}
    for key, text in settings.items():
        client.log_param(made, key.replace("[", ".").replace("]", ""), text)
    for key, value in _metrics(result).items():
        client.log_metric(made, key, value)
    _history(client, made, result)
    for path in (model_file(store, run.id, model.name), result.folder / RECORD):
        if path.is_file():
            client.log_artifact(made, str(path))
    client.set_terminated(made)


def _metrics(result: Result) -> dict[str, float]:
    """Validation scores and costs; MLflow takes no colon in a name."""
    found = {f"val.{k.replace(':', '.')}": s.value for k, s in result.scores.items()}
    measured = result.latency()
    found |= {
        "size_bytes": result.model.size_bytes,
        "params": result.model.params,
        "macs": result.model.macs,
        "latency_ms_p50": measured.latency_ms_p50 if measured else None,
    }
    return {k: float(v) for k, v in found.items() if v is not None and math.isfinite(v)}


def _history(client: Any, made: str, result: Result) -> None:
    path = result.folder / "history.csv"
    if not path.is_file() or result.model.step:
        return
    for row in pd.read_csv(path).to_dict("records"):
        for key, value in row.items():
            name = str(key)
            if name.startswith(("loss.", "val.")) and math.isfinite(value):
                client.log_metric(made, f"epoch.{name}", float(value), step=int(row["epoch"]))
