"""``kd-lab mlflow``: a study for MLflow."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_core.cli.screen import Screen


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``mlflow``."""
    command = add("mlflow", export)
    command.add_argument("study", metavar="STUDY", help=screen.text("cli.mlflow.study"))
    command.add_argument(
        "--to", metavar="DIR", type=Path, required=True, help=screen.text("cli.mlflow.to")
    )


def export(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Write the study's finished models into a folder of MLflow's.

    Raises:
        StoreError: ``study_unknown``, ``study_empty`` or ``mlflow_missing``.
    """
    from kd_core.study.mlflow_export import export_mlflow
    from kd_core.study.store import Store

    models = export_mlflow(Store(), arguments.study, arguments.to)
    screen.note("cli.mlflow.done", n=models, folder=str(arguments.to))
    return {"models": models, "folder": str(arguments.to)}
