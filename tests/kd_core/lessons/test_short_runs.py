import pytest

from kd_core.lessons import short_runs
from tests.helpers_lessons import sample_material


def test_the_teacher_of_the_sample_took_so_many_times_the_work_of_its_baseline():
    # both took 552 steps of 64 images: what differs is one image's work
    expected = 217_652_480 / 2_837_440
    assert short_runs.teacher_over_baseline(sample_material()) == pytest.approx(expected)


def test_fewer_images_are_drawn_by_seed_and_keep_their_labels():
    data = sample_material().data
    part = short_runs.some_images(data, 50, seed=3).parts["train"]
    rows = [data.parts["train"].ids.index(name) for name in part.ids]
    assert rows == sorted(rows)
    assert len(rows) == 50
    assert (part.targets == data.parts["train"].targets[rows]).all()
    assert short_runs.some_images(data, 50, seed=3).parts["train"].ids == part.ids


def test_a_past_curve_is_the_column_of_its_table(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,val.accuracy\n1,0.5\n2,nan\n", encoding="utf-8")
    assert short_runs.past_curve(path, "val.accuracy") == [0.5, None]
    assert short_runs.past_curve(path, "val.other") == []
    assert short_runs.past_curve(tmp_path / "none.csv", "val.accuracy") == []
