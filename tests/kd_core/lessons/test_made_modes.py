import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from kd_core.errors import ConfigError
from kd_core.lessons import made_modes
from kd_core.lessons.short_runs import past_curve
from kd_core.models import build_model
from kd_core.models.exits import ExitHead
from kd_core.models.pairing import shapes, stages
from tests.helpers_lessons import sample_material


def few(part, n):
    return replace(
        part,
        images=np.array(part.images[:n]),
        targets=part.targets[:n],
        ids=part.ids[:n],
        patients=None,
        groups={},
    )


def small_material():
    """The embedded study with a few images, and its baseline in the teacher's place."""
    material = sample_material()
    parts = {name: few(material.data.parts[name], 64) for name in ("train", "val")}
    baseline = material.voice("baseline")
    taught = replace(baseline, name="teacher", role="teacher")
    voices = (taught, *(voice for voice in material.voices if voice.role != "teacher"))
    return replace(material, data=replace(material.data, parts=parts), voices=voices)


@pytest.fixture
def made(monkeypatch, tmp_path):
    monkeypatch.setattr(made_modes, "EPOCHS", 2)
    said = []
    made_modes.make(small_material(), tmp_path, lambda done, total: said.append((done, total)))
    return made_modes.read(tmp_path), said


def macs_by_hand(network, *shape):
    """Multiplications of convolutions and linear layers, counted module by module."""
    total = 0

    def count(module, inputs, output):
        nonlocal total
        if isinstance(module, nn.Conv2d):
            each = module.in_channels // module.groups * module.kernel_size[0] ** 2
            total += output.numel() * each
        if isinstance(module, nn.Linear):
            total += output.numel() * module.in_features

    handles = [module.register_forward_hook(count) for module in network.modules()]
    with torch.no_grad():
        network.eval()(torch.zeros(1, *shape))
    for handle in handles:
        handle.remove()
    return total


def test_every_mode_trains_its_networks_for_every_epoch(made):
    found, said = made
    networks = {mode: set(course.curves) for mode, course in found.courses.items()}
    assert networks == {
        "alone": {"student"},
        "offline": {"teacher", "student"},
        "mutual": {"student", "peer-1"},
        "exits": {"student", "exit-1", "exit-2"},
        "born_again": {"earlier", "student"},
    }
    for mode, course in found.courses.items():
        lengths = {n: len(values) for n, values in course.curves.items() if n != "teacher"}
        assert set(lengths.values()) == {2}, mode
    assert found.courses["born_again"].curves["earlier"] == found.courses["alone"].curves["student"]
    assert (found.images, found.steps, found.metric) == (64, 2, "balanced_accuracy")
    assert (found.alpha, found.T) == (0.3, 4.0)  # as the study's own arm
    assert said[-1][0] == said[-1][1]
    assert [done for done, _ in said[:-1]] == sorted(done for done, _ in said[:-1])


def test_work_is_counted_as_by_hand(made):
    found, _ = made
    settings = sample_material().settings
    student = build_model(settings.student, 5, 3, 40, 0)
    own = macs_by_hand(student, 3, 40, 40)
    assert found.macs["student"] == own == 2_837_440
    paths = [path for path, _ in stages(student, 3, 40)][-3:]
    found_shapes = shapes(student, paths, 3, 40)
    heads = sum(
        macs_by_hand(ExitHead(shape, found_shapes[-1], 5), *shape) for shape in found_shapes[:-1]
    )
    assert found.macs["exits"] == heads
    work = {mode: course.work for mode, course in found.courses.items()}
    assert work["alone"] == {"student": 1, "beside": 0, "answers": 0, "before": 0}
    assert work["mutual"]["beside"] == 1
    assert work["exits"]["beside"] == pytest.approx(heads / own)
    # the teacher answers two views once; the student learns two epochs at three passes each
    assert work["offline"]["answers"] == pytest.approx(2 * own / (3 * 2 * own))
    assert work["born_again"] == pytest.approx(
        {"student": 1, "beside": 0, "answers": 2 / 6, "before": 1}
    )


def test_a_mode_that_the_networks_do_not_allow_is_said_to_be_refused(monkeypatch, tmp_path):
    def only_alone(run, *rest, **more):
        if run.distil.mode != "alone":
            raise ConfigError("exits_no_stages", model="x")
        return fit(run, *rest, **more)

    fit = made_modes.fit
    monkeypatch.setattr(made_modes, "EPOCHS", 1)
    monkeypatch.setattr(made_modes, "fit", only_alone)
    made_modes.make(small_material(), tmp_path, lambda done, total: None)
    found = made_modes.read(tmp_path)
    assert found.courses["alone"].refused is None
    assert found.courses["exits"].refused["id"] == "error.exits_no_stages"


def test_what_is_shipped_is_of_this_study():
    found = made_modes.read(made_modes_folder())
    history = sample_material().voice("teacher").result.folder / "history.csv"
    teacher = past_curve(history, f"val.{found.metric}")
    assert found.courses["offline"].curves["teacher"] == teacher
    assert found.teacher == sample_material().voice("teacher").result.scores[found.metric].value
    json.dumps(found.courses["exits"].work)


def made_modes_folder():
    return sample_material().made.folder("modes")
