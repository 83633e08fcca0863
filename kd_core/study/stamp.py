"""The protocol stamp: what stood behind a figure or a table, in one line.

The code stands for the items and for the rest of the recipe: what :mod:`kd_core.study.protocol`
wants equal is equal where two codes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kd_core.config import OperatingSettings, StudySettings, canonical_hash
from kd_core.study.graph import stored_views
from kd_core.study.protocol import DATA_ITEMS, RECIPE_ITEMS, operating_name
from kd_core.study.rows import StudyRow
from kd_core.study.trials import equal
from kd_core.text import Msg

NAMED_ARMS = 12
"""Arms whose counts of settings are named; of more, the smallest and the largest count."""

CODE = 6
"""Characters of a code: one in 16 million pairs of protocols shares one."""


@dataclass(frozen=True)
class Stamp:
    """What all figures of a study rest on.

    Attributes:
        code: Short name of the items.
        items: What must be equal, by name.
        part: ``val``, ``test`` or ``external-<data set>``.
        trials: Settings tried, by arm.
        opened_at: When the test part was opened; ``None`` while it is sealed.
        opened_runs: Runs that were finished then.
        rule: Calibration and threshold rule in words; empty where there is none.
    """

    code: str
    items: dict[str, Any]
    part: str
    trials: dict[str, int]
    opened_at: float | None
    opened_runs: int | None
    rule: tuple[Msg, ...] = ()

    @property
    def msg(self) -> Msg:
        """The stamp in one line."""
        items = self.items
        fields = {
            "code": self.code,
            "part": part_msg(self.part),
            "data": items["data_hash"][:10],
            "size": items["size"],
            "split": Msg("stamp.folds", {"n": items["folds"]})
            if items["folds"]
            else Msg("stamp.own_split"),
            "budget": Msg(
                "stamp.steps" if items["steps"] else "stamp.epochs", {"n": items["budget"]}
            ),
            "views": Msg("stamp.live")
            if items["views"] is None
            else Msg("stamp.stored", {"n": items["views"]}),
            "metric": Msg("stamp.auto")
            if items["select_metric"] == "auto"
            else Msg(f"metric.{items['select_metric']}.title"),
            "operating": Msg("stamp.no_rule")
            if items["operating"] == "none"
            else Msg("stamp.rule", {"rule": list(self.rule)}),
            "threads": Msg("stamp.threads", {"n": items["threads"]}),
            "seeds": Msg("stamp.seeds", {"n": items["seeds"]}),
            "trials": self.trials_msg,
            "seal": Msg("stamp.sealed")
            if self.opened_at is None
            else Msg("stamp.opened", {"n": self.opened_runs or 0}),
        }
        return Msg("stamp.line", fields)

    @property
    def trials_msg(self) -> Msg:
        """Whether all arms were tuned equally often."""
        if not self.trials:
            return Msg("stamp.trials.none")
        if equal(self.trials):
            return Msg("stamp.trials.equal", {"n": next(iter(self.trials.values()))})
        if len(self.trials) > NAMED_ARMS:
            ends = {"low": min(self.trials.values()), "high": max(self.trials.values())}
            return Msg("stamp.trials.range", {**ends, "arms": len(self.trials)})
        counts = [Msg("stamp.trials.of", {"arm": arm, "n": n}) for arm, n in self.trials.items()]
        return Msg("stamp.trials.unequal", {"counts": counts})


def part_msg(part: str) -> Msg:
    """What a part is called."""
    if part.startswith("external-"):
        return Msg("part.external", {"name": part.removeprefix("external-")})
    return Msg(f"part.{part}")


def where_msg(part: str) -> Msg:
    """The part in the middle of a sentence: the validation part, the external set X."""
    kind = "external" if part.startswith("external-") else "part"
    return Msg(f"methods.where.{kind}", {"part": part_msg(part)})


def stamp_of(study: StudyRow, part: str, trials: Mapping[str, int]) -> Stamp:
    """The stamp of a study's figures on a part."""
    items = _items(study.settings, study.data_hash)
    return Stamp(
        code=canonical_hash({**items, "recipe": _recipe(study.settings)})[:CODE],
        items=items,
        part=part,
        trials=dict(trials),
        opened_at=study.test_opened_at,
        opened_runs=study.test_opened_runs,
        rule=_rule(study.settings.operating),
    )


def _rule(operating: OperatingSettings) -> tuple[Msg, ...]:
    said = []
    if operating.calibration != "none":
        said.append(Msg(f"stamp.calibration.{operating.calibration}"))
    if operating.rule != "none":
        said.append(Msg(f"stamp.rule.{operating.rule}", {"value": operating.value}))
    return tuple(said)


def _items(settings: StudySettings, data_hash: str) -> dict[str, Any]:
    train = settings.train
    return {
        "data_hash": data_hash,
        "size": settings.data.size,
        "folds": settings.folds,
        "steps": train.steps is not None,
        "budget": train.steps or train.epochs,
        "views": stored_views(settings),
        "select_metric": train.select_metric,
        "operating": operating_name(settings.operating.to_json()),
        "threads": settings.compute.threads,
        "seeds": len(settings.seeds),
    }


def _recipe(settings: StudySettings) -> dict[str, Any]:
    """What else must be equal before two models may be ranked, too long for a line."""
    data, train = settings.data.to_json(), settings.train.to_json()
    wanted = (*DATA_ITEMS, *RECIPE_ITEMS)
    return {name: part[name] for part in (train, data) for name in wanted if name in part}
