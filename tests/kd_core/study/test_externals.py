"""External sets that share images with a study are refused or told, before and at the run."""

import numpy as np
import pytest

from kd_core.config import DataSettings, ModelSettings, StudySettings
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.errors import DataError
from kd_core.events import Log
from kd_core.study.externals import FOUND, check_externals, load_externals
from kd_core.study.pipeline import load_data
from kd_core.study.records import Job
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_data import write_folder
from tests.kd_core.data.doctor.conftest import smooth_images

SIZE = 64


def pictures(n: int, seed: int = 0) -> np.ndarray:
    """uint8 (N, S, S, C)."""
    return smooth_images(n, SIZE, channels=3, seed=seed).transpose(0, 2, 3, 1)


@pytest.fixture
def library(home) -> Library:
    """A study's set of 40 images, and where external sets can be added."""
    found = Library(home)
    write_folder(home / "in" / "own", pictures(40), np.arange(40) % 2)
    found.add(draft(home / "in" / "own"), "own")
    return found


def external(library: Library, home, images: np.ndarray, kind: str = "png") -> DataSettings:
    """The study's settings with an external set of these images."""
    folder = write_folder(home / "in" / "other", images, np.arange(len(images)) % 2, kind)
    library.add(draft(folder, split="test_only"), "other")
    return DataSettings(dataset="own", size=SIZE, external=("other",))


def of_part(library: Library, part: str, n: int) -> np.ndarray:
    """Images of one part of the study."""
    rows = library.get("own").rows(part)
    return np.stack([library.get("own").read(rows.start + i) for i in range(n)])


def at_the_run(settings: DataSettings, home):
    told: list = []
    job = Job(run_id="r", folder=home / "r", home=home, emit=told.append)
    return *load_externals(settings, load_data(settings, home), job), told


def test_images_of_elsewhere_are_welcome(library, home) -> None:
    settings = external(library, home, pictures(10, seed=5))
    check_externals(library, settings)
    found, near, told = at_the_run(settings, home)
    assert len(found["other"].parts["test"]) == 10
    assert near == {}
    assert told == []


def test_the_test_part_may_be_shared(library, home) -> None:
    images = np.concatenate([of_part(library, "test", 2), pictures(4, seed=5)])
    check_externals(library, external(library, home, images))


@pytest.mark.parametrize("part", ["train", "val"])
def test_the_same_files_are_refused_before_anything_is_queued(library, home, part) -> None:
    images = np.concatenate([of_part(library, part, 3), pictures(5, seed=5)])
    settings = external(library, home, images)
    study = StudySettings(data=settings, student=ModelSettings(name="fake"))
    store = Store(home)
    with pytest.raises(DataError) as caught:
        submit(store, study)
    assert caught.value.code == "external_shared"
    fields = caught.value.fields
    assert (fields["n"], fields["images"], len(fields["names"])) == (3, 8, 2)
    assert store.studies() == []
    store.close()


def test_the_same_pixels_in_another_file_are_refused_at_the_run(library, home) -> None:
    images = np.concatenate([of_part(library, "train", 2), pictures(4, seed=5)])
    settings = external(library, home, images, kind="bmp")
    check_externals(library, settings)
    with pytest.raises(DataError) as caught:
        at_the_run(settings, home)
    assert caught.value.code == "external_shared"


def test_near_copies_are_told_and_searched_once(library, home) -> None:
    changed = (of_part(library, "train", 2) * 0.8 + 30).astype(np.uint8)
    settings = external(library, home, np.concatenate([changed, pictures(4, seed=5)]))
    check_externals(library, settings)
    _, near, told = at_the_run(settings, home)
    assert near == {"other": 2}
    (log,) = told
    assert isinstance(log, Log)
    assert log.level == "warning"
    (kept,) = (home / "cache").rglob(f"{FOUND}*")
    kept.write_text('{"same": [], "near": 7}')
    assert at_the_run(settings, home)[1] == {"other": 7}
