"""Compressing what a study has already trained: only the chains are run, all else is shown again.

The new study has the settings of the old one and its finished runs, so that everything stands in
one table; a chain begins with the very run that was finished, whatever has been trained since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kd_core.config import RUN_PREFIX, Chain, RunSettings, StudySettings
from kd_core.errors import ConfigError
from kd_core.study.graph import expand
from kd_core.study.store import Store
from kd_core.study.submit import equal_runs


@dataclass(frozen=True)
class Plan:
    """A study that compresses, ready for :func:`kd_core.study.submit.submit`.

    Attributes:
        study: Settings of the new study.
        runs: Its graph: finished runs, which are only shown, and the chains.
    """

    study: StudySettings
    runs: tuple[RunSettings, ...]

    @property
    def new(self) -> tuple[RunSettings, ...]:
        """What will be run."""
        return tuple(run for run in self.runs if run.role in ("compressed", "analysis"))


def plan(
    store: Store,
    study_id: str,
    chains: Sequence[Chain],
    *,
    seed: int | None = None,
    name: str = "",
) -> Plan:
    """The study that compresses what another one has finished.

    Args:
        store: Where.
        study_id: The finished study.
        chains: What to do; origins are those of that study, or ``run:<id>``.
        seed: Only this seed; else all.
        name: Of the new study; else the old name and those of the chains.

    Raises:
        ConfigError: ``chain_origin_unfinished``, and those of the settings.
        StoreError: ``study_unknown``.
    """
    old = store.study(study_id)
    wanted = name or " · ".join((old.name, *(chain.name for chain in chains)))
    study = old.settings.change(name=wanted[:120], chains=tuple(chains))
    graph = expand(study)
    done = finished(store, study_id, study)
    new = [run for run in graph if run.role == "compressed" and seed in (None, run.seed)]
    if not new:  # one origin for all seeds: its chain has the first seed
        new = [run for run in graph if run.role == "compressed"]
    kept = finished_runs(store, study_id, study)
    return Plan(study, (*kept, *(_from_finished(run, done) for run in new)))


def finished_runs(store: Store, study_id: str, study: StudySettings) -> tuple[RunSettings, ...]:
    """The runs of a study that are finished already, their needs named by id."""
    done = finished(store, study_id, study)
    graph = expand(study.change(chains=()))
    return tuple(_from_finished(run, done) for run in graph if run.key in done)


def finished(store: Store, study_id: str, study: StudySettings) -> dict[str, str]:
    """Ids of a study's finished runs by graph key."""
    rows = store.runs(study=study_id)
    equal = equal_runs(store, study.change(chains=()))
    return {
        **{row.key: row.id for row in rows if row.status == "finished"},
        **{key: row.id for key, row in equal.items()},
    }


def _from_finished(run: RunSettings, done: Mapping[str, str]) -> RunSettings:
    """The run with what it needs named by id."""
    missing = [key for key in run.needs.values() if not _known(key, done)]
    if missing:
        raise ConfigError("chain_origin_unfinished", run=run.key, origin=missing[0])
    needs = {
        name: key if key.startswith(RUN_PREFIX) else RUN_PREFIX + done[key]
        for name, key in run.needs.items()
    }
    return run.change(needs=needs)


def _known(key: str, done: Mapping[str, str]) -> bool:
    return key.startswith(RUN_PREFIX) or key in done
