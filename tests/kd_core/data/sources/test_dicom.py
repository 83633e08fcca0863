import numpy as np
import pytest

from kd_core.data.draft import draft
from kd_core.data.sources import SOURCES
from kd_core.data.sources.dicom import detects, read
from tests.helpers_data import write_dicom

RNG = np.random.default_rng(0)


@pytest.fixture
def films(tmp_path):
    """Twelve films of six patients in two class folders."""
    for i in range(12):
        pixels = RNG.integers(0, 4096, (8, 9)).astype(np.uint16)
        path = tmp_path / "films" / ("sick" if i % 4 < 2 else "well") / f"IM{i:04d}"
        write_dicom(path, pixels, PatientID=f"Name{i // 2}", WindowCenter=2000, WindowWidth=500)
    return tmp_path / "films"


def test_class_folders(films):
    found = read(films, SOURCES["dicom"].check({}))
    assert detects(films)
    assert found.classes == ("sick", "well")
    assert len(set(found.patients)) == 6
    assert not any("Name" in patient for patient in found.patients)


def test_a_table(films):
    rows = [f"IM{i:04d},{i % 2},{1 - i % 2},{i // 4}" for i in range(12)]
    everything = films.parent / "flat"
    everything.mkdir()
    for path in films.glob("*/IM*"):
        path.rename(everything / path.name)
    (everything / "labels.csv").write_text("\n".join(["file,Edema,Mass,patient", *rows]))
    found = read(everything, SOURCES["dicom"].check({}))
    assert found.task == "multilabel"
    assert set(found.patients) == {"0", "1", "2"}


def test_the_window_is_an_option_and_recorded(films):
    percentile = draft(films).dataset
    stored = draft(films, window="stored").dataset
    assert percentile.info.window.kind == "percentile"
    assert stored.info.window.kind == "stored"
    assert stored.hash != percentile.hash
    assert (stored.read(0) != percentile.read(0)).any()
    assert stored.channels == 1


def test_other_folders_are_not_dicom(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    assert not detects(tmp_path)
    assert not detects(tmp_path / "a.txt")
