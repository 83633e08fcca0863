import pytest

from kd_core.config import Arm, DataSettings, DistilSettings, StudySettings, TeacherSettings
from kd_core.errors import ConfigError
from kd_core.study.graph import RUN_PREFIX, config_hashes, expand, stored_views

DATA = DataSettings(dataset="sample", data_hash="abc")


def study(**changes: object) -> StudySettings:
    return StudySettings(data=DATA, **changes)


def test_parents_come_before_the_runs_that_need_them() -> None:
    runs = expand(study(seeds=(3, 1), imported=("mine.onnx",)))
    seen: set[str] = set()
    for run in runs:
        assert set(run.needs.values()) <= seen
        seen.add(run.key)
    assert len(seen) == len(runs) == 6


def test_baseline_and_students_of_a_seed_differ_only_in_distil() -> None:
    runs = {run.key: run for run in expand(study(seeds=(0, 1)))}
    alone, taught = runs["baseline-s1"].to_json(), runs["distilled-s1"].to_json()
    different = {name for name in alone if alone[name] != taught[name]}
    assert different == {"key", "role", "distil", "needs"}
    assert runs["baseline-s1"].views == 8


def test_one_teacher_or_one_a_seed_or_one_from_before() -> None:
    def keys(**teacher: object) -> list[str]:
        runs = expand(study(seeds=(5, 6), teacher=TeacherSettings(**teacher)))
        return [run.needs["teacher"] for run in runs if run.role == "student"]

    assert keys() == ["teacher-s5", "teacher-s5"]
    assert keys(per_seed=True) == ["teacher-s5", "teacher-s6"]
    assert keys(run="r1") == [RUN_PREFIX + "r1"] * 2


def test_a_live_teacher_gives_the_baseline_fresh_views_too() -> None:
    live = study(arms=(Arm(distil=DistilSettings(teacher_outputs="live")),))
    assert stored_views(live) is None
    assert all(run.views is None for run in expand(live))


def test_arms_must_share_their_views() -> None:
    arms = (
        Arm(name="a", distil=DistilSettings(views=2)),
        Arm(name="b", distil=DistilSettings(views=3)),
    )
    with pytest.raises(ConfigError) as caught:
        study(arms=arms)
    assert caught.value.code == "views_differ"


def test_hashes_follow_parents_and_ignore_names() -> None:
    first = config_hashes(expand(study(name="one")))
    assert first == config_hashes(expand(study(name="two")))
    other = config_hashes(expand(study(teacher=TeacherSettings(train={"epochs": 3}))))
    assert first["baseline-s0"] == other["baseline-s0"]
    assert first["distilled-s0"] != other["distilled-s0"]


def test_a_finished_teacher_counts_by_its_own_hash() -> None:
    runs = expand(study(teacher=TeacherSettings(run="r1")))
    one = config_hashes(runs, {"r1": "x"})
    two = config_hashes(runs, {"r1": "y"})
    assert one["distilled-s0"] != two["distilled-s0"]
    assert one["baseline-s0"] == two["baseline-s0"]
