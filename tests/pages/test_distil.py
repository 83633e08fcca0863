import json

import pytest

from app.services import services
from kd_core.config import StudySettings
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
