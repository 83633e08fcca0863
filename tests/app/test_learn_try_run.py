"""What came of a live run, beside the student alone and the map; each figure by hand."""

from types import SimpleNamespace

import pytest
from scipy import stats

from app import learn_try_run, services_live
from kd_core.lessons.live import ALPHAS, TEMPERATURES
from kd_core.lessons.made_map import LiveMap
from tests.helpers_app import say

ALONE = (0.60, 0.61, 0.62)
ROWS = tuple(tuple(0.5 + a / 10 + t / 100 for a in ALPHAS) for t in TEMPERATURES)
MAP = LiveMap(
    "accuracy", ALPHAS, TEMPERATURES, {"accuracy": ROWS}, {"accuracy": ALONE}, {"accuracy": 0.9}
)
NOISE = float(stats.t.ppf(0.975, 2) * 0.01 * 2**0.5)  # their sd is 0.01


class Screen:
    """Keeps what is written."""

    def __init__(self):
        self.metrics, self.lines = {}, []

    def columns(self, n):
        return [self] * n

    def metric(self, title, value):
        self.metrics[title] = value

    def markdown(self, text):
        self.lines.append(text)

    caption = markdown


@pytest.fixture
def result(monkeypatch):
    """What is shown of a finished run with α 0.3 and T 4 that reached so much."""

    def shown(mine, alone=0.61):
        reached = {"mine": {"accuracy": mine}, "alone": {"accuracy": alone}}
        distil = SimpleNamespace(alpha=0.3, losses=[SimpleNamespace(params={"T": 4.0})])
        store = SimpleNamespace(
            models=lambda run: [SimpleNamespace(values=reached[run])],
            settings=lambda run: SimpleNamespace(distil=distil),
        )
        screen, material = Screen(), SimpleNamespace(made={"map": MAP})
        before = None if alone is None else SimpleNamespace(id="alone", status="finished")
        monkeypatch.setattr(services_live, "alone_run", lambda material: before)
        monkeypatch.setattr(learn_try_run, "services", lambda: SimpleNamespace(store=store))
        monkeypatch.setattr(learn_try_run, "class_open", lambda: False)
        monkeypatch.setattr(learn_try_run, "st", screen)
        learn_try_run._result(material, SimpleNamespace(id="mine", status="finished", owner="me"))
        return screen

    return shown


def test_the_run_stands_beside_the_student_alone_and_the_map(result):
    assert result(0.66).metrics == {
        say("try.reached"): "0.660",
        say("try.alone"): "0.610",
        say("try.map"): "0.570",  # 0.5 + 0.3 / 10 + 4 / 100
    }


@pytest.mark.parametrize(
    ("mine", "word", "gap"), [(0.66, "chance", 0.05), (0.70, "better", 0.09), (0.5, "worse", 0.11)]
)
def test_a_gap_is_more_than_chance_where_it_is_beyond_the_noise(result, mine, word, gap):
    assert result(mine).lines == [say(f"try.result.{word}", gap=gap, noise=NOISE)]


def test_nothing_is_compared_before_the_student_alone_is_there(result):
    screen = result(0.66, alone=None)
    assert screen.metrics[say("try.alone")] == "–"
    assert screen.lines == [say("try.alone_later")]
