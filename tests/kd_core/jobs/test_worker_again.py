"""Short runs that follow each other in one process learn as they would in any other process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kd_core.config import (
    ComputeSettings,
    DataSettings,
    DistilSettings,
    LossTerm,
    ModelSettings,
    RunSettings,
    StudySettings,
    TrainSettings,
)
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.events import Finished, from_line
from kd_core.jobs.protocol import JobLine
from kd_core.models import build_model
from kd_core.study.claims import Claims
from kd_core.study.graph import expand
from kd_core.study.pipeline import load_data
from kd_core.study.records import Job
from kd_core.study.store import Store
from kd_core.study.submit import submit
from kd_core.train import fit
from tests.helpers_code import ROOT
from tests.helpers_data import tiny_images, write_folder

TINY = ModelSettings(name="tiny_cnn", params={"width": 8, "depth": 1})
TAUGHT = DistilSettings(losses=(LossTerm(name="kd"),), views=1)
WEIGHTS = "weights.pt"


def learn(run: RunSettings, job: Job) -> None:
    """What a worker is asked to do here: train with a teacher, and keep the weights."""
    data = load_data(run.data, job.home)
    student, teacher = (
        build_model(TINY, len(data.classes), data.channels, data.size, seed=seed)
        for seed in (run.seed, 99)
    )
    folder, cache = job.folder / "fit", job.folder / "cache"
    settings = run.change(distil=TAUGHT, role="student")
    found = fit(settings, data, student, teacher, folder=folder, cache=cache)
    torch.save(found.network.state_dict(), job.folder / WEIGHTS)


@pytest.fixture
def store(tmp_path):
    """A home with tiny images and three students in the queue, one a seed."""
    found = Store()
    images, labels = tiny_images(48, size=24)
    write_folder(tmp_path / "incoming", images, labels)
    library = Library(found.home.root)
    library.add(draft(tmp_path / "incoming"), "tiny")
    study = StudySettings(
        data=DataSettings(dataset="tiny", data_hash=library.get("tiny").hash, size=24),
        student=TINY,
        train=TrainSettings(steps=6, batch_size=16),
        seeds=(0, 1, 2),
        compute=ComputeSettings(device="cpu", threads=1),
    )
    submit(found, study, runs=[run for run in expand(study) if run.role == "baseline"])
    yield found
    found.close()


def in_one_process(store):
    """All runs, one after the other in one worker; the last one's settings and folder."""
    claims = Claims(store, "test")
    command = [sys.executable, "-m", "kd_core.jobs.worker", "--target", f"{__name__}:learn"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as worker:
        assert json.loads(worker.stdout.readline()) == {"ready": True}
        while (claim := claims.next("auto", ("auto",))) is not None:
            run = claim.file.run
            line = JobLine(home=str(store.home.root), file=claim.file, again=True)
            worker.stdin.write(json.dumps(line.to_json()) + "\n")
            worker.stdin.flush()
            while not isinstance(from_line(worker.stdout.readline()), Finished):
                pass
        worker.stdin.close()
    return run, store.home.run(run.id)


def test_the_last_of_many_is_bit_for_bit_as_in_another_process(store, tmp_path):
    run, there = in_one_process(store)
    assert run.settings.seed == 2
    assert len(list(Path(store.home.runs).glob(f"r*/{WEIGHTS}"))) == 3
    here = tmp_path / "here"
    here.mkdir()
    learn(run.settings, Job(run_id=run.id, folder=here, home=store.home.root))
    one, other = (torch.load(at / WEIGHTS, weights_only=True) for at in (there, here))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    first = build_model(TINY, 3, 3, 24, seed=2).state_dict()
    assert not all(torch.equal(one[name], first[name]) for name in first)
