from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from kd_core.lessons import live, made_map
from kd_core.lessons.live import ALPHAS, TEMPERATURES
from kd_core.lessons.made_map import LiveMap
from kd_core.study.pipeline import load_data
from kd_core.train.loader import normalisation
from tests.helpers_lessons import only_a_file, sample_material


def material():
    """The embedded study with its baseline in the teacher's place, which answers quickly."""
    found = sample_material()
    baseline = found.voice("baseline")
    taught = replace(baseline, name="teacher", role="teacher")
    voices = (taught, *(voice for voice in found.voices if voice.role != "teacher"))
    return replace(found, voices=voices)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_map, "ALPHAS", (0.0, 1.0))
        patch.setattr(made_map, "TEMPERATURES", (2.0, 8.0))
        patch.setattr(made_map, "SEEDS", (0, 1))
        patch.setattr(live, "RECIPE", live.RECIPE.change(steps=3))
        made_map.make(material(), folder, lambda done, total: said.append((done, total)))
    return made_map.read(folder), said


def test_every_point_is_a_run_of_its_own_but_those_without_a_teacher(made):
    found, said = made
    assert said == [(n, 4) for n in (1, 2, 3, 4)]  # two seeds alone, two points
    for rows, alone in zip(found.values.values(), found.alone.values(), strict=True):
        assert np.shape(rows) == (2, 2)
        assert [row[1] for row in rows] == [alone[0]] * 2
        assert len(alone) == 2
    assert found.metric == "balanced_accuracy"
    assert {"accuracy", "balanced_accuracy"} <= set(found.values)


def test_the_student_alone_has_no_teacher_and_the_same_recipe():
    run, taught = made_map.baseline_run(material(), 3), live.live_run(material(), 0.3, 4.0)
    assert run.distil is None
    assert run.seed == 3
    assert (run.model, run.train, run.data) == (taught.model, taught.train, taught.data)


def test_the_teacher_is_scored_on_the_small_images_that_it_answers(made):
    taught = material()
    data = load_data(live.live_data(taught), taught.home)
    images = torch.from_numpy(np.array(data.parts["val"].images)).float() / 255
    mean, std = normalisation(data, live.live_data(taught))
    shift, scale = (torch.tensor(v).view(-1, 1, 1) for v in (mean, std))
    with torch.no_grad():
        network = taught.network(taught.voice("teacher"))
        said = network((images - shift) / scale)["logits"].argmax(1).numpy()
    right = said == data.parts["val"].targets
    assert images.shape[-2:] == (32, 32)
    assert made[0].teacher["accuracy"] == pytest.approx(right.mean())


def test_a_teacher_that_is_a_file_of_another_size_cannot_be_asked():
    taught = material()
    assert live.unfit(taught) is None
    why = live.unfit(only_a_file(taught))
    assert (why.id, why.params["size"]) == ("material.unfit.size", 40)


EXAMPLE = LiveMap(
    metric="accuracy",
    alphas=(0.0, 0.5, 1.0),
    temperatures=(1.0, 4.0),
    values={"accuracy": ((0.50, 0.70, 0.60), (0.69, 0.55, 0.60))},
    alone={"accuracy": (0.60, 0.61, 0.59)},
    teacher={"accuracy": 0.9},
)


def test_noise_is_the_difference_of_two_runs_that_chance_makes():
    sd = float(np.std((0.60, 0.61, 0.59), ddof=1))
    assert EXAMPLE.sd() == pytest.approx(sd)
    assert EXAMPLE.noise() == pytest.approx(stats.t.ppf(0.975, 2) * sd * 2**0.5)


def test_the_best_point_has_a_teacher_and_those_within_the_noise_are_near():
    found = EXAMPLE.map()
    assert found.best == (0.5, 1.0)
    assert found.near == ((1, 0),)  # 0.69; the others are more than 0.0608 away
    assert found.alone == ("alone", pytest.approx(0.6))
    assert found.at(0.52, 1.1) == (0.5, 1.0, 0.70)


def test_the_map_that_is_shipped_has_every_point():
    found = sample_material().made["map"]
    assert (found.alphas, found.temperatures) == (ALPHAS, TEMPERATURES)
    for rows in found.values.values():
        assert np.shape(rows) == (len(TEMPERATURES), len(ALPHAS))
        assert 0 <= np.min(rows) <= np.max(rows) <= 1
        assert {row[ALPHAS.index(1.0)] for row in rows} == {rows[0][ALPHAS.index(1.0)]}
