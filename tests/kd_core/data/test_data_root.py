import pytest

from kd_core.data.data_root import DATA_ROOT_ENV, data_root, inside_data_root
from kd_core.errors import DataError


def test_without_a_root(tmp_path):
    assert data_root() is None
    with pytest.raises(DataError, match="no_data_root"):
        inside_data_root("cells")


def test_only_what_lies_inside(tmp_path, monkeypatch):
    root = tmp_path / "open"
    (root / "cells").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    monkeypatch.setenv(DATA_ROOT_ENV, str(root))
    assert inside_data_root(" cells ") == root / "cells"
    assert inside_data_root(str(root / "cells")) == root / "cells"
    for text in ("../secret", str(tmp_path / "secret"), "link"):
        with pytest.raises(DataError, match="outside_data_root"):
            inside_data_root(text)
    with pytest.raises(DataError, match="path_missing"):
        inside_data_root("gone")
