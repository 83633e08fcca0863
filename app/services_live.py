"""Short runs that a class starts by the dozen, as a service: ordinary runs with their owner."""

from __future__ import annotations

import threading

from app.services import leave_room, services
from app.texts import say
from app.visitor import allowed
from kd_core.lessons.live import ARM, EXPECTED_S, alone_study, live_run, live_study
from kd_core.lessons.material import Material
from kd_core.study.graph import RUN_PREFIX, config_hashes, expand
from kd_core.study.rows import ACTIVE, RunRow
from kd_core.study.submit import outside_hashes

KEY = f"{ARM}-s0"
_LOCK = threading.Lock()


def start_live(material: Material, alpha: float, T: float) -> str:
    """Queue a tiny student of this visitor's with their own α and T; the study's id.

    The student alone is shared by all: it is queued once, as nobody's, and shown in every study.

    Raises:
        AccessError: Without the right ``start``.
        JobError: ``visitor_limit``.
        StoreError: ``run_unknown`` where the teacher was deleted, ``disk_full``.
    """
    me = allowed("start")
    leave_room()
    study = live_study(material, alpha, T)
    runs = expand(study)
    return services().jobs.submit(
        study,
        owner=me.owner,
        shared={run.key: _alone(material) for run in runs if run.role == "baseline"},
        expected_s={run.key: EXPECTED_S for run in runs},
    )


def my_live_runs(material: Material) -> list[RunRow]:
    """This visitor's runs of this kind, newest first.

    Raises:
        AccessError: ``class_code_needed``.
    """
    me = allowed("look")
    wanted = live_run(material, 0.0, 1.0)
    teacher = wanted.needs["teacher"].removeprefix(RUN_PREFIX)
    store = services().store
    return [
        run
        for run in store.runs(dataset=wanted.data.dataset)
        if run.key == KEY and me.owns(run.owner) and store.parents(run.id).get("teacher") == teacher
    ]


def alone_run(material: Material) -> RunRow | None:
    """The student alone, finished or on its way; ``None`` before anybody started.

    Raises:
        AccessError: ``class_code_needed``.
    """
    allowed("look")
    store = services().store
    _, run = alone_study(material)
    value = config_hashes([run], outside_hashes(store, [run]))[run.key]
    found = store.find_equal(value)
    if found is not None:
        return found
    rows = store.runs(dataset=run.data.dataset, status=ACTIVE)
    return next((row for row in rows if row.config_hash == value), None)


def _alone(material: Material) -> str:
    with _LOCK:
        found = alone_run(material)
        if found is not None:
            return found.id
        study, run = alone_study(material)
        study_id = services().jobs.submit(
            study.change(name=say("try.alone_study")), runs=[run], expected_s={run.key: EXPECTED_S}
        )
        return services().store.runs(study=study_id)[0].id
