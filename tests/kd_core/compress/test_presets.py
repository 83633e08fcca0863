from kd_core.compress import COMPRESSORS
from kd_core.compress.check import check_chain
from kd_core.compress.presets import RATIOS, RECIPE, REPORTED, orders, three_ways
from kd_core.config import Arm, DataSettings, StudySettings
from kd_core.study.graph import expand
from kd_core.train.modes import budget


def study(chains) -> StudySettings:
    return StudySettings(
        data=DataSettings(dataset="d"), arms=(Arm(name="taught"),), chains=chains, seeds=(0, 1)
    )


def test_every_chain_can_be_started():
    for chains in (three_ways("taught"), orders("taught")):
        for chain in study(chains).chains:
            check_chain(chain)


def test_three_ways_has_each_way_for_teacher_and_student():
    chains = {chain.name: chain for chain in three_ways("taught")}
    assert {f"teacher-pruned-{round(100 * ratio)}" for ratio in RATIOS} <= set(chains)
    for origin in ("teacher", "taught"):
        assert chains[f"{origin}-int8"].origin == origin
    pruned = next(chain for name, chain in chains.items() if "pruned" in name)
    runs = [run for run in expand(study((pruned,))) if run.role == "compressed"]
    assert [run.needs["teacher"] for run in runs] == ["teacher-s0"] * 2  # the unpruned one


def test_every_order_trains_for_the_same_number_of_steps_and_prunes_as_much():
    trained = {
        chain.name: sum(budget(step.tune, 10) for step in chain.steps if step.tune)
        for chain in orders("taught")
    }
    assert set(trained.values()) == {budget(RECIPE, 10)}
    pruned = {
        step.params["ratio"]
        for chain in orders("taught")
        for step in chain.steps
        if COMPRESSORS[step.method].family == "prune"
    }
    assert len(pruned) == 1


def test_published_figures_stand_apart_with_both_readings():
    assert all(sum(found.remains) == 1 for found in REPORTED)
