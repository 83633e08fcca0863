"""Try it live: sliders, the map's answer, a start, and what came of a run."""

from types import SimpleNamespace

import pytest

from app import learn_choose, learn_material, learn_try, learn_try_run, services_live
from app.class_room import CODE_ENV, TOKEN_ENV
from kd_core.errors import JobError
from kd_core.lessons.live import ALPHAS, TEMPERATURES
from kd_core.lessons.made_map import LiveMap
from kd_core.study.rows import Place
from tests.helpers_app import say
from tests.helpers_lessons import only_a_file, sample_material
from tests.pages.conftest import texts

ROWS = tuple(tuple(0.5 + a / 10 + t / 100 for a in ALPHAS) for t in TEMPERATURES)
MAP = LiveMap(
    "balanced_accuracy",
    ALPHAS,
    TEMPERATURES,
    {"accuracy": ROWS},
    {"accuracy": (0.60, 0.61, 0.62)},
    {"accuracy": 0.9},
)


@pytest.fixture(autouse=True)
def sample(monkeypatch):
    """The embedded study with a map that is easy to compute by hand, outside a class."""
    for name in (CODE_ENV, TOKEN_ENV):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(learn_material, "_opened", lambda study, runs: sample_material())
    monkeypatch.setitem(sample_material().made._read, "map", MAP)


def test_the_map_answers_at_once_and_the_sliders_are_in_the_address(open_page, empty):
    at = open_page("learn", lesson="live")
    assert not at.exception
    assert at.metric[0].value == "0.570"  # 0.5 + 0.3/10 + 4/100
    assert f"{MAP.map('accuracy').noise:.3f}" in texts(at)
    own = sample_material().voice("teacher").result.scores["accuracy"].value
    name = sample_material().name
    assert say("try.teacher", here=0.9, study=own, size=40, name=name) in texts(at)
    slider = next(s for s in at.select_slider if s.key == "try.alpha")
    slider.set_value(0.7).run()
    assert not at.exception
    assert at.metric[0].value == "0.610"
    assert "0.7" in at.query_params["try.alpha"]


def test_a_link_opens_it_as_it_was_set(open_page, empty):
    at = open_page("learn", **{"lesson": "live", "try.alpha": "0.1", "try.T": "16"})
    assert at.metric[0].value == "0.670"


def test_a_missing_map_is_said(open_page, empty, monkeypatch):
    monkeypatch.setattr(sample_material().made, "_read", {})
    monkeypatch.setattr(type(sample_material().made), "folder", lambda self, name: None)
    at = open_page("learn", lesson="live")
    assert not at.exception
    assert say("try.no_map") in texts(at)


def test_the_button_starts_what_the_sliders_say_and_a_refusal_is_shown(
    open_page, empty, monkeypatch
):
    started = []

    def start(material, alpha, T):
        started.append((alpha, T))
        raise JobError("visitor_limit", active=12, new=1, limit=12)

    monkeypatch.setattr(services_live, "start_live", start)
    at = open_page("learn", **{"lesson": "live", "try.alpha": "0", "try.T": "8"})
    next(b for b in at.button if b.key == "try-start").click().run()
    assert not at.exception
    assert started == [(0.0, 8.0)]
    assert "12" in texts(at)


def test_a_study_that_cannot_be_tried_is_said_and_the_sample_is_tried(
    open_page, empty, monkeypatch
):
    foreign = only_a_file(sample_material())
    monkeypatch.setattr(learn_choose, "study", lambda plan: foreign)
    at = open_page("learn", lesson="live")
    assert not at.exception
    why = say("material.unfit.size", study=foreign.name, size=40)
    assert say("learn.unfit", why=why) in texts(at)
    assert at.metric[0].value == "0.570"


def test_accuracy_is_what_the_board_compares():
    assert learn_try.metric_of(MAP) == "accuracy"


@pytest.mark.parametrize(
    ("status", "wait_s", "every_s"),
    [("running", 90.0, 1), ("queued", None, 5), ("queued", 3.0, 2), ("queued", 40.0, 8),
     ("waiting", 900.0, 12)],
)  # fmt: skip
def test_a_run_that_waits_long_is_looked_at_seldom(status, wait_s, every_s, monkeypatch):
    place = None if wait_s is None else Place(3, wait_s)
    known = SimpleNamespace(jobs=SimpleNamespace(place=lambda run: place))
    monkeypatch.setattr(learn_try_run, "services", lambda: known)
    assert learn_try_run.poll_s(SimpleNamespace(id="r1", status=status)) == every_s
