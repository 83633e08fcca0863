import pytest

from kd_core.evaluate import METRICS
from kd_core.study.store import Store
from tests.helpers_app import TEXTS, button, go_to, has_button, open_page, press, say, sound, words


def test_empty():
    at = open_page("results")
    assert [info.value for info in at.info] == [say("results.none")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_filled(filled, theme):
    at = open_page("results", theme)
    assert len(at.metric) == 3  # teacher, student alone, distilled
    assert {m.label for m in at.metric} == {say("role.teacher"), say("role.baseline"), "distilled"}
    assert say("results.against", arm="distilled", other=say("role.baseline")) in words(at)
    assert say("results.choose") in words(at)
    assert len(at.get("plotly_chart")) == 1
    table = at.dataframe[0].value
    assert list(table["key"]) == list(filled.runs)
    assert table["size_mb"].gt(0).all() and table["latency_ms"].gt(0).all()


def test_a_run_in_the_address_is_shown_in_detail(filled):
    run = filled.runs["distilled-s0"]
    at = open_page("results", study=filled.study, run=run)
    assert "distilled-s0 · tiny_cnn" in [s.value for s in at.subheader]
    assert any(d.key == f"onnx-{run}" for d in at.download_button)
    # trade-off, losses, scores, confusion, per class, reliability
    assert len(at.get("plotly_chart")) == 6


def test_the_run_survives_a_change_of_page(filled):
    at = open_page("results", study=filled.study, run=filled.runs["teacher-s0"])
    go_to(at, "home")
    go_to(at, "results")
    assert at.query_params["run"] == filled.runs["teacher-s0"]
    assert "teacher-s0 · tiny_cnn" in [s.value for s in at.subheader]


@pytest.mark.parametrize("study", ["nothing", "s0123456789ab", "../../etc", "<b>x</b>"])
def test_an_unknown_study_in_the_address_shows_the_newest(filled, study):
    at = open_page("results", study=study)
    assert at.selectbox(key="results-study").value == filled.study


@pytest.mark.parametrize("run", ["nothing", "../../etc"])
def test_an_unknown_run_in_the_address_asks_for_a_choice(filled, run):
    at = open_page("results", study=filled.study, run=run)
    assert say("results.choose") in words(at)


def test_unknown_in_an_empty_home():
    at = open_page("results", study="nothing", run="nothing")
    assert [info.value for info in at.info] == [say("results.none")]


def test_every_metric_can_be_the_accuracy_axis(filled):
    at = open_page("results", study=filled.study)
    record = Store(filled.home).record(filled.runs["teacher-s0"])
    names = [name for name in METRICS if name in record.models[0].scores]
    assert len(at.selectbox(key="results-metric").options) == len(names) > 3
    for name in names:
        sound(at.selectbox(key="results-metric").set_value(name).run())
        value = record.models[0].scores[name].value
        assert at.metric[0].value == ("–" if value is None else TEXTS.number(value, "score"))


def test_another_cost_axis(filled):
    at = open_page("results", study=filled.study)
    for axis in ("latency_ms", "macs", "params"):
        sound(at.segmented_control(key="results-x").set_value(axis).run())
        assert len(at.get("plotly_chart")) == 1


def test_the_test_part_is_sealed_until_it_is_opened_for_good(filled):
    at = open_page("results", study=filled.study)
    assert at.selectbox(key="results-part").options == [say("part.val")]
    assert button(at, say("results.test.open")).disabled
    sound(at.checkbox(key="test-sure").check().run())
    press(at, say("results.test.open"))
    assert Store(filled.home).study(filled.study).test_opened_at is not None
    assert not has_button(at, say("results.test.open"))
    sound(at.selectbox(key="results-part").set_value("test").run())
    assert len(at.metric) == 3
    again = open_page("results", study=filled.study)
    assert again.selectbox(key="results-part").options == [say("part.val"), say("part.test")]


def test_only_the_owner_opens_the_test_part_on_a_shared_server(filled, monkeypatch):
    monkeypatch.setenv("KDLAB_SHARED", "1")
    at = open_page("results", study=filled.study)
    assert say("results.test.owner") in words(at)
    assert not has_button(at, say("results.test.open"))
    assert not has_button(at, say("files.delete.yes"))


def test_two_models_are_compared_on_the_same_images(filled):
    at = open_page("results", study=filled.study)
    assert at.selectbox(key="compare-first").options == list(filled.runs)
    for kind in ("gained", "both_wrong"):
        sound(at.segmented_control(key="compare-kind").set_value(kind).run())
    sound(at.selectbox(key="compare-second").set_value("teacher-s0").run())
    assert say("compare.share", share=1.0, lost=0, gained=0, both=0) in words(at)
    assert say("compare.none") in words(at)


def test_a_study_is_deleted_after_asking(filled):
    at = open_page("results", study=filled.study, run=filled.runs["teacher-s0"])
    press(at, say("files.delete.yes"))
    assert Store(filled.home).studies() == []
    assert [info.value for info in at.info] == [say("results.none")]
