import pandas as pd

from kd_core.config import DataSettings, OperatingSettings, RunSettings, TrainSettings
from kd_core.study.protocol import (
    DATA_ITEMS,
    RECIPE_ITEMS,
    comparable,
    counted_name,
    differing,
    protocol_items,
)
from tests.helpers_sample import sample_frame


def config(role: str = "student", **more) -> dict:
    data = DataSettings(dataset="cells", data_hash="d", size=more.pop("size", 64))
    return RunSettings(key="k-s0", role=role, data=data, model={"name": "net"}, **more).to_json()


def test_students_share_the_recipe_and_teachers_only_the_data() -> None:
    student = protocol_items(config(), config())
    assert student["budget"] == "20 epochs"
    assert student["views"] == "live"
    teacher = protocol_items(config("teacher"), config("teacher"))
    assert all(teacher[name] is None for name in RECIPE_ITEMS)
    assert all(teacher[name] is not None for name in DATA_ITEMS)


def test_what_was_compressed_has_the_recipe_of_its_origin() -> None:
    origin = config(train=TrainSettings(steps=500))
    assert protocol_items(config("compressed"), origin)["budget"] == "500 steps"
    assert protocol_items(config("compressed"), config("teacher"))["budget"] is None


def frame(*configs: dict) -> pd.DataFrame:
    items = [protocol_items(c, c) for c in configs]
    return pd.DataFrame([{f"at.{k}": v for k, v in row.items()} for row in items])


def test_the_sample_study_is_one_group() -> None:
    found = comparable(sample_frame())
    assert len(found.groups) == 1
    assert not found.differs


def test_another_budget_or_image_side_is_another_group_and_is_named() -> None:
    table = frame(
        config("teacher"), config(), config(), config(views=4),
        config(train=TrainSettings(epochs=5)), config(size=32),
    )  # fmt: skip
    found = comparable(table)
    assert [group.tolist() for group in found.groups] == [[0, 1, 2], [0, 4], [0, 3], [5]] or [
        sorted(map(tuple, (g.tolist() for g in found.groups)))
    ] == [[(0, 1, 2), (0, 3), (0, 4), (5,)]]
    assert set(found.differs) == {"budget", "views", "size"}
    assert found.differs["size"] == ("64", "32")


def test_nothing_is_no_group() -> None:
    assert comparable(pd.DataFrame()).groups == ()


def test_folds_operating_rule_threads_and_metric_are_part_of_the_protocol() -> None:
    plain = config()
    folds = config() | {"data": {**plain["data"], "fold": 0, "folds": 5}}
    ruled = config(operating=OperatingSettings(rule="youden"))
    threads = config() | {"compute": {**plain["compute"], "threads": 99}}
    metric = config(train=TrainSettings(select_metric="macro_auc"))
    found = comparable(frame(plain, folds, ruled, threads, metric))
    assert set(found.differs) == {"folds", "operating", "threads", "select_metric"}
    assert len(found.groups) == 5


def test_records_from_before_have_the_same_protocol_as_those_of_now() -> None:
    old = config()
    del old["operating"], old["data"]["fold"], old["data"]["folds"]
    assert protocol_items(old, old) == protocol_items(config(), config())


def test_what_differs_is_named_with_both_values() -> None:
    one, other = config(), config(train=TrainSettings(epochs=5))
    a, b = protocol_items(one, one), protocol_items(other, other)
    assert differing(a, b) == {"budget": ("20 epochs", "5 epochs")}
    teacher = protocol_items(config("teacher"), config("teacher"))
    assert differing(a, teacher) == {}


def test_means_over_other_classes_are_no_equals() -> None:
    rare = {"macro_auc": {"left_out": ["b", "a"]}, "auc:a": {}, "f1": {"left_out": ["a", "b"]}}
    assert counted_name({"data": {"folds": 0}}, rare) == "without a, b"
    assert counted_name({"data": {}}, {"macro_auc": {}}) == "all"  # a record from before
    assert counted_name({"data": {"folds": 3}}, rare) == "all"
    frame = pd.DataFrame([{"at.counted": "all"}, {"at.counted": "without a, b"}])
    assert comparable(frame).differs == {"counted": ("all", "without a, b")}
