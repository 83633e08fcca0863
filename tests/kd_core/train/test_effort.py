from kd_core.config import DistilSettings
from kd_core.train.effort import Effort
from kd_core.train.modes import MODES


def test_images_of_its_own_are_told_from_those_of_the_training_part() -> None:
    assert not Effort(learners=(None,), steps=0.3, answers=1.0).elsewhere
    assert Effort(images=0).elsewhere
    assert Effort(asked=0.5).elsewhere


def test_modes_that_make_or_label_images_learn_elsewhere() -> None:
    efforts = {name: MODES[name].efforts(DistilSettings(mode=name)) for name in MODES}
    assert {name for name, effort in efforts.items() if effort.elsewhere} == {
        "data_free",
        "unlabelled",
    }
