import json

import pytest

from kd_core.config import (
    Arm,
    ComputeSettings,
    DataSettings,
    DistilSettings,
    LossTerm,
    ModelSettings,
    RunSettings,
    StudySettings,
)
from kd_core.errors import ConfigError

STUDY = StudySettings(data=DataSettings(dataset="sample"))


def refused(**changes):
    with pytest.raises(ConfigError) as caught:
        STUDY.change(**changes)
    return caught.value


def test_studies_that_cannot_be_compared_are_refused():
    arm = Arm(name="a")
    live = Arm(name="b", distil=DistilSettings(teacher_outputs="live"))
    fewer = Arm(name="b", distil=DistilSettings(views=4))
    assert refused(seeds=(1, 1)).code == "seeds_repeat"
    assert refused(arms=(arm, arm)).code == "arms_repeat"
    assert refused(arms=(arm, live)).code == "views_differ"
    assert refused(arms=(arm, fewer)).code == "views_differ"


def test_live_arms_agree_whatever_their_views():
    arms = tuple(
        Arm(name=str(views), distil=DistilSettings(teacher_outputs="live", views=views))
        for views in (4, 8)
    )
    assert STUDY.change(arms=arms).arms == arms


def run(**changes):
    settings = {
        "key": "student-s0",
        "role": "student",
        "data": DataSettings(dataset="sample"),
        "model": ModelSettings(name="resnet18"),
        "distil": DistilSettings(losses=(LossTerm(name="kd", params={"T": 4.0}),)),
        "needs": {"teacher": "teacher-s0"},
        "compute": ComputeSettings(threads=2),
    }
    return RunSettings(**{**settings, **changes})


def test_identity_of_a_run():
    mine = run().config_hash({"teacher": "abc"})
    assert len(mine) == 64
    assert run(key="other").config_hash({"teacher": "abc"}) == mine
    assert run(needs={"teacher": "teacher-s1"}).config_hash({"teacher": "abc"}) == mine
    assert run().config_hash({"teacher": "abd"}) != mine
    assert run(seed=1).config_hash({"teacher": "abc"}) != mine
    assert run(compute=ComputeSettings(threads=1)).config_hash({"teacher": "abc"}) != mine


def test_the_hash_survives_json():
    copy = RunSettings.from_json(json.dumps(run().to_json()))
    assert copy.config_hash({"teacher": "abc"}) == run().config_hash({"teacher": "abc"})
