from kd_core.config import Arm, DataSettings, DistilSettings, StudySettings
from kd_core.study.graph import config_hashes, expand


def runs(generations: int, name: str = "again"):
    arm = Arm(name=name, distil=DistilSettings(mode="born_again",
                                               params={"generations": generations}))  # fmt: skip
    study = StudySettings(data=DataSettings(dataset="sample"), arms=(arm,), seeds=(3,))
    return {run.key: run for run in expand(study)}


def test_each_generation_is_taught_by_the_one_before():
    found = runs(3)
    needs = {key: run.needs for key, run in found.items() if run.role == "student"}
    assert needs == {
        "again-gen1-s3": {"teacher": "baseline-s3"},
        "again-gen2-s3": {"teacher": "again-gen1-s3"},
        "again-s3": {"teacher": "again-gen2-s3"},
    }
    students = [run for run in found.values() if run.role == "student"]
    assert all(run.model == found["baseline-s3"].model for run in students)
    assert {run.seed for run in found.values()} == {3}


def test_a_longer_line_begins_with_the_same_runs():
    short, long = (config_hashes(runs(n).values()) for n in (1, 2))
    assert short["again-s3"] == long["again-gen1-s3"]
    assert short["again-s3"] != long["again-s3"]
