"""A study as lessons need it, against its own records."""

import ast
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from kd_core.errors import ConfigError, StoreError
from kd_core.lessons import open as opening
from kd_core.lessons.material import MATERIALS, MaterialSpec
from kd_core.study.results import predictions
from tests.helpers_lessons import sample_material
from tests.helpers_sample import sample_store, sample_study

LESSONS_FOLDER = Path(opening.__file__).parent


@pytest.fixture
def counted(monkeypatch):
    """A material that writes how many images the study has, registered for one test."""

    def make(material, folder, progress):
        progress(1, 2)
        (folder / "n.txt").write_text(str(len(material.images)))

    spec = MaterialSpec(
        make=make, read=lambda folder: int((folder / "n.txt").read_text()), version=3, minutes=0.1
    )
    monkeypatch.setitem(MATERIALS._entries, "counted", spec)


def test_the_sample_is_opened_as_it_was_recorded():
    material = sample_material()
    assert (material.key, material.classes[0], len(material.images)) == ("sample", "healthy", 600)
    assert [v.role for v in material.voices[:3]] == ["teacher", "baseline", "student"]
    assert len({v.result.run.id for v in material.voices}) == len(material.voices) == 7
    for voice in material.voices:
        said = predictions(voice.result, "val")
        right = (voice.logits.argmax(1) == material.targets).mean()
        assert right == pytest.approx(voice.result.scores["accuracy"].value)
        assert said.logits.shape == voice.logits.shape
    assert material.patients is not None
    assert opening.sample_id() == sample_study()


def test_images_are_as_they_are_shown():
    material = sample_material()
    assert material.images.shape == (600, 40, 40, 3)
    assert material.images.dtype == np.uint8
    np.testing.assert_array_equal(material.images[3, :, :, 1], material.part.images[3, 1])


def test_a_study_by_its_id_is_the_sample_too_and_others_are_unknown():
    assert opening.open_material(sample_store(), sample_study()).key == "sample"
    with pytest.raises(StoreError, match="study_unknown"):
        opening.open_material(sample_store(), "s-none")


def test_a_study_without_all_three_roles_is_refused(monkeypatch):
    found = opening.results(sample_store(), sample_study())
    without = [one for one in found if one.model.role != "baseline"]
    monkeypatch.setattr(opening, "results", lambda store, study: without)
    with pytest.raises(StoreError, match="lesson_study"):
        opening.open_material(sample_store(), sample_study())


def test_the_sample_can_be_opened_by_its_records():
    study = sample_store().study(sample_study())
    assert opening.can_open(sample_store(), study)


def test_what_is_made_is_found_and_read_once(counted, tmp_path):
    material = sample_material()
    own = opening.Made(tmp_path, "sample")
    assert "counted" not in own
    with pytest.raises(KeyError):
        own["counted"]
    at_home = dataclasses.replace(material, home=tmp_path, made=own)
    older = tmp_path / "lessons" / "sample" / "counted-v2"
    older.mkdir(parents=True)
    seen = []
    folder = opening.make_material(at_home, "counted", lambda done, total: seen.append(done))
    assert folder.name == "counted-v3"
    assert not older.exists()
    assert own["counted"] == 600
    assert "counted" in list(own)
    opening.make_material(at_home, "counted", lambda done, total: seen.append(done))
    assert seen == [1]  # the second time it was there
    with pytest.raises(ConfigError, match="entry_unknown"):
        opening.make_material(at_home, "no_such", lambda done, total: None)


def test_what_failed_leaves_nothing(counted, tmp_path, monkeypatch):
    def fail(material, folder, progress):
        raise StoreError("test_sealed", part="test")

    spec = MATERIALS["counted"]
    monkeypatch.setitem(MATERIALS._entries, "counted", dataclasses.replace(spec, make=fail))
    material = dataclasses.replace(sample_material(), home=tmp_path)
    with pytest.raises(StoreError, match="test_sealed"):
        opening.make_material(material, "counted")
    assert [p.name for p in (tmp_path / "lessons" / "sample").iterdir()] == ["counted.lock"]


def _imported(module):
    """Modules of the lessons that a module brings along, however indirectly, by reading it."""
    file = LESSONS_FOLDER / f"{module}.py"
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "kd_core.lessons":
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").removeprefix("kd_core.lessons."))
    return {name for name in found if (LESSONS_FOLDER / f"{name}.py").is_file()}


def test_who_imports_the_lessons_knows_all_that_they_are_made_from():
    """In a test run somebody has imported everything; a command has not."""
    known, ahead = set(), {"__init__"}
    while ahead:
        module = ahead.pop()
        known.add(module)
        ahead |= _imported(module) - known
    made = {file.stem for file in LESSONS_FOLDER.glob("made_*.py")}
    assert made
    assert made <= known


def test_what_is_shipped_is_of_the_version_that_is_read(monkeypatch, tmp_path):
    made = opening.Made(tmp_path, opening.SAMPLE)
    for name in MATERIALS:
        assert made.folder(name).name == f"{name}-v{MATERIALS[name].version}"
    newer = dataclasses.replace(MATERIALS["modes"], version=MATERIALS["modes"].version + 1)
    monkeypatch.setitem(MATERIALS._entries, "modes", newer)
    assert "modes" not in opening.Made(tmp_path, opening.SAMPLE)
    assert "features" in opening.Made(tmp_path, opening.SAMPLE)


def test_a_study_of_live_runs_is_none_for_lessons():
    study = sample_store().study(sample_study())
    live = study._replace(settings_json=json.dumps(study.settings.change(replay=12).to_json()))
    assert not opening.can_open(sample_store(), live)


def test_what_a_study_of_another_task_cannot_have():
    material = sample_material()
    data = dataclasses.replace(material.data, task="multilabel")
    other = dataclasses.replace(material, data=data)
    for name in MATERIALS:
        assert MATERIALS[name].why_not(material) is None
        assert MATERIALS[name].why_not(other).id == "material.unfit.task"
