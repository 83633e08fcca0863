"""The settings of a live run: what is in them, and what they share."""

import pytest

from kd_core.config import RunSettings
from kd_core.lessons.live import (
    ALPHAS,
    SIZE,
    STUDENT,
    TEMPERATURES,
    alone_study,
    live_run,
    live_study,
    student_params,
)
from kd_core.models import build_model
from kd_core.study.graph import config_hashes, expand
from tests.helpers_lessons import sample_material
from tests.helpers_sample import sample_store, sample_study


def test_the_student_has_about_25_thousand_weights():
    counted = student_params(sample_material())
    network = build_model(STUDENT, 5, 3, SIZE, seed=0)
    assert counted == sum(p.numel() for p in network.parameters()) == 28_341
    assert 20_000 <= counted <= 30_000


def test_a_start_is_the_student_alone_and_one_that_learns_from_the_finished_teacher():
    material = sample_material()
    alone, live = expand(live_study(material, 0.3, 4.0))
    assert (alone.role, alone.needs) == ("baseline", {})
    teacher = material.voice("teacher").result.run.id
    assert live.needs == {"teacher": f"run:{teacher}"}
    assert (live.distil.alpha, live.distil.losses[0].params["T"]) == (0.3, 4.0)
    assert live.data.size == SIZE == 32
    assert live.compute.threads == 1
    assert live == live_run(material, 0.3, 4.0)
    assert live.change(distil=None, key="", needs={}, role="baseline") == alone.change(key="")


def test_all_starts_share_the_student_alone():
    material = sample_material()
    teacher = {material.voice("teacher").result.run.id: "t"}
    _, wanted = alone_study(material)
    for alpha, T in ((ALPHAS[0], TEMPERATURES[0]), (ALPHAS[-1], TEMPERATURES[-1])):
        hashes = config_hashes(expand(live_study(material, alpha, T)), teacher)
        assert hashes["baseline-s0"] == config_hashes([wanted])["baseline-s0"]


@pytest.mark.parametrize("run", [row.id for row in sample_store().runs(study=sample_study())])
def test_what_came_later_changes_no_record(run):
    record = sample_store().record(run)
    plain = record.settings.to_json()
    del plain["replay"], plain["exporter"]
    assert RunSettings.from_json(plain) == record.settings
    parents = {name: sample_store().run(of).config_hash for name, of in record.parents.items()}
    assert record.settings.config_hash(parents) == record.config_hash
