from kd_core.config import Arm, DataSettings, DistilSettings, LossTerm, ModelSettings, StudySettings
from kd_core.study.store import Store
from kd_core.study.submit import submit
from kd_core.study.trials import equal, method_of, setting_of, trials
from tests.helpers_jobs import run_all


def kd(name: str, **changes: object) -> Arm:
    return Arm(name=name, distil=DistilSettings(**changes))


def study(*arms: Arm, hash: str = "d1", **changes: object) -> StudySettings:
    return StudySettings(
        data=DataSettings(dataset="sample", data_hash=hash),
        student=ModelSettings(name="fake"),
        arms=arms,
        **changes,
    )


def test_a_grid_is_as_many_trials_as_it_has_settings(home) -> None:
    store = Store(home)
    hot = kd("hot", losses=(LossTerm(name="kd", params={"T": 8.0}),))
    other = kd("dist", losses=(LossTerm(name="dist"),))
    made = submit(store, study(kd("cold"), hot, kd("light", alpha=0.1), other, seeds=(0, 1)))
    run_all(store)
    found = trials(store, made)
    assert found == {"baseline": 1, "cold": 3, "hot": 3, "light": 3, "dist": 1}
    assert not equal(found)


def test_earlier_studies_count_and_seeds_folds_and_other_data_do_not(home) -> None:
    store = Store(home)
    submit(store, study(kd("first")), "ana")
    submit(store, study(kd("again"), seeds=(3, 4), folds=2), "ana")
    submit(store, study(kd("elsewhere", alpha=0.3), hash="d2"), "ana")
    submit(store, study(kd("other", alpha=0.4)), "ben")
    made = submit(store, study(kd("last", alpha=0.2)), "ana")
    run_all(store)
    assert trials(store, made) == {"baseline": 1, "last": 2}


def test_a_record_from_before_there_were_modes_counts_as_the_usual_one() -> None:
    new = {
        "model": {"name": "fake", "params": {}},
        "data": {"dataset": "sample", "size": 32},
        "train": {},
        "distil": {"mode": DistilSettings().mode, "losses": [{"name": "kd"}]},
    }
    old = {**new, "distil": {"losses": [{"name": "kd"}]}}
    assert method_of(old) == method_of(new)
    assert setting_of(old) != setting_of({**new, "distil": None})


def test_a_student_trained_alone_is_a_trial_of_the_baseline(home) -> None:
    store = Store(home)
    recipe = StudySettings(data=DataSettings(dataset="x")).train.change(lr=0.1)
    tuned = Arm(name="tuned", distil=DistilSettings(mode="alone"), train=recipe)
    made = submit(store, study(tuned, kd("taught")))
    run_all(store)
    assert trials(store, made) == {"baseline": 2, "tuned": 2, "taught": 1}
