from kd_core.config import Arm, DataSettings, DistilSettings, ModelSettings, StudySettings
from kd_core.study.graph import config_hashes, expand

SIZES = tuple(ModelSettings(name="tiny_cnn", params={"width": width}) for width in (32, 24, 16))


def runs(*sizes: ModelSettings, name: str = "chain"):
    arm = Arm(name=name, distil=DistilSettings(mode="assistants", peers=sizes))
    study = StudySettings(data=DataSettings(dataset="sample"), arms=(arm,), seeds=(0, 1))
    return {run.key: run for run in expand(study)}


def test_sizes_teach_one_after_the_other():
    found = runs(*SIZES[:2])
    assert found["chain-ta1-s1"].needs == {"teacher": "teacher-s0"}
    assert found["chain-ta2-s1"].needs == {"teacher": "chain-ta1-s1"}
    assert found["chain-s1"].needs == {"teacher": "chain-ta2-s1"}
    assert [found[f"chain-ta{n}-s1"].model for n in (1, 2)] == list(SIZES[:2])
    assert found["chain-s1"].model == found["baseline-s1"].model


def test_chains_with_the_same_beginning_share_it():
    two, three = (config_hashes(runs(*sizes).values()) for sizes in (SIZES[:2], SIZES))
    assert two["chain-ta2-s0"] == three["chain-ta2-s0"]
    assert two["chain-s0"] != three["chain-s0"]
