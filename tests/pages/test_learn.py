"""The Learn page: any lesson from its entry, its controls in the address, quiz, hand-in."""

import dataclasses
import json

import pytest
import streamlit as st

from app import learn_choose, learn_controls, learn_hand_in, learn_material
from app.class_room import CODE_ENV, TOKEN_ENV
from kd_core.lessons import LESSONS
from kd_core.lessons.plan import Plan
from tests.helpers_app import say
from tests.helpers_lessons import sample_material
from tests.pages.conftest import texts
from tests.pages.test_class import come_in


@pytest.fixture(autouse=True)
def sample(monkeypatch):
    """The embedded study, opened once for all tests."""
    monkeypatch.setattr(learn_material, "_opened", lambda study, runs: sample_material())


def widget(at, name):
    found = [w for kind in (at.slider, at.selectbox, at.radio, at.number_input) for w in kind]
    return next(w for w in found if w.key == name)


def test_a_lesson_is_drawn_and_a_slider_goes_into_the_address(open_page):
    at = open_page("learn", lesson="small")
    assert not at.exception
    assert say("lesson.small.about") in texts(at)
    widget(at, "small.images").set_value(5000).run()
    assert not at.exception
    assert at.query_params["small.images"] == "5000"
    assert "For 5,000 images" in texts(at)
    assert "5000 * measured.latency_ms_p50" in at.code[0].value


def test_a_link_opens_the_lesson_as_it_was_set(open_page):
    address = {"lesson": "small", "small.images": "7000", "hide": "code"}
    at = open_page("learn", **address)
    assert widget(at, "small.images").value == 7000
    assert not at.code
    assert "For 7,000 images" in texts(at)


def test_a_hidden_control_is_as_the_address_says(open_page):
    at = open_page("learn", **{"lesson": "history", "history.until": "2015", "hide": "until"})
    assert "history.until" not in [slider.key for slider in at.slider]
    assert "Deep Mutual Learning" not in texts(at)
    assert "FitNets: Hints for Thin Deep Nets" in texts(at)


def test_nonsense_in_the_address_is_as_usual(open_page):
    at = open_page("learn", **{"lesson": "none", "small.images": "-3", "small.image": "x"})
    assert not at.exception
    assert widget(at, "small.images").value == 1000


def test_the_next_lesson_is_a_button_away(open_page):
    at = open_page("learn", lesson="small")
    next(b for b in at.button if b.label == say("learn.next")).click().run()
    assert not at.exception
    second = LESSONS.names()[1]
    assert at.query_params["lesson"] == second
    assert say(LESSONS.text_id(second, "about")) in texts(at)


def test_an_answer_is_explained_at_once_and_handed_in(open_page):
    at = open_page("learn", lesson="history")
    widget(at, "quiz-history-years").set_value(9.0).run()
    assert say("learn.quiz.right") in texts(at)
    widget(at, "quiz-history-first_hint").set_value("rkd").run()
    assert not at.exception
    fitnets = say("lesson.history.ask.first_hint.fitnets")
    assert say("learn.quiz.wrong", right=fitnets) in texts(at)
    kept = at.session_state["learn.answers"]["history"]
    assert kept == {"years": "9", "first_hint": "rkd"}


def test_what_is_handed_in_is_what_was_answered(monkeypatch, empty):
    st.session_state["learn.answers"] = {"history": {"years": "8", "no_data": "lopes"}}
    found = learn_hand_in.gather(("small", "history"), sample_material())
    assert [(a.question, a.is_right) for a in found.answers] == [
        ("years", False),
        ("no_data", True),
    ]
    assert found.answers[1].answer == say("lesson.history.ask.no_data.lopes")
    json.dumps(found.to_json())


def test_answers_to_questions_on_the_sample_are_handed_in_for_another_study(monkeypatch, empty):
    st.session_state["learn.answers"] = {"features": {"by_hand": "1"}}
    bare = dataclasses.replace(sample_material(), key="s1", name="Ours", made={})
    found = learn_hand_in.gather(("features", "live"), bare)
    assert [(a.lesson, a.is_right) for a in found.answers] == [("features", True)]


def test_the_address_of_a_link():
    made = learn_choose.address_of("http://x/learn?old=1", {"a.T": "2"}, "a", ["code", "T"])
    assert made == "http://x/learn?lesson=a&a.T=2&hide=code&hide=T"


def test_controls_of_other_lessons_leave_the_address(open_page):
    at = open_page("learn", **{"lesson": "history", "small.images": "7000"})
    assert "small.images" not in at.query_params
    assert learn_controls.place("small", "images") == "small.images"


# --- in a class ---------------------------------------------------------------------------------

CODE, TOKEN = "heron-7", "grey-heron-77"


@pytest.fixture
def class_open(monkeypatch, empty):
    monkeypatch.setenv(CODE_ENV, CODE)
    monkeypatch.setenv(TOKEN_ENV, TOKEN)


def test_a_visitor_sees_what_the_teacher_chose(open_page, class_open, monkeypatch):
    from app import services_lessons

    plan = Plan(
        order=("history", "live", "small"),
        hidden=("temperature", "live"),
        controls=("history.until",),
    )
    monkeypatch.setattr(services_lessons, "lesson_plan", lambda: plan)
    at = come_in(open_page("learn"), CODE)
    box = widget(at, "lesson")
    assert box.value == "history"
    assert not [title for title in box.options if say("lesson.temperature.title") in title]
    assert not [title for title in box.options if say("lesson.live.title") in title]
    assert "history.until" not in [slider.key for slider in at.slider]
    assert say("learn.quiz.counts") not in [e.label for e in at.expander]
    teacher = come_in(open_page("learn"), TOKEN, "Rui")
    for place, name in ((2, "live"), (4, "temperature")):
        title = f"{place} · {say(f'lesson.{name}.title')}"
        assert say("learn.hidden", lesson=title) in widget(teacher, "lesson").options
    assert "history.until" in [slider.key for slider in teacher.slider]
    assert say("learn.quiz.counts") in [e.label for e in teacher.expander]


def test_the_class_is_counted_and_nobody_is_named(open_page, class_open):
    at = come_in(open_page("learn", lesson="history"), CODE, "Zuleika")
    widget(at, "quiz-history-years").set_value(9.0).run()
    assert not at.exception
    teacher = come_in(open_page("learn", lesson="history"), TOKEN, "Rui")
    said = [bar.proto.text for bar in teacher.get("progress")]
    assert said == ["✓ " + say("learn.quiz.count", answer="9", n=1, total=1)]
    assert "Zuleika" not in texts(teacher)


def test_a_lesson_whose_material_is_missing_offers_to_make_it(open_page, monkeypatch):
    from app import services_lessons

    asked = []
    bare = dataclasses.replace(sample_material(), key="s1", name="Ours", made={})
    monkeypatch.setattr(learn_choose, "study", lambda plan: bare)
    monkeypatch.setattr(services_lessons, "make_aside", lambda *ask: asked.append(ask[1:3]))
    monkeypatch.setattr(services_lessons, "_known", lambda study: None)
    at = open_page("learn", lesson="modes")
    assert not at.exception
    title = say("material.modes.title")
    assert say("learn.missing", study="Ours", names=[title]) in texts(at)
    assert say("lesson.modes.about") in texts(at)  # of the sample, meanwhile
    make = next(b for b in at.button if title in b.label)
    make.click().run()
    assert not at.exception
    assert asked == [("s1", "modes")]


def test_a_lesson_that_nothing_can_show_says_so(open_page, monkeypatch):
    bare = dataclasses.replace(sample_material(), made={})
    monkeypatch.setattr(learn_material, "_opened", lambda study, runs: bare)
    at = open_page("learn", lesson="modes")
    assert not at.exception
    title = say("material.modes.title")
    assert say("learn.missing.all", study=bare.name, names=[title]) in texts(at)
    assert say("lesson.modes.about") not in texts(at)
