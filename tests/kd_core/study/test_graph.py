import pytest

from kd_core.config import (
    Arm,
    Chain,
    CompressStep,
    DataSettings,
    DistilSettings,
    RunSettings,
    StudySettings,
    TeacherSettings,
    TrainSettings,
)
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


def chain(name: str = "small", origin: str = "teacher", **step: object) -> Chain:
    return Chain(name=name, origin=origin, steps=(CompressStep(method="finetune", **step),))


def compressed(*chains: Chain, **changes: object) -> dict[str, RunSettings]:
    runs = expand(study(seeds=(0, 1), chains=chains, **changes))
    return {run.key: run for run in runs if run.role == "compressed"}


def test_a_chain_is_a_run_a_seed_that_needs_what_it_is_made_from() -> None:
    runs = compressed(chain(origin="distilled", tune=TrainSettings(epochs=1)))
    assert list(runs) == ["small-s0", "small-s1"]
    assert runs["small-s1"].needs == {"origin": "distilled-s1"}
    assert runs["small-s1"].model.name == "mobilenet_v3_small"


def test_one_origin_and_no_training_is_one_run() -> None:
    assert list(compressed(chain())) == ["small-s0"]
    assert list(compressed(chain(), teacher=TeacherSettings(per_seed=True))) == [
        "small-s0",
        "small-s1",
    ]
    assert list(compressed(chain(origin="imported-a.onnx"), imported=("a.onnx",))) == ["small-s0"]


def test_a_step_that_distils_needs_a_teacher_and_a_pruned_teacher_is_its_own() -> None:
    step = {"tune": TrainSettings(epochs=1), "distil": DistilSettings()}
    own = compressed(chain(**step))["small-s1"]
    assert own.needs == {"origin": "teacher-s0", "teacher": "teacher-s0"}
    pupil = compressed(chain(origin="baseline", **step))["small-s1"]
    assert pupil.needs == {"origin": "baseline-s1", "teacher": "teacher-s0"}
    older = compressed(chain(origin="run:r1", **step))["small-s1"]
    assert older.needs == {"origin": "run:r1", "teacher": "run:r1"}


def test_chains_have_names_and_origins_of_their_own() -> None:
    for chains, code in (
        ((chain("a"), chain("a")), "chains_repeat"),
        ((chain("distilled"),), "chains_repeat"),
        ((chain("baseline"),), "chains_repeat"),
        ((chain(origin="nobody"),), "chain_origin"),
    ):
        with pytest.raises(ConfigError) as caught:
            study(chains=chains)
        assert caught.value.code == code


def test_the_name_of_a_chain_does_not_matter_and_its_steps_and_origin_do() -> None:
    def hashed(one: Chain) -> str:
        return config_hashes(expand(study(chains=(one,))))[f"{one.name}-s0"]

    assert hashed(chain("a")) == hashed(chain("b"))
    assert hashed(chain()) != hashed(chain(tune=TrainSettings(epochs=1)))
    assert hashed(chain()) != hashed(chain(origin="baseline"))


def test_an_arm_may_have_a_recipe_of_its_own_and_need_nobody() -> None:
    longer = TrainSettings(steps=500)
    arm = Arm(name="longer", distil=DistilSettings(mode="alone", losses=()), train=longer)
    run = {run.key: run for run in expand(study(arms=(arm,)))}["longer-s0"]
    assert run.train == longer
    assert run.needs == {}
    assert run.views == 8


def test_what_two_arms_ask_for_is_trained_once() -> None:
    several = DistilSettings(mode="ensemble", params={"teachers": 2})
    sure = several.change(params={"teachers": 2, "weights": "confidence"})
    arms = (Arm(name="a", distil=several), Arm(name="b", distil=sure))
    keys = [run.key for run in expand(study(arms=arms, seeds=(0, 1)))]
    assert keys.count("teacher-s1") == 1
    assert len(set(keys)) == len(keys) == 8


def test_different_runs_of_one_name_are_refused() -> None:
    again = DistilSettings(mode="born_again", params={"generations": 2})
    arms = (Arm(name="a", distil=again), Arm(name="a-gen1"))
    with pytest.raises(ConfigError) as caught:
        expand(study(arms=arms))
    assert caught.value.code == "graph_key"


def test_folds_keep_several_teachers_apart() -> None:
    several = DistilSettings(mode="ensemble", params={"teachers": 2})
    runs = expand(study(arms=(Arm(distil=several),), seeds=(0, 1), folds=2))
    known = {run.key for run in runs}
    assert all(need in known for run in runs for need in run.needs.values())
    last = next(run for run in runs if run.key == "distilled-fold2-s1")
    assert last.needs == {"teacher": "teacher-fold2-s0", "teacher-2": "teacher-fold2-s1"}
