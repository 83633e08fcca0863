import json

import pytest

from kd_core.config import StudySettings
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_app import (
    button,
    go_to,
    has_button,
    open_page,
    press,
    say,
    sound,
    tiny_study,
    words,
)


def paste(at, text):
    """Paste a configuration and use it."""
    sound(at.text_area(key="distil-paste").set_value(text).run())
    return press(at, say("distil.paste.use"))


def configuration(at):
    """What the page says will run."""
    return StudySettings.from_json(at.code[0].value)


@pytest.fixture
def waiting(filled):
    """A study that waits in the queue; its id."""
    store = Store(filled.home)
    tied = tiny_study(data_hash=store.study(filled.study).data_hash, seed=5)
    return submit(store, tied, "somebody")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_empty_offers_the_sample(theme):
    at = open_page("distil", theme)
    assert at.selectbox(key="distil:data.dataset").value == "sample"
    assert not at.error
    assert r"\mathrm{KL}" in at.latex[0].value
    assert not button(at, say("distil.start")).disabled


def test_the_formula_has_the_current_numbers():
    at = open_page("distil")
    sound(at.slider(key="distil:arms.0.distil.alpha").set_value(0.25).run())
    assert r"L = 0.25 \cdot" in at.latex[0].value
    assert r"+ 0.75 \cdot" in at.latex[0].value
    assert configuration(at).arms[0].distil.alpha == 0.25


def test_what_the_controls_say_is_what_will_run():
    at = open_page("distil")
    sound(at.number_input(key="distil:train.epochs").set_value(3).run())
    sound(at.number_input(key="distil:seeds").set_value(2).run())
    sound(at.selectbox(key="distil:data.size").set_value(48).run())
    study = configuration(at)
    assert (study.train.epochs, study.seeds, study.data.size) == (3, (0, 1), 48)
    assert len(study.data.data_hash) == 64


def test_the_form_survives_a_change_of_page():
    at = open_page("distil")
    sound(at.number_input(key="distil:train.epochs").set_value(3).run())
    go_to(at, "results")
    go_to(at, "distil")
    assert configuration(at).train.epochs == 3
    assert at.number_input(key="distil:train.epochs").value == 3


def test_presets_fill_the_form_and_keep_the_data(cells):
    at = open_page("distil")
    sound(at.selectbox(key="distil:data.dataset").set_value(cells).run())
    sound(at.button(key="preset-careful").click().run())
    study = configuration(at)
    assert (study.data.dataset, study.seeds, study.student.name) == (
        cells,
        (0, 1, 2),
        "mobilenet_v3_small",
    )
    sound(at.button(key="preset-quick").click().run())
    assert configuration(at).data.dataset == cells


def test_a_configuration_is_pasted_whole(cells):
    at = open_page("distil")
    wanted = tiny_study(cells).change(margin=0.02)
    paste(at, json.dumps(wanted.to_json()))
    shown = configuration(at)
    assert shown.change(data=wanted.data) == wanted
    assert at.number_input(key="distil:train.epochs").value == 1
    assert not at.error


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        '{"data": {"dataset": "sample"}, "train": {"epochs": 0}}',
        '{"data": {"dataset": "sample"}, "arms": [{"distil": {"alpha": 1.5}}]}',
        '{"data": {"dataset": "sample"}, "arms": [{"distil": {"alpha": NaN}}]}',
        '{"data": {"dataset": "sample"}, "surprise": 1}',
        '{"schema_version": 99, "data": {"dataset": "sample"}}',
    ],
)
def test_a_bad_configuration_gets_one_sentence_and_changes_nothing(text):
    at = open_page("distil")
    before = at.code[0].value
    paste(at, text)
    assert len(at.error) == 1
    assert at.code[0].value == before


@pytest.mark.parametrize(
    "change",
    [
        {"student": {"name": "no_such_network"}},
        {"arms": [{"distil": {"losses": [{"name": "no_such_loss"}]}}]},
        {"arms": [{"distil": {"losses": [{"name": "kd", "params": {"T": 0}}]}}]},
        {"arms": [{"distil": {"losses": []}}]},
        {"data": {"dataset": "no_such_set"}},
        {"data": {"dataset": "sample", "size": 50}},
        {"data": {"dataset": "sample", "augment": "no_such_views"}},
        {"teacher": {"run": "no_such_run"}},
        {"train": {"batch_size": 20}},
        {"seeds": [3, 5]},
        {"compute": {"device": "cuda:7"}},
    ],
    ids=lambda change: json.dumps(change)[:60],
)
def test_an_unusual_configuration_is_shown_without_a_traceback(change):
    at = open_page("distil")
    paste(at, json.dumps({**tiny_study("sample").to_json(), **change}))
    assert at.title[0].value == say("page.distil")


def test_start_queues_the_study_and_follows_it(cells, home):
    at = open_page("distil")
    paste(at, json.dumps(tiny_study(cells).to_json()))
    press(at, say("distil.start"))
    store = Store(home)
    study = store.studies()[0]
    assert at.query_params["study"] == study.id
    assert [run.status for run in store.runs(study=study.id)] == ["queued", "queued", "waiting"]
    assert study.name == "Tiny cells"
    assert say("live.overall", done=0, n=3) in [p.proto.text for p in at.get("progress")]
    press(at, say("live.stop"))
    assert {run.status for run in store.runs(study=study.id)} == {"cancelled"}


def test_equal_runs_are_reused_when_asked_for(filled):
    at = open_page("distil")
    paste(at, json.dumps(tiny_study("cells").to_json()))
    assert say("distil.reuse", n=3) in [toggle.label for toggle in at.toggle]
    press(at, say("distil.start"))
    store = Store(filled.home)
    assert len(store.studies()) == 2
    assert {run.id for run in store.runs()} == set(filled.runs.values())


def test_an_earlier_teacher_is_offered_and_used(filled):
    at = open_page("distil")
    paste(at, json.dumps(tiny_study("cells", seed=3).to_json()))
    box = at.selectbox(key="distil:teacher.run")
    assert len(box.options) == 2
    sound(box.set_value(filled.runs["teacher-s0"]).run())
    press(at, say("distil.start"))
    study = Store(filled.home).studies()[0]
    assert study.settings.teacher.run == filled.runs["teacher-s0"]
    assert study.runs == 2


def test_a_new_visit_with_the_address_follows_the_same_study(waiting):
    at = open_page("distil", study=waiting)
    assert "Tiny cells" in [s.value for s in at.subheader]
    assert has_button(at, say("live.stop"))
    assert say("live.no_curves") in words(at)


def test_a_finished_study_shows_its_curves(filled):
    at = open_page("distil", study=filled.study)
    assert say("live.overall", done=3, n=3) in [p.proto.text for p in at.get("progress")]
    assert not has_button(at, say("live.stop"))
    press(at, say("distil.new"))
    assert "study" not in at.query_params
    assert has_button(at, say("distil.start"))


def test_a_second_visitor_on_a_shared_server_looks_but_cannot_stop(waiting, monkeypatch):
    monkeypatch.setenv("KDLAB_SHARED", "1")
    at = open_page("distil", study=waiting)
    assert say("live.overall", done=0, n=3) in [p.proto.text for p in at.get("progress")]
    assert not has_button(at, say("live.stop"))


def test_the_owner_on_a_shared_server_can_stop(cells, home, monkeypatch):
    monkeypatch.setenv("KDLAB_SHARED", "1")
    at = open_page("distil")
    paste(at, json.dumps(tiny_study(cells).to_json()))
    press(at, say("distil.start"))
    assert Store(home).studies()[0].owner == at.session_state["visitor"]
    assert at.session_state["visitor"] not in json.dumps(dict(at.query_params))
    press(at, say("live.stop"))
    assert not has_button(at, say("live.stop"))


@pytest.mark.parametrize("study", ["nothing", "../../etc", "<b>x</b>"])
def test_an_unknown_study_gets_a_sentence_and_a_way_out(study):
    at = open_page("distil", study=study)
    assert len(at.error) == 1
    press(at, say("distil.new"))
    assert not at.error
    assert has_button(at, say("distil.start"))


def test_a_stopped_study_can_be_resumed(waiting, home):
    at = open_page("distil", study=waiting)
    press(at, say("live.stop"))
    press(at, say("live.resume"))
    statuses = {run.status for run in Store(home).runs(study=waiting)}
    assert statuses <= {"queued", "waiting"}
