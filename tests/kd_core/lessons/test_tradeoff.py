import pytest

from kd_core.lessons import LESSONS
from kd_core.lessons.tradeoff import show
from kd_core.lessons.tradeoff_draws import drawn_again, pair_of
from tests.helpers_lessons import sample_material
from tests.helpers_sample import say

VALUES = {"device": "this_machine", "budget": 100, "pair": "near", "draw": 0}


def test_a_budget_lets_the_teacher_go():
    material = sample_material()
    teacher = material.voice("teacher").result.latency(1).latency_ms_p50
    everything, half, nothing = (
        show(material, {**VALUES, "budget": percent}) for percent in (100, 50, 1)
    )
    assert everything.pictures[0].info.limit_ms == teacher
    assert everything.pictures[0].info.chosen == "teacher"
    assert set(everything.pictures[0].info.remain) == {"teacher", "baseline", "distilled"}
    assert half.pictures[0].info.limit_ms == teacher / 2
    assert set(half.pictures[0].info.remain) == {"baseline", "distilled"}
    assert half.pictures[0].info.chosen in ("baseline", "distilled")
    assert half.facts[0].params["kept"] == 2
    assert nothing.pictures[0].info.chosen == ""
    assert nothing.facts[0].id == "lesson.tradeoff.fact.none"


def test_a_careful_reader_sees_how_many_remain_with_the_whole_band():
    material = sample_material()
    shown = show(material, {**VALUES, "device": "raspberry_pi_4"})
    info = shown.pictures[0].info
    over = [low < info.limit_ms < high for low, high in info.bands]
    assert any(over)
    careful = next(fact for fact in shown.facts if fact.id == "lesson.tradeoff.fact.careful")
    assert careful.params["careful"] == 2
    assert careful.params["n"] == 3


def test_draws_so_far():
    material = sample_material()
    drawn = drawn_again(pair_of(material, "near"))
    for number in (1, 7, 200):
        shown = show(material, {**VALUES, "draw": number})
        draws, gaps = (picture.info for picture in shown.pictures[1:])
        assert draws.numbers[-1] == number
        assert draws.scores[0][-1] == drawn.drawn[0, number - 1]
        words = shown.pictures[1].words.params
        a, b = drawn.drawn[:, :number]
        assert words["flips"] == (a < b).sum()
        assert sum(gaps.counts) == 200
        assert gaps.now == pytest.approx(100 * (a[-1] - b[-1]))
    all_of_them = shown.pictures[2].words.params
    assert all_of_them["share"] == (drawn.drawn[0] < drawn.drawn[1]).mean()


def test_before_the_first_draw_nothing_has_flipped():
    shown = show(sample_material(), VALUES)
    assert shown.pictures[1].words.id == "lesson.tradeoff.draws.none"
    assert shown.pictures[2].info.now is None
    assert "200" in say(shown.pictures[2].words)


def test_questions_count_on_this_studys_images():
    material = sample_material()
    by_name = {question.name: question for question in LESSONS["tradeoff"].questions}
    assert by_name["images"].answer(material) == pytest.approx(1.8)  # 0.003 · 600
    assert by_name["images"].is_right(1.8, material)
    assert not by_name["images"].is_right(18, material)
    assert by_name["nothing"].answer(material) == "unknown"
    assert by_name["nothing"].numbers(material)["gap"] < 0.005


def test_verdict_and_notes_are_said():
    shown = show(sample_material(), {**VALUES, "device": "raspberry_pi_4"})
    assert "cannot tell" in say(shown.facts[-1])
    assert "10 patients" in say(shown.notes[1])
