import numpy as np
import pytest

from kd_core.config import Chain, CompressStep, DistilSettings, TrainSettings
from kd_core.evaluate.predictions import Predictions, write_predictions
from kd_core.study.against import against, ways
from kd_core.study.results import Result, by_arm, last_steps, origin_arm, results
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import run_all, study

TUNE = CompressStep(method="finetune", tune=TrainSettings(epochs=1), distil=DistilSettings())
PRUNE, INT8 = CompressStep(method="prune_l1"), CompressStep(method="int8")
CHAIN = Chain(name="pdq", origin="baseline", steps=(PRUNE, TUNE, INT8))


def answers(wrong: int, seed: int) -> Predictions:
    truth = np.arange(120) % 2
    said = truth.copy()
    said[:wrong] = 1 - said[:wrong]
    logits = np.eye(2, dtype=np.float32)[said]
    return Predictions(tuple(map(str, range(120))), truth, logits, "val", seed, ("a", "b"))


@pytest.fixture
def found(home) -> list[Result]:
    store = Store(home)
    study_id = submit(store, study(0, 1))
    run_all(store)
    made = results(store, study_id)
    for result in made:
        path = result.folder / "predictions" / f"{result.model.name}-val.parquet"
        path.parent.mkdir()
        wrong = {"teacher": 0, "baseline": 30, "distilled": 1}[result.arm]
        write_predictions(path, answers(wrong, result.run.seed))
    store.close()
    return made


def step(result: Result, number: int, name: str, method: str) -> Result:
    """The result as if a chain had made it."""
    seed = result.run.seed
    run = result.run._replace(id=f"c{seed}", key=f"pdq-s{seed}", role="compressed")
    model = result.model._replace(
        run=run.id, name=name, role="compressed", step=number, method=method, size_bytes=7
    )
    return Result(run, model, f"pdq/{name}", result.measurements, result.folder)


def with_chain(found: list[Result]) -> dict[str, list[Result]]:
    made = list(found)
    for result in (r for r in found if r.arm == "baseline"):
        for number, name in enumerate(("1-prune-l1", "2-finetune", "3-int8"), start=1):
            made.append(step(result, number, name, name[2:].replace("-", "_")))
    return by_arm(made)


def test_each_arm_is_held_against_the_reference(found):
    rows = {row.arm: row for row in against(by_arm(found), "teacher", "accuracy")}
    assert next(iter(rows)) == "teacher"
    assert rows["teacher"].verdict is None
    assert rows["baseline"].verdict.difference == pytest.approx(-0.25)
    assert rows["baseline"].verdict.kind == "worse"
    assert rows["distilled"].speed_up == 1
    assert (rows["baseline"].way, rows["distilled"].way) == ("alone", "distilled")
    assert rows["distilled"].seeds == 2


def test_a_chain_is_named_by_what_it_did_until_then(found):
    arms = with_chain(found)
    said = {arm: ways(arm, arms, (CHAIN,)) for arm in arms if arm.startswith("pdq/")}
    assert said["pdq/1-prune-l1"] == ("pruned",)
    assert said["pdq/3-int8"] == ("pruned", "distilled", "quantised")
    taught = ways("pdq/1-prune-l1", arms, (CHAIN.change(origin="distilled"),))
    assert taught == ("distilled", "pruned")


def test_steps_on_the_way_are_arms_of_their_own_and_the_last_stands_for_the_chain(found):
    arms = with_chain(found)
    assert {"pdq/1-prune-l1", "pdq/2-finetune", "pdq/3-int8"} < set(arms)
    assert last_steps(arms) == ["teacher", "baseline", "distilled", "pdq/3-int8"]
    assert arms["pdq/3-int8"][0].label == "pdq-s0/3-int8"
    assert origin_arm(CHAIN, arms) == "baseline"
    assert origin_arm(CHAIN.change(origin="run:c0"), arms) == "pdq/3-int8"
    assert origin_arm(CHAIN.change(origin="run:gone"), arms) is None
