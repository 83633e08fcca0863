import json
import sqlite3

import pytest

from kd_core import repro
from kd_core.cli import main
from kd_core.data.library import Library
from kd_core.study.store import Store
from kd_core.study.submit import submit
from kd_core.text import Msg
from tests.helpers_data import tiny_images, write_folder
from tests.helpers_jobs import run_all, study


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def finished(store):
    study_id = submit(store, study(0), "ana")
    run_all(store)
    return study_id


def answer(capsys, *arguments, code=0):
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_collect_brings_in_another_home(store, tmp_path, capsys):
    other = Store(tmp_path / "elsewhere")
    submit(other, study(0), "rui")
    run_all(other)
    told = answer(capsys, "collect", other.home.root)
    assert len(told["added"]) == 3
    assert len(store.runs()) == 3
    assert len(answer(capsys, "collect", other.home.root)["known"]) == 3


def test_collect_says_what_it_refused(store, tmp_path, capsys):
    other = Store(tmp_path / "elsewhere")
    submit(other, study(0), "rui")
    first, *_ = run_all(other)
    (other.home.run(first) / "models" / "main" / "model.onnx").write_bytes(b"changed")
    told = answer(capsys, "collect", other.home.root, code=1)
    assert [item["error"]["code"] for item in told["refused"]] == ["file_changed"]
    assert len(told["added"]) == 2
    assert answer(capsys, "collect", tmp_path, code=1)["error"]["code"] == "nothing_to_collect"


def test_backup_is_a_database(store, finished, tmp_path, capsys):
    told = answer(capsys, "backup", "--to", tmp_path / "copy.sqlite")
    db = sqlite3.connect(told["file"])
    assert db.execute("SELECT COUNT(*) FROM runs").fetchone()[0] == 3
    db.close()
    told = answer(capsys, "backup", "--to", tmp_path / "copy.sqlite", code=1)
    assert told["error"]["code"] == "export_exists"
    assert str(store.home.root) in answer(capsys, "backup")["file"]


def test_rebuild_finds_everything_again(store, finished, capsys):
    store.close()
    store.home.store.write_bytes(b"this is no database")
    told = answer(capsys, "list", code=1)
    assert told["error"]["code"] == "store_corrupt"
    assert answer(capsys, "rebuild")["runs"] == 3
    assert len(answer(capsys, "list")["runs"]) == 3


def test_gc_removes_what_nothing_refers_to(store, finished, capsys):
    lost = store.home.runs / "r0000lost"
    lost.mkdir()
    (lost / "big").write_bytes(b"x" * 1000)
    told = answer(capsys, "gc", "--dry-run")
    assert [item["reason"] for item in told["items"]] == ["run_unknown"]
    assert told["freed_bytes"] == 1000
    assert lost.exists()
    assert not told["removed"]
    assert main(["gc"]) == 0
    assert "garbage." not in capsys.readouterr().out
    assert not lost.exists()
    assert len(store.runs()) == 3


def test_delete_takes_a_run_a_study_or_a_data_set(store, finished, home, tmp_path, capsys):
    images, labels = tiny_images(30)
    write_folder(tmp_path / "cells", images, labels)
    answer(capsys, "import", tmp_path / "cells", "--name", "cells")
    student = next(row for row in store.runs() if row.role == "student")
    told = answer(capsys, "delete", student.id)
    assert (told["kind"], told["freed_bytes"] > 0) == ("run", True)
    assert len(store.runs()) == 2
    assert answer(capsys, "delete", finished)["kind"] == "study"
    assert store.runs() == []
    told = answer(capsys, "delete", "cells")
    assert (told["kind"], told["freed_bytes"] > 0) == ("dataset", True)
    assert "cells" not in Library(home).names()
    assert answer(capsys, "delete", "cells", code=1)["error"]["code"] == "id_unknown"


def test_a_data_set_in_use_is_kept(store, home, tmp_path, capsys):
    images, labels = tiny_images(30)
    write_folder(tmp_path / "cells", images, labels)
    answer(capsys, "import", tmp_path / "cells", "--name", "cells")
    waiting = study(0)
    submit(store, waiting.change(data=waiting.data.change(dataset="cells")), "ana")
    assert answer(capsys, "delete", "cells", code=1)["error"]["code"] == "dataset_in_use"
    assert "cells" in Library(home).names()


def test_device_says_what_is_used(monkeypatch, capsys):
    told = answer(capsys, "device")
    assert told["device"] == repro.device_report().device
    assert told["environment"]["packages"]["torch"]
    problem = Msg(
        "device.problem.cpu_build", {"gpu": "RTX", "driver": "535", "torch": "2.14.1+cpu"}
    )
    report = repro.DeviceReport("cpu", "a processor", problem)
    monkeypatch.setattr(repro, "device_report", lambda name="auto": report)
    assert main(["device"]) == 0
    captured = capsys.readouterr()
    assert "a processor" in captured.out
    assert "WARNING" in captured.err
