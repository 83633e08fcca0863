import io

import pytest

from kd_core.data.upload_common import Limits, check_size, name_of, opened, safe_name
from kd_core.errors import ConfigError, UploadError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cells", "cells"),
        ("Glóbulos vermelhos", "Globulos-vermelhos"),
        ("..\\..\\windows", "windows"),
        ("a\x00b", "a-b"),
        ("nul.txt", "_nul.txt"),
        ("-rf", "rf"),
        ("x" * 300, "x" * 80),
        ("trailing. ", "trailing"),
    ],
)
def test_names_become_safe(text, name):
    assert safe_name(text) == name
    assert safe_name(name) == name


@pytest.mark.parametrize("text", ["", "...", "///", "血"])
def test_a_name_of_nothing_is_refused(text):
    with pytest.raises(UploadError) as caught:
        safe_name(text)
    assert caught.value.code == "name_empty"


def test_an_open_file_is_rewound_and_stays_open():
    file = io.BytesIO(b"abc")
    file.read()
    with opened(file) as again:
        assert again.read() == b"abc"
    assert not file.closed


def test_the_name_of_a_path_and_of_an_upload(tmp_path):
    upload = io.BytesIO()
    upload.name = "../x/y.zip"
    assert name_of(tmp_path / "a.csv") == "a.csv"
    assert name_of(upload) == "y.zip"
    assert name_of(io.BytesIO()) == "file"


def test_size_limits():
    assert check_size(io.BytesIO(b"abc"), "a", 3) == 3
    for data, code in ((b"abcd", "file_too_large"), (b"", "file_empty")):
        with pytest.raises(UploadError) as caught:
            check_size(io.BytesIO(data), "a", 3)
        assert caught.value.code == code


def test_limits_are_settings():
    assert Limits.from_json(Limits(pixels=5).to_json()) == Limits(pixels=5)
    with pytest.raises(ConfigError):
        Limits(pixels=0)
