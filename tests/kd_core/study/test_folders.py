import errno
from collections import namedtuple

import psutil
import pytest

from kd_core.errors import StoreError
from kd_core.study.folders import (
    Home,
    check_id,
    disk_errors,
    network_filesystem,
    open_home,
    remove,
    size_bytes,
)

Mount = namedtuple("Mount", "mountpoint fstype")


def test_home_is_made_where_the_environment_says(home):
    made = open_home()
    assert made.root == home
    assert made.work("r1234").parent.is_dir()
    assert made.uploads.is_dir()
    assert open_home(home / "other").root == home / "other"


def test_where_prefers_the_finished_folder(home):
    made = open_home()
    assert made.where("r1234") == made.work("r1234")
    made.run("r1234").mkdir()
    assert made.where("r1234") == made.run("r1234")


@pytest.mark.parametrize(
    ("fstype", "found"),
    [("nfs4", "nfs4"), ("fuse.sshfs", "fuse.sshfs"), ("CIFS", "cifs"), ("ext4", None)],
)
def test_network_file_systems_are_seen(monkeypatch, tmp_path, fstype, found):
    mounts = [Mount("/", "ext4"), Mount(str(tmp_path), fstype), Mount("/elsewhere", "nfs")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    assert network_filesystem(tmp_path / "home") == found


def test_a_home_on_the_network_is_refused_unless_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [Mount("/", "nfs")])
    with pytest.raises(StoreError, match="home_on_network"):
        open_home(tmp_path / "home")
    monkeypatch.setenv("KDLAB_NETWORK_HOME", "1")
    assert isinstance(open_home(tmp_path / "home"), Home)


@pytest.mark.parametrize("bad", ["", "..", "a/b", "A123", ".abc", "x" * 65, "abc\n", "con.txt"])
def test_ids_are_safe_names(bad):
    with pytest.raises(StoreError, match="bad_id"):
        check_id(bad)
    assert check_id("r0123456789ab") == "r0123456789ab"


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EROFS, "home_not_writable")],
)
def test_disk_errors_have_codes(tmp_path, number, code):
    with pytest.raises(StoreError, match=code), disk_errors(tmp_path):
        raise OSError(number, "x")
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        raise FileNotFoundError


def test_remove_frees_what_was_there_and_follows_no_link(tmp_path):
    kept = tmp_path / "kept"
    kept.write_bytes(b"12345")
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(b"123")
    (folder / "link").symlink_to(kept)
    assert size_bytes(folder / "deep") == 3
    assert remove(folder) >= 3
    assert kept.read_bytes() == b"12345"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert remove(folder) == 0
