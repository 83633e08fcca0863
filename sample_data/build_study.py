"""Rebuild the embedded study: ``python -m sample_data.build_study [--home DIR]``.

Runs ``study.json`` through the ordinary queue in a home of its own and copies the finished runs to
``sample_data/study``, without the states that only a resumed training would need. One thread, so
the same machine gives the same bits; another one gives the same study up to rounding.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from kd_core.config import StudySettings
from kd_core.data.library import Library
from kd_core.jobs import connect

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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="where to work; else a temporary folder")
    chosen = parser.parse_args().home
    if chosen is None:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
    else:
        build(chosen)
