"""What a methods paragraph and a table of results are made from: figures and verdicts by arm."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kd_core.config import StudySettings
from kd_core.evaluate.arms import score_of_arm
from kd_core.evaluate.correction import holm
from kd_core.evaluate.scores import Score
from kd_core.evaluate.seeds import n_folds, rows_of_seeds
from kd_core.evaluate.verdict import Verdict
from kd_core.study.records import RunRecord
from kd_core.study.results import Level, Result, arm_predictions, compare_arms
from kd_core.study.rows import StudyRow
from kd_core.text import Msg


@dataclass(frozen=True)
class ArmFacts:
    """One arm's figure and its verdict against the student alone.

    Attributes:
        arm: Its name.
        role: Of its models.
        score: Over patients and seeds.
        seeds: Seeds that it was trained with.
        verdict: ``None`` for what it would be compared with, and where protocols differ.
        p_holm: Of the difference, corrected over the study's methods; NaN for other roles.
        unranked: Whether its protocol is not that of the student alone.
    """

    arm: str
    role: str
    score: Score
    seeds: int
    verdict: Verdict | None = None
    p_holm: float = math.nan
    unranked: bool = False

    @property
    def is_method(self) -> bool:
        """Whether it is one of the methods that are compared with the student alone."""
        return self.verdict is not None and self.role in ("student", "compressed")


@dataclass(frozen=True)
class MethodFacts:
    """All that the paragraph is made from.

    Attributes:
        study: The study.
        record: Of a student's run, which stands for what all share.
        metric: The accuracy axis.
        part: Which images the figures are on.
        patients: Patients of that part; ``None`` where they are not known.
        images: Images of that part; ``None`` where an answer is for a patient.
        level: What an answer is for.
        arms: In the order of the study.
        trials: Settings tried, by arm.
        folds: Folds over which the figure of a seed is a mean; 0 where none has its own model.
        sources: Citations, in the order in which they are used; filled in by :func:`methods`.
    """

    study: StudyRow
    record: RunRecord
    metric: str
    part: str
    patients: int | None
    images: int | None
    arms: tuple[ArmFacts, ...]
    trials: Mapping[str, int]
    level: Level = "image"
    folds: int = 0
    sources: dict[str, None] = field(default_factory=dict)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Classes that the metric leaves out, the same for every arm."""
        return self.arms[0].score.left_out if self.arms else ()

    @property
    def basis(self) -> list[Msg]:
        """What the figures rest on."""
        folds = self.folds or None
        of = ("images", self.images), ("patients", self.patients), ("folds", folds)
        return [Msg(f"verdict.n_{name}", {"n": n}) for name, n in of if n is not None]

    @property
    def settings(self) -> StudySettings:
        """What was asked for."""
        return self.study.settings

    def cite(self, source: str) -> Msg | str:
        """A citation in brackets, remembered; nothing for no source."""
        if not source:
            return ""
        self.sources.setdefault(source, None)
        return Msg("methods.cite", {"source": source})


def method_facts(
    study: StudyRow,
    record: RunRecord,
    arms: Mapping[str, Sequence[Result]],
    metric: str,
    part: str,
    trials: Mapping[str, int],
    level: Level = "image",
    unranked: Collection[str] = (),
) -> MethodFacts:
    """Collect them; figures are computed from the predictions of the part.

    Args:
        study: The study.
        record: Of a student's run.
        arms: Models by arm.
        metric: The accuracy axis.
        part: ``val``, or another once it is open.
        trials: Settings tried, by arm.
        level: An answer an image, or a patient.
        unranked: Arms that may not be compared with the student alone, for their protocol.

    Raises:
        StoreError: ``test_sealed``, ``test_not_chosen``, ``predictions_missing``.
    """
    opened = part != "val"
    found = []
    one, folds = None, 0
    for arm, group in arms.items():
        models = arm_predictions(group, part, opened=opened, level=level)
        one, folds = models[0], max(folds, n_folds(models))
        against = arms.get("baseline") if group[0].model.role != "baseline" else None
        margin = study.settings.margin
        verdict = (
            compare_arms(
                group, against, metric, part=part, margin=margin, opened=opened, level=level
            )
            if against and arm not in unranked
            else None
        )
        role = group[0].model.role
        value = score_of_arm(models, metric)
        n = len(rows_of_seeds(models))
        found.append(ArmFacts(arm, role, value, n, verdict, unranked=arm in unranked))
    known = None if one is None or one.patients is None else len(set(one.patients.tolist()))
    images = (0 if one is None else len(one)) if level == "image" else None
    arms_of = _corrected(found)
    return MethodFacts(study, record, metric, part, known, images, arms_of, trials, level, folds)


def _corrected(found: Sequence[ArmFacts]) -> tuple[ArmFacts, ...]:
    """The same with Holm's correction over the list of methods."""
    p = iter(holm([a.verdict.p for a in found if a.is_method and a.verdict is not None]))
    return tuple(replace(a, p_holm=next(p)) if a.is_method else a for a in found)
