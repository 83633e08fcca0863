import pytest

from kd_core.losses import objective
from kd_core.models import get_spec
from kd_core.study.graph import expand
from kd_core.study.published import PUBLISHED

POSSIBLE = {name: entry for name, entry in PUBLISHED.items() if entry.study is not None}


@pytest.mark.parametrize("name", POSSIBLE)
def test_a_preset_can_be_carried_out(name) -> None:
    entry = POSSIBLE[name]
    study = entry.study("sample")
    assert expand(study)
    for model in (study.student, study.teacher.model):
        get_spec(model.name)
    for task in entry.tasks:
        objective(study.arms[0].distil, task)


def test_the_chest_x_ray_study_as_published() -> None:
    study = PUBLISHED["chest_xray"].study("cxr")
    distil = study.arms[0].distil
    assert (study.teacher.model.name, study.student.name) == ("densenet121", "mobilenet_v2")
    assert distil.alpha == 0.7  # on the true labels
    assert distil.losses[0].params["T"] == 6.0
    assert (study.teacher.train.lr, study.train.lr) == (1e-4, 1e-3)
    assert study.train.imbalance == "class_weights"  # pos_weight = negatives / positives
    assert (study.train.batch_size, study.train.epochs, study.data.size) == (128, 100, 224)
    assert (study.teacher.model.dropout, study.student.dropout) == (0.394, 0.150)


def test_every_study_says_what_it_reports_what_confounds_it_and_what_is_left_open() -> None:
    for entry in PUBLISHED.values():
        assert entry.reported
        assert entry.remarks
        assert entry.unset
