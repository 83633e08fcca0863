"""Fits in the background: made once, with a reason where there can be none."""

import numpy as np
import pytest

from app import demo_fits, demo_models
from app.demo_choose import Chosen
from app.services import services
from kd_core.errors import DataError
from kd_core.explain import familiar
from kd_core.text import Msg


@pytest.fixture
def chosen(filled) -> Chosen:
    models = tuple(demo_models.contenders(filled.study).values())[:1]
    record = services().store.record(models[0].result.run.id)
    return Chosen(filled.study, "Tiny cells", record, models)


def test_a_fit_is_begun_once_and_goes_on_by_itself(chosen, monkeypatch) -> None:
    begun = []
    monkeypatch.setattr(demo_fits, "start", lambda *work: begun.append(work))
    first = demo_fits.fitting(chosen)
    assert first.going
    assert demo_fits.fitting(chosen) is first
    assert len(begun) == 1
    monkeypatch.setattr(familiar, "FEWEST", 5)
    demo_fits.make(*begun[0])
    assert not first.going
    assert first.done == first.total > 1
    assert first.made is not None
    image = np.zeros((1, 3, 32, 32), np.uint8)
    (judged,) = first.made.judge(image, demo_fits.features(chosen.teacher)(image))
    assert not judged.familiar
    assert demo_models.places().acquire(blocking=False)  # and the place was given back


def test_a_thread_that_fails_leaves_its_reason(chosen, monkeypatch) -> None:
    def gone(*_: object) -> None:
        raise DataError("dataset_unknown", name="cells")

    monkeypatch.setattr(demo_fits, "load_data", gone)
    found = demo_fits.Fitting()
    demo_fits.make(found, chosen.record.settings.data, services().store.home.root, "a", lambda x: x)
    assert found.problem == Msg("error.dataset_unknown", {"name": "cells"})
    assert not found.going
