import json

import pytest

from kd_core.config import DataSettings, ModelSettings, StudySettings, TrainSettings
from kd_core.errors import ConfigError
from kd_core.settings import SCHEMA, canonical_hash

STUDY = StudySettings(data=DataSettings(dataset="sample"), seeds=(0, 1))


def refused(call, *args, **kwargs):
    with pytest.raises(ConfigError) as caught:
        call(*args, **kwargs)
    json.dumps(caught.value.to_json())  # errors travel as JSON
    return caught.value


def study(**changes):
    return StudySettings.from_json({"data": {"dataset": "sample"}, **changes})


def test_json_round_trip_is_equal():
    text = json.dumps(STUDY.to_json())
    assert StudySettings.from_json(text) == STUDY
    assert StudySettings.from_json(text.encode()) == STUDY


def test_settings_are_values():
    assert study() == study()
    with pytest.raises(Exception, match="frozen"):
        STUDY.name = "other"


def test_change_validates_and_leaves_the_original():
    assert STUDY.change(margin=0.02).margin == 0.02
    assert STUDY.margin == 0.01
    assert refused(STUDY.change, margin=2).fields["field"] == "margin"


@pytest.mark.parametrize(
    ("changes", "field", "must"),
    [
        ({"train": {"epochs": 0}}, "train.epochs", "at_least"),
        ({"teacher": {"train": {"epochs": 0}}}, "teacher.train.epochs", "at_least"),
        ({"train": {"lr": 0}}, "train.lr", "more_than"),
        ({"train": {"lr": "fast"}}, "train.lr", "number"),
        ({"train": {"momentum": 1}}, "train.momentum", "less_than"),
        ({"train": {"epochs": 1.5}}, "train.epochs", "whole_number"),
        ({"train": {"optimizer": "lion"}}, "train.optimizer", "one_of"),
        ({"train": None}, "train", "table"),
        ({"train": {"epoch": 3}}, "train.epoch", "known"),
        ({"arms": [{"distil": {"alpha": 1.5}}]}, "arms.0.distil.alpha", "at_most"),
        ({"arms": [{"distil": {"alpha": -0.1}}]}, "arms.0.distil.alpha", "at_least"),
        ({"arms": [{"distil": {"alpha": float("nan")}}]}, "arms.0.distil.alpha", "number"),
        ({"seeds": []}, "seeds", "longer"),
        ({"seeds": list(range(101))}, "seeds", "shorter"),
        ({"seeds": 3}, "seeds", "list"),
        ({"name": ""}, "name", "longer"),
        ({"name": 3}, "name", "text"),
        ({"compute": {"deterministic": "perhaps"}}, "compute.deterministic", "bool"),
        ({"student": {}}, "student.name", "given"),
    ],
)
def test_a_wrong_setting_is_named_by_its_whole_path(changes, field, must):
    error = refused(study, **changes)
    assert error.code == "config_value"
    assert error.fields["field"] == field
    assert error.fields["must"]["id"] == f"must.{must}"


def test_a_missing_setting_says_nothing_came():
    error = refused(StudySettings.from_json, {})
    assert error.fields["field"] == "data"
    assert error.fields["got"] == "nothing"


def test_choices_are_listed():
    error = refused(ModelSettings, name="x", stem="big")
    assert error.fields["must"]["params"] == {"choices": ["auto", "standard", "small"]}


def test_an_error_inside_leaves_no_trace():
    refused(study, train={"epochs": 0})
    assert refused(TrainSettings, epochs=0).fields["field"] == "epochs"


@pytest.mark.parametrize("text", ["{", "[]", "3", b"\xff"])
def test_what_is_no_json_object_is_refused(text):
    assert refused(StudySettings.from_json, text).code == "config_json"


def test_a_newer_schema_is_refused_as_such():
    error = refused(study, schema_version=SCHEMA + 1, some_new_setting=1)
    assert error.code == "config_newer"
    assert error.fields == {"version": SCHEMA + 1, "known": SCHEMA}


def test_canonical_hash_ignores_order_and_sees_every_change():
    assert canonical_hash({"a": 1, "b": [1, 2]}) == canonical_hash({"b": [1, 2], "a": 1})
    assert canonical_hash({"b": [1, 2]}) != canonical_hash({"b": [2, 1]})
    with pytest.raises(ValueError, match="JSON"):
        canonical_hash(float("nan"))
