import io
import json
import signal
import subprocess
import sys

import pytest

import kd_core.jobs
from kd_core.cli import main
from kd_core.cli.study import read_config, tie
from kd_core.config import DataSettings
from kd_core.data.library import Library
from kd_core.errors import ConfigError, DataError
from kd_core.events import Log
from kd_core.jobs import Jobs
from kd_core.study.entries import read_study
from kd_core.study.eventlog import Events
from kd_core.study.store import Store
from kd_core.text import Msg
from tests import helpers_jobs
from tests.helpers_data import tiny_images, write_folder


@pytest.fixture
def cells(tmp_path, capsys):
    """A data set in the library."""
    images, labels = tiny_images(30)
    write_folder(tmp_path / "cells", images, labels)
    assert main(["import", str(tmp_path / "cells"), "--name", "cells"]) == 0
    capsys.readouterr()
    return "cells"


@pytest.fixture
def config(cells, tmp_path):
    """Writes the configuration of a study on that data set; returns its path."""

    def write(**params):
        settings = helpers_jobs.study(0, data_hash="", **params)
        settings = settings.change(data=DataSettings(dataset=cells))
        path = tmp_path / "study.json"
        path.write_text(json.dumps(settings.to_json()))
        return str(path)

    return write


class AtOnce(Jobs):
    """Carries out what is submitted in this process; real workers take seconds to start."""

    def submit(self, study, owner="", **more):
        study_id = super().submit(study, owner, **more)
        helpers_jobs.run_all(self.store)
        return study_id


@pytest.fixture(autouse=True)
def _no_workers(monkeypatch):
    monkeypatch.setattr(kd_core.jobs, "connect", lambda: AtOnce(Store(), None))


def answer(capsys, *arguments, code=0):
    assert main([*map(str, arguments), "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_a_study_is_carried_out(config, home, capsys):
    told, err = answer(capsys, "run", config())
    assert told["ok"]
    assert [run["key"] for run in told["runs"]] == ["teacher-s0", "baseline-s0", "distilled-s0"]
    assert {run["status"] for run in told["runs"]} == {"finished"}
    scores = told["runs"][0]["models"][0]["validation"]
    assert scores["balanced_accuracy"]["value"] == 0.5
    assert "distilled-s0" in err
    tied = Store().study(told["study"]).settings.data
    assert tied.data_hash == Library(home).get("cells").hash


def test_a_person_reads_a_table(config, capsys):
    assert main(["run", config()]) == 0
    captured = capsys.readouterr()
    assert "distilled-s0" in captured.out
    assert "cli." not in captured.out + captured.err
    assert "status." not in captured.err


def test_an_equal_finished_run_is_used_again_unless_it_is_wanted_anew(config, capsys):
    first, _ = answer(capsys, "run", config())
    second, _ = answer(capsys, "run", config())
    third, _ = answer(capsys, "run", config(), "--again")
    ids = [[run["id"] for run in told["runs"]] for told in (first, second, third)]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])


def test_a_failed_run_is_said_and_is_exit_code_one(config, capsys):
    told, err = answer(capsys, "run", config(do="nan"), code=1)
    states = {run["key"]: run["status"] for run in told["runs"]}
    assert states["teacher-s0"] == "finished"
    assert states["distilled-s0"] == "failed"
    failed = next(run for run in told["runs"] if run["key"] == "distilled-s0")
    assert failed["error"]["code"] == "loss_nan"
    assert "distilled-s0" in err


def test_warnings_of_a_run_are_shown(config, monkeypatch, capsys):
    event = Log(level="warning", msg=Msg("device.cpu", {"name": "a slow one"}).to_json())

    def events(self, run_id, after=0):
        return Events((event,) if after == 0 else (), 1)

    monkeypatch.setattr(Store, "events", events)
    _, err = answer(capsys, "run", config())
    assert err.count("a slow one") == 3  # once a run


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "config_json"),
        ('{"data": {"dataset": "cells"}, "seeds": []}', "config_value"),
        ('{"data": {"dataset": "nothing"}}', "dataset_unknown"),
        ('{"data": {"dataset": "cells", "data_hash": "0123456789abcdef"}}', "data_hash_unknown"),
    ],
)
def test_a_configuration_that_cannot_run_changes_nothing(cells, tmp_path, capsys, text, code):
    (tmp_path / "study.json").write_text(text)
    told, _ = answer(capsys, "run", tmp_path / "study.json", code=1)
    assert told["error"]["code"] == code
    assert Store().studies() == []


def test_the_configuration_may_come_by_a_pipe(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}"))
    assert read_config("-") == "{}"
    with pytest.raises(ConfigError, match="config_missing"):
        read_config(str(tmp_path / "none.json"))
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="config_missing"):
        read_config(str(tmp_path / "binary.json"))


def test_data_are_found_by_their_hash_whatever_their_name(cells, home, tmp_path, capsys):
    library = Library(home)
    wanted = library.get(cells).hash
    assert tie(DataSettings(dataset=cells), library).data_hash == wanted
    assert tie(DataSettings(dataset="theirs", data_hash=wanted), library).dataset == cells
    with pytest.raises(DataError, match="data_hash_unknown"):
        tie(DataSettings(dataset=cells, data_hash="0" * 64), library)


def test_a_plugin_is_named_to_the_worker(config, home, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text("")
    monkeypatch.chdir(tmp_path)
    told, _ = answer(capsys, "run", config(), "--plugin", "mine.py")
    runs = read_study(home / "studies" / f"{told['study']}.json").runs
    assert {run.plugins for run in runs} == {(str(tmp_path / "mine.py"),)}


def test_ctrl_c_stops_the_study(config, home):
    path = config(do="wait")
    program = (
        "import functools, sys, kd_core.jobs as jobs\n"
        "from tests import helpers_jobs as h\n"
        "jobs.connect = functools.partial(jobs.connect, target=h.TARGET, timing=h.FAST)\n"
        "from kd_core.cli import main\n"
        f"sys.exit(main(['run', {path!r}]))\n"
    )
    command = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    store = Store()

    helpers_jobs.until(lambda: [run for run in store.runs() if run.stage], "a run")
    command.send_signal(signal.SIGINT)
    assert command.wait(60) == 130
    command.stderr.close()
    assert {run.status for run in store.runs()} <= {"finished", "cancelled", "blocked"}
    assert "cancelled" in {run.status for run in store.runs()}
