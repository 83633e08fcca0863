"""A study's settings become a graph of runs.

    teacher-s0 ──► distilled-s0, distilled-s1, …      one teacher, or one a seed
    baseline-s0, baseline-s1, …                        always there, needs nobody
    imported-<name>                                    a person's own ONNX file

Baseline and students of one seed are equal in everything but ``distil``: that is what makes a
comparison fair, and it is fixed here, in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kd_core.config import Arm, ModelSettings, RunSettings, StudySettings, WeightSettings

RUN_PREFIX = "run:"
"""A need that starts so names a finished run outside the graph."""


def expand(study: StudySettings) -> tuple[RunSettings, ...]:
    """All runs of a study, each after the runs that it needs.

    >>> from kd_core.config import DataSettings
    >>> runs = expand(StudySettings(data=DataSettings(dataset="sample"), seeds=(0, 1)))
    >>> [run.key for run in runs]
    ['teacher-s0', 'baseline-s0', 'distilled-s0', 'baseline-s1', 'distilled-s1']
    """
    teachers = _teachers(study)
    runs = list(teachers)
    for seed in study.seeds:
        runs.append(_student(study, seed, None, {}))
        needs = {"teacher": _teacher_key(study, seed)}
        runs.extend(_student(study, seed, arm, needs) for arm in study.arms)
    runs.extend(_imported(study, name) for name in study.imported)
    return tuple(runs)


def config_hashes(
    runs: Iterable[RunSettings], finished: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Config hash of each run by key; parents come first.

    Args:
        runs: In the order of :func:`expand`.
        finished: Config hash of runs outside the graph, by run id.
    """
    outside = {RUN_PREFIX + run: value for run, value in (finished or {}).items()}
    hashes: dict[str, str] = {}
    for run in runs:
        known = {**outside, **hashes}
        hashes[run.key] = run.config_hash({name: known[key] for name, key in run.needs.items()})
    return hashes


def _teacher_key(study: StudySettings, seed: int) -> str:
    if study.teacher.run:
        return RUN_PREFIX + study.teacher.run
    return f"teacher-s{seed if study.teacher.per_seed else study.seeds[0]}"


def _teachers(study: StudySettings) -> list[RunSettings]:
    if study.teacher.run:
        return []
    seeds = study.seeds if study.teacher.per_seed else study.seeds[:1]
    return [
        RunSettings(
            key=f"teacher-s{seed}",
            role="teacher",
            data=study.data,
            model=study.teacher.model,
            train=study.teacher.train,
            seed=seed,
            compute=study.compute,
            latency=study.latency,
        )
        for seed in seeds
    ]


def _student(
    study: StudySettings, seed: int, arm: Arm | None, needs: dict[str, str]
) -> RunSettings:
    return RunSettings(
        key=f"{arm.name if arm else 'baseline'}-s{seed}",
        role="student" if arm else "baseline",
        data=study.data,
        model=study.student,
        train=study.train,
        distil=arm.distil if arm else None,
        views=stored_views(study),
        seed=seed,
        needs=needs,
        compute=study.compute,
        latency=study.latency,
    )


def _imported(study: StudySettings, name: str) -> RunSettings:
    return RunSettings(
        key=f"imported-{name}",
        role="imported",
        data=study.data,
        model=ModelSettings(name="onnx", weights=WeightSettings(kind="file", source=name)),
        compute=study.compute,
        latency=study.latency,
    )


def stored_views(study: StudySettings) -> int | None:
    """K of the study's protocol: the same for the baseline and every arm; ``None`` when live."""
    for arm in study.arms:
        if arm.distil.teacher_outputs == "cached":
            return arm.distil.views
    return None
