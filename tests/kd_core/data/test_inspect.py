import numpy as np
import pytest
from PIL import Image

from kd_core.data.inspect import ImageFacts, inspect
from kd_core.data.originals import FileImages
from kd_core.data.windows import Window
from kd_core.errors import DataError

FILM = (np.arange(48).reshape(6, 8) * 1000).astype(np.uint16)


@pytest.fixture
def files(tmp_path):
    Image.fromarray(FILM).save(tmp_path / "film.png")
    Image.new("RGB", (5, 4), (9, 9, 9)).save(tmp_path / "grey.png")
    Image.new("RGB", (5, 4), (9, 9, 8)).save(tmp_path / "colour.png")
    (tmp_path / "text.png").write_text("text")
    names = ("film.png", "grey.png", "colour.png", "text.png")
    return FileImages(tmp_path, names)


def test_facts_and_faults(files):
    calls = []
    facts = inspect(files, files.files, Window(), progress=lambda *call: calls.append(call))
    film, grey, colour, text = (facts[name] for name in files.files)
    assert (film.width, film.height, film.bits, film.grey, film.windowed) == (8, 6, 16, True, True)
    assert (film.low, film.high) == (0, 47_000)
    assert grey.grey
    assert not colour.grey
    assert isinstance(text, DataError)
    assert calls == [(4, 4)]


def test_a_window_that_an_image_lacks_is_its_fault(files):
    facts = inspect(files, files.files, Window(kind="stored"))
    assert facts["film.png"].code == "window_not_stored"
    assert isinstance(facts["grey.png"], ImageFacts)


def test_what_is_known_is_not_read_again(files):
    known = {i: f for i, f in inspect(files, files.files, Window()).items() if i == "film.png"}
    (files.root / "film.png").unlink()
    assert inspect(files, files.files, Window(), known)["film.png"] == known["film.png"]
