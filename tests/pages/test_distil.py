import json

import pytest

from app.services import services
from kd_core.config import DistilSettings, StudySettings
from kd_core.train.modes import MODES, check_mode
from tests.pages.conftest import texts


def start(at):
    return next(button for button in at.button if button.label == "Start")


def configuration(at) -> dict:
    return json.loads(next(code.value for code in at.code if code.language == "json"))


def test_what_is_shown_is_what_runs(open_page) -> None:
    at = open_page("distil")
    assert not at.exception
    at.slider(key="distil:arms.0.distil.alpha").set_value(0.7).run()
    shown = StudySettings.from_json(configuration(at))
    assert shown.arms[0].distil.alpha == 0.7
    assert shown.data.data_hash == services().library.get("sample").hash
    assert "0.70" in at.latex[0].value
    assert "0.30" in at.latex[0].value


def test_a_study_is_queued_and_followed(open_page, monkeypatch) -> None:
    at = open_page("distil")
    monkeypatch.setattr(type(services().jobs.runner), "wake", lambda self: None)
    start(at).click().run()
    assert not at.exception
    studies = {study.name: study for study in services().store.studies()}
    assert "Blood smears" in studies
    assert studies["Blood smears"].id in at.query_params["study"]
    assert "runs finished" in texts(at) or at.get("progress")


def test_a_pasted_configuration_fills_the_form(open_page) -> None:
    at = open_page("distil")
    document = configuration(at)
    document["train"]["epochs"] = 3
    document["arms"][0]["distil"]["alpha"] = 0.9
    at.text_area(key="distil-paste").set_value(json.dumps(document)).run()
    next(button for button in at.button if button.label == "Use it").click().run()
    assert not at.exception
    assert configuration(at)["train"]["epochs"] == 3
    assert at.slider(key="distil:arms.0.distil.alpha").value == 0.9


@pytest.mark.parametrize("text", ["{", '{"data": {"dataset": "sample"}, "seeds": []}', "[1]"])
def test_a_wrong_configuration_is_one_sentence_and_changes_nothing(open_page, text) -> None:
    at = open_page("distil")
    before = configuration(at)
    at.text_area(key="distil-paste").set_value(text).run()
    next(button for button in at.button if button.label == "Use it").click().run()
    assert not at.exception
    assert len(at.error) == 1
    assert configuration(at) == before


def test_an_unknown_study_in_the_address_is_said(open_page) -> None:
    at = open_page("distil", study="nonsense")
    assert not at.exception
    assert at.error


def key(at, name: str):
    return at.button(key=name)


def test_several_losses_each_with_its_weight_stand_in_the_formula(open_page) -> None:
    at = open_page("distil")
    key(at, "loss-add").click().run()
    assert not at.exception
    shown = StudySettings.from_json(configuration(at)).arms[0].distil
    assert len(shown.losses) == 2
    second = shown.losses[1]
    weight = at.number_input(key="distil:arms.0.distil.losses.1.weight")
    weight.set_value(12.0).run()
    assert "12.00" in at.latex[0].value
    at.selectbox(key="distil:arms.0.distil.losses.1.name").set_value("dist").run()
    shown = StudySettings.from_json(configuration(at)).arms[0].distil
    assert shown.losses[1].name == "dist" != second.name
    assert shown.losses[1].weight is None  # another loss comes with its own usual weight
    key(at, "loss-remove-arms.0.distil-0").click().run()
    assert not at.exception
    assert [t["name"] for t in configuration(at)["arms"][0]["distil"]["losses"]] == ["dist"]


def test_several_students_are_edited_one_at_a_time(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("arms").run()
    at.slider(key="distil:arms.0.distil.alpha").set_value(0.6).run()
    key(at, "arm-copy").click().run()
    assert not at.exception
    at.text_input(key="distil:arms.1.name").set_value("labels").run()
    at.slider(key="distil:arms.1.distil.alpha").set_value(0.9).run()
    arms = configuration(at)["arms"]
    assert [(arm["name"], arm["distil"]["alpha"]) for arm in arms] == [
        ("distilled", 0.6),
        ("labels", 0.9),
    ]
    at.selectbox(key="distil-arm").set_value(0).run()
    assert at.slider(key="distil:arms.0.distil.alpha").value == 0.6
    assert [arm["distil"]["alpha"] for arm in configuration(at)["arms"]] == [0.6, 0.9]
    key(at, "arm-remove").click().run()
    assert [arm["name"] for arm in configuration(at)["arms"]] == ["labels"]


def test_warm_up_and_a_moving_number_are_set_on_request(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("time").run()
    at.slider(key="distil:arms.0.distil.warmup").set_value(0.1).run()
    key(at, "ramp-add").click().run()
    assert not at.exception
    at.number_input(key="distil:arms.0.distil.ramps.0.end").set_value(0.9).run()
    distil = configuration(at)["arms"][0]["distil"]
    assert distil["warmup"] == 0.1
    assert distil["ramps"] == [{"of": "alpha", "end": 0.9, "shape": "linear"}]
    at.pills(key="distil-more").set_value(None).run()
    assert configuration(at)["arms"][0]["distil"]["warmup"] == 0.1  # what is not shown stays


@pytest.mark.parametrize("mode", sorted(MODES))
def test_every_mode_can_be_chosen(open_page, mode) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("mode").run()
    at.selectbox(key="distil:arms.0.distil.mode").set_value(mode).run()
    assert not at.exception
    distil = DistilSettings.from_json(configuration(at)["arms"][0]["distil"])
    assert distil.mode == mode
    check_mode(distil, "classification")


def test_a_list_of_methods_is_one_study(open_page, monkeypatch) -> None:
    at = open_page("distil")
    monkeypatch.setattr(type(services().jobs.runner), "wake", lambda self: None)
    at.pills(key="distil-more").set_value("compare").run()
    chosen = at.multiselect(key="compare-methods-classification")
    assert "loss.kd" in chosen.value
    chosen.set_value(["loss.kd", "loss.dkd"]).run()
    key(at, "compare-start").click().run()
    assert not at.exception
    (study,) = [s for s in services().store.studies() if s.name == "Blood smears: methods"]
    assert [arm.name for arm in study.settings.arms] == ["kd", "dkd"]
    assert study.settings.seeds == (0, 1, 2)
