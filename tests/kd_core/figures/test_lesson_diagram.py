import pytest

from kd_core.figures.lesson_diagram import DIAGRAMS, LABELS, modes_info, moments, now

CURVES = {
    "offline": {"teacher": [0.2, 0.6, 0.9, 0.8], "student": [0.3, 0.5]},
    "mutual": {"student": [0.2, 0.5], "peer-1": [0.3, 0.4]},
    "exits": {"student": [0.5, 0.7], "exit-1": [0.3, 0.4], "exit-2": [0.4, None]},
    "born_again": {"earlier": [0.2, 0.6], "student": [0.3, 0.7]},
}


def info(mode, share=0.5, curves=None):
    known = CURVES[mode] if curves is None else curves
    return modes_info(mode, known, [0.1, 0.4], share, "accuracy")


def test_what_is_taught_first_learns_in_the_first_phase():
    run = info("offline", 0.75)
    assert (run.phases, run.moment) == (2, 1.5)
    teacher, student = run.curves
    assert teacher.points() == [(0.25, 0.2), (0.5, 0.6), (0.75, 0.9), (1.0, 0.8)]
    assert student.points() == [(1.5, 0.3), (2.0, 0.5)]
    assert run.alone.points() == [(1.5, 0.1), (2.0, 0.4)]
    assert now(run, 1.5).heads == (("teacher", 1.0, 0.8), ("student", 1.5, 0.3))
    assert {name for name, _, _ in now(run, 0.5).dots} == {LABELS}
    assert {name for name, _, _ in now(run, 1.5).dots} == {LABELS, "teacher"}


def test_networks_that_learn_from_each_other_do_so_in_one_phase():
    run = info("mutual", 1.0)
    assert run.phases == 1
    assert [name for name, _, _ in now(run, 0.3).dots] == [LABELS, LABELS, "student", "peer-1"]
    assert now(run, 1.0).dots == ()


def test_an_epoch_without_a_value_is_left_out():
    assert info("exits").curves[2].points() == [(0.5, 0.4)]


@pytest.mark.parametrize("mode", DIAGRAMS)
def test_dots_run_between_the_boxes(mode):
    run = info(mode)
    for at in moments(run):
        for _, x, y in now(run, at).dots:
            assert 0 < x < 10
            assert 0 < y < 4
