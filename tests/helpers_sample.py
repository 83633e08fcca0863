"""The embedded study in a store of its own, collected once for all tests that only read it."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd

from kd_core.study.collect import collect
from kd_core.study.methods_facts import MethodFacts, method_facts
from kd_core.study.models_frame import read_frame
from kd_core.study.results import by_arm, results
from kd_core.study.store import Store
from kd_core.study.trials import trials
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(ROOT / "app" / "locale").render


@cache
def sample_store() -> Store:
    """A store that holds the embedded study: one teacher, three seeds of two students."""
    root = Path(mkdtemp(prefix="kdlab-sample-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    store = Store(root)
    collect(store, ROOT / "sample_data" / "study")
    return store


@cache
def sample_study() -> str:
    """Its id."""
    return sample_store().studies()[0].id


def sample_frame() -> pd.DataFrame:
    """Its models, in a frame of the caller's own."""
    return read_frame(sample_store(), [sample_study()])


def sample_facts(**changes: object) -> MethodFacts:
    """What its methods paragraph is made from, with other settings where they are given."""
    store, study_id = sample_store(), sample_study()
    row = store.study(study_id)
    row = row._replace(settings_json=row.settings.change(**changes).to_json())  # type: ignore[arg-type]
    arms = by_arm(results(store, study_id))
    record = store.record(arms["distilled"][0].run.id)
    tried = trials(store, study_id)
    return method_facts(row, record, arms, "balanced_accuracy", "val", tried)
