"""Rebuild the embedded study: ``python -m sample_data.build_study [--home DIR] [--scores]``.

Runs ``study.json`` through the ordinary queue in a home of its own and copies the finished runs to
``sample_data/study``, without the states that only a resumed training would need. One thread, so
the same machine gives the same bits; another one gives the same study up to rounding.

``--scores`` trains nothing: it makes the scores of the records anew from the stored predictions,
after a rule for intervals has changed, so that all pages show the same ones.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from kd_core.config import StudySettings
from kd_core.data.library import Library
from kd_core.evaluate.predictions import read_predictions
from kd_core.evaluate.scores import score
from kd_core.jobs import connect
from kd_core.study.records import RECORD, score_record, write_json
from kd_core.study.rescored import validation_file

HERE = Path(__file__).parent
TARGET = HERE / "study"
LEFT_OUT = shutil.ignore_patterns("checkpoint.pt", "*.lock", "*.log", "log.txt")


def build(home: Path) -> None:
    """Run the study in ``home`` and put its runs in place."""
    study = StudySettings.from_json((HERE / "study.json").read_text(encoding="utf-8"))
    jobs = connect(home)
    data_hash = Library(jobs.store.home.root).get(study.data.dataset).hash
    study_id = jobs.submit(study.change(data=study.data.change(data_hash=data_hash)))
    row, runs = jobs.wait(study_id)
    unfinished = [run.key for run in runs if run.status != "finished"]
    if unfinished:
        raise SystemExit(f"not finished: {', '.join(unfinished)}")
    shutil.rmtree(TARGET, ignore_errors=True)
    for run in runs:
        shutil.copytree(jobs.store.folder(run.id), TARGET / run.id, ignore=LEFT_OUT)
    jobs.close()
    print(f"{row.name}: {len(runs)} runs in {TARGET}")


def rescored(record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A record as JSON with the scores that its stored predictions have by today's rules."""
    models = []
    for model in record["models"]:
        own = read_predictions(validation_file(folder, model["name"]))
        made = score(own)
        scores = {name: score_record(made[name]).to_json() for name in model["scores"]}
        models.append({**model, "scores": scores})
    return {**record, "models": models}


def rescore() -> None:
    """Bring the scores of all records up to date."""
    for file in sorted(TARGET.glob(f"*/{RECORD}")):
        record = json.loads(file.read_text(encoding="utf-8"))
        write_json(file, rescored(record, file.parent))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="where to work; else a temporary folder")
    parser.add_argument("--scores", action="store_true", help="make only the scores anew")
    options = parser.parse_args()
    chosen = options.home
    if options.scores:
        rescore()
    elif chosen is None:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
    else:
        build(chosen)
