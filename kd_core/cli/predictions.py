"""``kd-lab export-predictions``: every answer of a study in one table."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_core.cli.screen import Screen


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``export-predictions``."""
    command = add("export-predictions", export)
    command.add_argument("study", metavar="STUDY", help=screen.text("cli.export-predictions.study"))
    command.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="FILE.parquet|FILE.csv",
        help=screen.text("cli.export-predictions.to"),
    )
    command.add_argument(
        "--part", action="append", metavar="PART", help=screen.text("cli.export-predictions.part")
    )


def export(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Write the predictions of a study's finished models; sealed parts only once they are open.

    Raises:
        StoreError: ``study_unknown``, ``study_empty``, ``test_sealed``, ``disk_full``.
    """
    from kd_core.study.predictions_out import write
    from kd_core.study.store import Store

    with contextlib.closing(Store()) as store:
        rows = write(store, arguments.study, arguments.to, arguments.part)
        opened = store.study(arguments.study).test_opened_at is not None
    screen.line("cli.export-predictions.done", n=rows, file=str(arguments.to))
    if not opened:
        screen.note("cli.export-predictions.sealed")
    return {"study": arguments.study, "to": str(arguments.to), "rows": rows, "opened": opened}
