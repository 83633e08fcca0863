import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kd_core.config import DistilSettings, LossTerm, TrainSettings
from kd_core.errors import StoreError
from kd_core.evaluate.predictions import Predictions, read_predictions, write_predictions
from kd_core.study import comparison, training_costs
from kd_core.study.comparison import kendall_w, rank_by_seed, read_comparison
from kd_core.study.records import ScoreRecord, TrainingRecord
from kd_core.study.results import Result, arm_of, by_arm

N = 300
SEEDS = (0, 1, 2)


def fake(folder, arm: str, seed: int, rate: float, role: str = "student") -> Result:
    """A finished model that is right at a rate, with its predictions on disk."""
    rng = np.random.default_rng([seed, 7])
    y = np.arange(N) % 2
    right = rng.random(N) < rate  # the same images in every arm: what is shared cancels
    logits = np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
    key = f"{arm}-s{seed}"
    place = folder / key / "predictions"
    place.mkdir(parents=True)
    found = Predictions(tuple(map(str, range(N))), y, logits, "val", seed, ("a", "b"))
    write_predictions(place / "model-val.parquet", found)
    score = ScoreRecord(value=float(right.mean()), low=None, high=None, n=N)
    model = SimpleNamespace(name="model", role=role, scores={"accuracy": score})
    run = SimpleNamespace(id=key, key=key, seed=seed)
    return Result(run, model, arm_of(run), (), folder / key)


def record(name: str) -> SimpleNamespace:
    """What a record says of an arm: plain or not, and what it cost."""
    arm = name.rpartition("-s")[0]
    losses = () if arm == "longer" else (LossTerm(name="kd" if arm == "kd" else "dkd"),)
    mode = "offline" if losses else "alone"
    distil = None if arm == "baseline" else DistilSettings(mode=mode, losses=losses)
    seconds = {"baseline": 10.0, "slow": 20.0, "slow-gen1": 5.0}.get(arm, 11.0)
    training = TrainingRecord(
        best_epoch=1, select_metric="accuracy", steps=1, seconds=seconds, teacher_seconds=3.0
    )
    train = TrainSettings(epochs=40 if arm == "longer" else 20)
    settings = SimpleNamespace(distil=distil, train=train)
    return SimpleNamespace(settings=settings, training=training)


@pytest.fixture
def arms(tmp_path, monkeypatch):
    for module in (comparison, training_costs):
        monkeypatch.setattr(
            module, "RunRecord", SimpleNamespace(read=lambda folder: record(folder.name))
        )
    rates = {"baseline": 0.80, "kd": 0.90, "slow": 0.92, "bad": 0.60, "longer": 0.80}
    found = [
        fake(tmp_path, arm, seed, rate, "baseline" if arm == "baseline" else "student")
        for arm, rate in rates.items()
        for seed in SEEDS
    ]
    found += [fake(tmp_path, "slow-gen1", seed, 0.7) for seed in SEEDS]
    return by_arm(found)


NAMES = ("kd", "slow", "bad", "longer")


def test_the_interval_of_a_mean_counts_images_and_stays_a_share(arms) -> None:
    two = {arm: group[:2] for arm, group in arms.items()}
    for found in (read_comparison(arms, "accuracy"), read_comparison(two, "accuracy")):
        for row in found.rows:
            assert row.interval.value == pytest.approx(row.spread.mean)
            assert 0 <= row.interval.low < row.spread.mean < row.interval.high <= 1
    assert any(row.spread.high > 1 for row in read_comparison(two, "accuracy").rows)  # Student's t


def test_gains_harm_time_and_recipe_are_read(arms) -> None:
    found = read_comparison(arms, "accuracy", names=NAMES)
    rows = {row.arm: row for row in found.rows}
    assert [row.arm for row in found.rows][:2] == ["slow", "kd"]
    assert set(rows) == {"baseline", *NAMES}
    assert rows["kd"].verdict.kind == "better"
    assert rows["bad"].harms
    assert not rows["kd"].harms
    assert rows["baseline"].verdict is None
    assert rows["kd"].plain is None
    assert rows["bad"].plain.kind == "worse"
    assert rows["slow"].cost.time == pytest.approx(2.5)  # the earlier generation belongs to it
    assert rows["kd"].teacher_s == 3.0
    assert [row.arm for row in found.rows if row.own_recipe] == ["longer"]


def test_p_is_corrected_for_the_number_of_methods(arms) -> None:
    few = {name: arms[name] for name in ("baseline", "kd")}
    alone = read_comparison(few, "accuracy").rows
    many = read_comparison(arms, "accuracy", names=NAMES).rows
    p = {row.arm: row for row in many}["kd"]
    assert p.p_holm >= p.verdict.p
    assert p.p_holm > {row.arm: row for row in alone}["kd"].p_holm
    assert p.holds == (p.p_holm < 0.05)


def test_without_the_student_alone_nothing_is_compared(arms) -> None:
    del arms["baseline"]
    with pytest.raises(StoreError) as caught:
        read_comparison(arms, "accuracy", names=NAMES)
    assert caught.value.code == "baseline_missing"


def test_ranks_use_seeds_that_all_arms_have() -> None:
    values = {"a": {0: 0.9, 1: 0.7}, "b": {0: 0.8, 1: 0.8, 2: 0.9}}
    assert rank_by_seed(values, True) == {"a": {0: 1.0, 1: 2.0}, "b": {0: 2.0, 1: 1.0}}
    assert rank_by_seed(values, False)["a"] == {0: 2.0, 1: 1.0}


def test_agreement_is_none_for_opposite_orders() -> None:
    assert kendall_w({"a": {0: 1, 1: 2}, "b": {0: 2, 1: 1}}) == 0.0
    rng = np.random.default_rng(0)
    drawn = [
        kendall_w({arm: dict(enumerate(of)) for arm, of in enumerate(ranks.T.tolist())})
        for ranks in (np.stack([rng.permutation(5) + 1 for _ in range(3)]) for _ in range(2000))
    ]
    assert np.mean(drawn) == pytest.approx(1 / 3, abs=0.015)  # chance, as the page says
    three = {"a": {0: 1, 1: 1, 2: 2}, "b": {0: 2, 1: 3, 2: 1}, "c": {0: 3, 1: 2, 2: 3}}
    sums = [4, 6, 8]
    assert kendall_w(three) == pytest.approx(12 * sum((s - 6) ** 2 for s in sums) / (9 * 24))


def test_the_student_alone_for_longer_is_no_method(arms) -> None:
    without = {name: arms[name] for name in arms if name != "longer"}
    few, many = (read_comparison(a, "accuracy", names=NAMES).rows for a in (without, arms))
    control = {row.arm: row for row in many}["longer"]
    assert control.control
    assert control.verdict is not None
    assert math.isnan(control.p_holm)
    assert not control.harms
    p = {row.arm: row.p_holm for row in few if row.verdict is not None}
    assert {row.arm: row.p_holm for row in many if row.arm in p} == p


def test_a_chain_named_after_an_arm_does_not_count_as_its_training(arms) -> None:
    arms["slow-small"] = [replace(r, arm="slow-small") for r in arms["longer"]]
    rows = {row.arm: row for row in read_comparison(arms, "accuracy", names=NAMES).rows}
    assert rows["slow"].cost.time == pytest.approx(2.5)


def test_folds_of_a_seed_are_judged_together(tmp_path, monkeypatch) -> None:
    for module in (comparison, training_costs):
        monkeypatch.setattr(
            module, "RunRecord", SimpleNamespace(read=lambda folder: record(folder.name))
        )
    rates = {"baseline": 0.8, "kd": 0.9}
    found = []
    for arm, rate in rates.items():
        for seed in (0, 1):
            whole = fake(
                tmp_path / "whole", arm, seed, rate, "baseline" if arm != "kd" else "student"
            )
            all_images = read_predictions(whole.folder / "predictions" / "model-val.parquet")
            for fold in (0, 1):
                key = f"{arm}-fold{fold + 1}-s{seed}"
                place = tmp_path / key / "predictions"
                place.mkdir(parents=True)
                own = all_images.where(np.arange(N) % 4 // 2 == fold)
                write_predictions(place / "model-val.parquet", own)
                run = SimpleNamespace(id=key, key=key, seed=seed)
                found.append(Result(run, whole.model, arm, (), tmp_path / key))
    compared = read_comparison(by_arm(found), "accuracy")
    row = next(row for row in compared.rows if row.arm == "kd")
    assert compared.seeds == (0, 1)
    assert row.verdict.kind == "better"
    assert (row.verdict.n_images, row.verdict.n_seeds) == (N, 2)
    assert row.interval.n == N
