import hashlib
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import filelock
import numpy as np
import pytest

from kd_core.data import download
from kd_core.data.download import checksum, fetch
from kd_core.errors import DownloadError, StoreError

DATA = np.random.default_rng(0).bytes(1_000_000)
SHA = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()


@dataclass
class Script:
    """How the server behaves, and what it was asked."""

    data: bytes = DATA
    etag: str = '"one"'
    ranges: bool = True
    break_after: list[int] = field(default_factory=list)  # bytes, one an answer
    statuses: list[int] = field(default_factory=list)  # one an answer, before the real one
    asked: list[dict] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        script = self.server.script
        script.asked.append(dict(self.headers))
        if script.statuses:
            self.send_error(script.statuses.pop(0))
            return
        start = 0
        unchanged = self.headers.get("If-Range", script.etag) == script.etag
        if script.ranges and unchanged and "Range" in self.headers:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if start >= len(script.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(script.data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            end = len(script.data) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(script.data)}")
        if script.etag:
            self.send_header("ETag", script.etag)
        body = script.data[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if script.break_after:
            self.wfile.write(body[: script.break_after.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.script = Script()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_port}/set.npz"


def failed(url, to, **options):
    with pytest.raises((DownloadError, StoreError)) as caught:
        fetch(url, to, wait_s=0, **options)
    return caught.value


def names(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


@pytest.mark.parametrize("sums", [{"sha256": SHA}, {"md5": MD5.upper()}, {}])
def test_a_file_arrives(server, url, tmp_path, sums):
    steps = []
    to = fetch(url, tmp_path / "a" / "set.npz", progress=lambda *s: steps.append(s), **sums)
    assert to.read_bytes() == DATA
    assert names(to.parent) == ["set.npz"]
    assert steps[-1] == (len(DATA), len(DATA))
    assert [s[0] for s in steps] == sorted(s[0] for s in steps)


def test_a_file_that_is_there_is_not_fetched_again(server, url, tmp_path):
    to = tmp_path / "set.npz"
    to.write_bytes(DATA)
    assert fetch(url, to, sha256=SHA, size=len(DATA)) == to
    assert server.script.asked == []


def test_a_damaged_file_is_fetched_again(server, url, tmp_path):
    to = tmp_path / "set.npz"
    to.write_bytes(DATA[:-1] + b"?")
    assert fetch(url, to, sha256=SHA).read_bytes() == DATA


def test_broken_connections_are_resumed(server, url, tmp_path):
    server.script.break_after = [300_000, 1_000, 400_000]
    to = fetch(url, tmp_path / "set.npz", sha256=SHA, wait_s=0)
    assert to.read_bytes() == DATA
    starts = [0, 1 << 18, 1 << 18, 1 << 19]  # whole pieces are kept; 1,000 bytes are none
    ranges = [a.get("Range", "bytes=0-") for a in server.script.asked]
    assert ranges == [f"bytes={start}-" for start in starts]
    assert all(a["If-Range"] == '"one"' for a in server.script.asked[1:])


def test_a_cancelled_download_goes_on_later(server, url, tmp_path):
    to, seen = tmp_path / "set.npz", []
    error = failed(url, to, md5=MD5, progress=lambda *s: seen.append(s), stop=lambda: bool(seen))
    assert error.code == "download_cancelled"
    assert names(tmp_path) == ["set.npz.part", "set.npz.part.etag"]
    assert 0 < error.fields["got_bytes"] < len(DATA)
    assert fetch(url, to, md5=MD5).read_bytes() == DATA
    assert server.script.asked[-1]["Range"] == f"bytes={error.fields['got_bytes']}-"
    assert names(tmp_path) == ["set.npz"]


@pytest.mark.parametrize("tries", [1, 3])
def test_a_connection_that_keeps_breaking_is_given_up(server, url, tmp_path, tries):
    server.script.break_after = [0] * 20
    error = failed(url, tmp_path / "set.npz", sha256=SHA, tries=tries)
    assert error.code == "download_interrupted"
    assert len(server.script.asked) == tries


def test_a_server_without_ranges_starts_over(server, url, tmp_path):
    server.script.ranges = False
    server.script.break_after = [300_000]
    assert fetch(url, tmp_path / "set.npz", sha256=SHA, wait_s=0).read_bytes() == DATA


def test_a_file_that_changed_meanwhile_starts_over(server, url, tmp_path):
    (tmp_path / "set.npz.part").write_bytes(b"old version")
    (tmp_path / "set.npz.part.etag").write_text('"zero"')
    assert fetch(url, tmp_path / "set.npz").read_bytes() == DATA


def test_pieces_that_nothing_vouches_for_are_dropped(server, url, tmp_path):
    (tmp_path / "set.npz.part").write_bytes(b"whose is this?")
    assert fetch(url, tmp_path / "set.npz").read_bytes() == DATA
    assert "Range" not in server.script.asked[0]


def test_a_part_that_is_complete_needs_no_bytes(server, url, tmp_path):
    (tmp_path / "set.npz.part").write_bytes(DATA)
    assert fetch(url, tmp_path / "set.npz", sha256=SHA).read_bytes() == DATA
    assert len(server.script.asked) == 1
    (tmp_path / "b.npz.part").write_bytes(DATA)
    assert fetch(url, tmp_path / "b.npz", sha256=SHA, size=len(DATA)).read_bytes() == DATA
    assert len(server.script.asked) == 1


def test_a_part_that_is_too_long_starts_over(server, url, tmp_path):
    (tmp_path / "set.npz.part").write_bytes(DATA + b"more")
    assert fetch(url, tmp_path / "set.npz", sha256=SHA, wait_s=0).read_bytes() == DATA


def test_weak_tags_are_not_used(server, url, tmp_path):
    server.script.etag = 'W/"one"'
    server.script.break_after = [300_000]
    assert fetch(url, tmp_path / "set.npz", sha256=SHA, wait_s=0).read_bytes() == DATA
    assert "If-Range" not in server.script.asked[1]


@pytest.mark.parametrize("sums", [{"sha256": "0" * 64}, {"md5": "0" * 32}])
def test_a_wrong_checksum_keeps_nothing(server, url, tmp_path, sums):
    (tmp_path / "set.npz").write_bytes(b"what I had")
    assert failed(url, tmp_path / "set.npz", **sums).code == "download_checksum"
    assert names(tmp_path) == ["set.npz"]
    assert (tmp_path / "set.npz").read_bytes() == b"what I had"


def test_a_wrong_size_keeps_nothing(server, url, tmp_path):
    error = failed(url, tmp_path / "set.npz", sha256=SHA, size=len(DATA) + 1)
    assert error.code == "download_size"
    assert names(tmp_path) == []
    server.script.data = b"<html>log in first</html>"
    assert failed(url, tmp_path / "b.npz", size=len(DATA)).code == "download_size"


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_status_is_told_at_once(server, url, tmp_path, status):
    server.script.statuses = [status] * 9
    error = failed(url, tmp_path / "set.npz")
    assert (error.code, error.fields["status"]) == ("download_status", status)
    assert len(server.script.asked) == 1
    assert names(tmp_path) == []


def test_a_busy_server_is_asked_again(server, url, tmp_path):
    server.script.statuses = [503, 429]
    assert fetch(url, tmp_path / "set.npz", sha256=SHA, wait_s=0).read_bytes() == DATA


def test_no_network(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: refused at once
        port = unused.getsockname()[1]
        error = failed(f"http://127.0.0.1:{port}/set.npz", tmp_path / "set.npz")
    assert error.code == "download_offline"
    assert names(tmp_path) == []


def test_a_full_disk_is_found_before_the_bytes(server, url, tmp_path, monkeypatch):
    def full(path, size):
        raise StoreError("disk_full", path=str(path), free_bytes=0, needed_bytes=size)

    monkeypatch.setattr(download, "need_space", full)
    error = failed(url, tmp_path / "set.npz")
    assert (error.code, error.fields["needed_bytes"]) == ("disk_full", len(DATA))
    assert "set.npz" not in names(tmp_path)


def test_two_at_once(server, url, tmp_path):
    with filelock.FileLock(tmp_path / ".set.npz.lock"):
        assert failed(url, tmp_path / "set.npz").code == "download_busy"
    assert fetch(url, tmp_path / "set.npz", sha256=SHA)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "set.npz"])
def test_other_schemes_are_refused(url, tmp_path):
    assert failed(url, tmp_path / "x").code == "download_scheme"


def test_cancelling_while_waiting_for_the_next_try(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        asked = []

        def stop():
            asked.append(1)
            return len(asked) > 1

        with pytest.raises(DownloadError) as caught:
            fetch(url, tmp_path / "x", stop=stop, wait_s=30)
    assert caught.value.code == "download_cancelled"


def test_checksums_agree_with_hashlib(tmp_path):
    (tmp_path / "a").write_bytes(DATA)
    assert (checksum(tmp_path / "a", "sha256"), checksum(tmp_path / "a", "md5")) == (SHA, MD5)
