"""A study's settings become a graph of runs.

    teacher-s0 ──► distilled-s0, distilled-s1, …      one teacher, or one a seed
    baseline-s0, baseline-s1, …                        always there, needs nobody
    imported-<name>                                    a person's own ONNX file
    <chain>-s0, <chain>-s1, …                          compressed, after what they are made from

Baseline and students of one seed are equal in everything but ``distil``: that is what makes a
comparison fair, and it is fixed here, in one place. A way of training that needs other runs than
the teacher says so itself (``ModeSpec.plan``): ``<arm>-<step>-s0`` stand before the arm's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kd_core.config import (
    RUN_PREFIX,
    Arm,
    Chain,
    ModelSettings,
    RunSettings,
    StudySettings,
    WeightSettings,
)
from kd_core.errors import ConfigError
from kd_core.study.folds import over_folds

IMPORTED = "imported-"


def expand(study: StudySettings) -> tuple[RunSettings, ...]:
    """All runs of a study, each after the runs that it needs.

    >>> from kd_core.config import DataSettings
    >>> runs = expand(StudySettings(data=DataSettings(dataset="sample"), seeds=(0, 1)))
    >>> [run.key for run in runs]
    ['teacher-s0', 'baseline-s0', 'distilled-s0', 'baseline-s1', 'distilled-s1']
    """
    if study.folds:
        return over_folds(study, expand)
    teachers = _teachers(study)
    runs = list(teachers)
    for seed in study.seeds:
        runs.append(_student(study, seed, None))
        for arm in study.arms:
            runs.extend(_planned(study, seed, arm))
    runs = _each_once(runs)
    runs.extend(_imported(study, name) for name in study.imported)
    for chain in study.chains:
        runs.extend(_compressed(study, chain, seed) for seed in _chain_seeds(study, chain))
    return tuple(run.change(operating=study.operating) for run in runs)


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
    return [_taught_first(study, study.teacher.model, seed) for seed in seeds]


def _taught_first(
    study: StudySettings, model: ModelSettings, seed: int, name: str = "teacher"
) -> RunSettings:
    """A teacher by the study's recipe for teachers."""
    return RunSettings(
        key=f"{name}-s{seed}",
        role="teacher",
        data=study.data,
        model=model,
        train=study.teacher.train,
        seed=seed,
        compute=study.compute,
        latency=study.latency,
    )


def _student(study: StudySettings, seed: int, arm: Arm | None) -> RunSettings:
    recipe = study.train if arm is None or arm.train is None else arm.train
    return RunSettings(
        key=f"{arm.name if arm else 'baseline'}-s{seed}",
        role="student" if arm else "baseline",
        data=study.data,
        model=study.student,
        train=recipe,
        distil=arm.distil if arm else None,
        views=stored_views(study),
        replay=study.replay,
        exporter=study.exporter,
        seed=seed,
        compute=study.compute,
        latency=study.latency,
    )


def _planned(study: StudySettings, seed: int, arm: Arm) -> tuple[RunSettings, ...]:
    """The runs of an arm, as its mode plans them: the arm's own last."""
    # Imported here: who only lists studies should not wait for torch.
    from kd_core.train import MODES, Planning

    planning = Planning(
        study=study,
        run=_student(study, seed, arm),
        teacher=_teacher_key(study, seed),
        teachers=lambda model, seed, name: _taught_first(study, model, seed, name),
    )
    return MODES[arm.distil.mode].runs(planning)


def _each_once(runs: Iterable[RunSettings]) -> list[RunSettings]:
    """Runs in order; what several arms or seeds ask for, such as a further teacher, stands once.

    Raises:
        ConfigError: ``graph_key`` where two runs that differ have the same name.
    """
    found: dict[str, RunSettings] = {}
    for run in runs:
        if found.setdefault(run.key, run) != run:
            raise ConfigError("graph_key", key=run.key)
    return list(found.values())


def _imported(study: StudySettings, name: str) -> RunSettings:
    return RunSettings(
        key=IMPORTED + name,
        role="imported",
        data=study.data,
        model=ModelSettings(name="onnx", weights=WeightSettings(kind="file", source=name)),
        compute=study.compute,
        latency=study.latency,
    )


def _chain_seeds(study: StudySettings, chain: Chain) -> tuple[int, ...]:
    """One run a seed; one in all where there is one origin and nothing is trained again."""
    single = chain.origin.startswith((RUN_PREFIX, IMPORTED)) or (
        chain.origin == "teacher" and not study.teacher.per_seed
    )
    trains = any(step.tune is not None for step in chain.steps)
    return study.seeds[:1] if single and not trains else study.seeds


def _compressed(study: StudySettings, chain: Chain, seed: int) -> RunSettings:
    origin, model = _origin(study, chain.origin, seed)
    needs = {"origin": origin}
    if any(step.distil is not None for step in chain.steps):
        own = chain.origin == "teacher" or chain.origin.startswith((RUN_PREFIX, IMPORTED))
        needs["teacher"] = origin if own else _teacher_key(study, seed)
    return RunSettings(
        key=f"{chain.name}-s{seed}",
        role="compressed",
        data=study.data,
        model=model,
        views=stored_views(study),
        chain=chain,
        seed=seed,
        needs=needs,
        compute=study.compute,
        latency=study.latency,
    )


def _origin(study: StudySettings, origin: str, seed: int) -> tuple[str, ModelSettings]:
    """Graph key of what a chain begins with, and its network; an older run's is not known here."""
    if origin == "teacher":
        key = _teacher_key(study, seed)
        known = not study.teacher.run
        return key, study.teacher.model if known else ModelSettings(name=key)
    if origin.startswith(RUN_PREFIX):
        return origin, ModelSettings(name=origin)
    if origin.startswith(IMPORTED):
        return origin, _imported(study, origin.removeprefix(IMPORTED)).model
    return f"{origin}-s{seed}", study.student


def stored_views(study: StudySettings) -> int | None:
    """K of the study's protocol: the same for the baseline and every arm; ``None`` when live."""
    for arm in study.arms:
        if arm.distil.teacher_outputs == "cached":
            return arm.distil.views
    return None
