import errno
import shutil
from collections import namedtuple

import pytest

from kd_core.data import disk
from kd_core.errors import StoreError

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def small_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 4 * 10**8, 6 * 10**8))


def test_free_bytes_of_a_folder_that_does_not_exist_yet(tmp_path):
    assert disk.free_bytes(tmp_path / "a" / "b") == pytest.approx(
        shutil.disk_usage(tmp_path).free, rel=0.1
    )


def test_the_reserve_stays_free(tmp_path, small_disk):
    disk.need_space(tmp_path, 10**8)
    with pytest.raises(StoreError) as caught:
        disk.need_space(tmp_path, 10**8 + 1)
    assert caught.value.code == "disk_full"
    assert caught.value.fields["free_bytes"] == 6 * 10**8
    assert caught.value.fields["needed_bytes"] == 10**8 + 1 + disk.RESERVE_BYTES


def test_no_space_left_becomes_our_error(tmp_path):
    with pytest.raises(StoreError) as caught, disk.full_disk_is_told(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.code == "disk_full"


def test_other_system_errors_pass(tmp_path):
    with pytest.raises(PermissionError), disk.full_disk_is_told(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_folder_appears_whole(tmp_path):
    to = tmp_path / "sets" / "new"
    with disk.folder_aside(to) as aside:
        (aside / "a.txt").write_text("a")
        assert not to.exists()
    assert (to / "a.txt").read_text() == "a"
    assert [p.name for p in to.parent.iterdir()] == ["new"]


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    def interrupted(aside):
        (aside / "a.txt").write_text("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), disk.folder_aside(tmp_path / "new") as aside:
        interrupted(aside)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_kept(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.txt").write_text("a")
    with pytest.raises(StoreError) as caught, disk.folder_aside(tmp_path / "old"):
        pass
    assert caught.value.code == "folder_exists"
    assert (tmp_path / "old" / "a.txt").read_text() == "a"
