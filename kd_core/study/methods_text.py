"""The methods paragraph: what was done, with numbers and citations, as messages.

Every number comes from a record, every citation from the ``source`` of a registry entry; what did
not happen is not mentioned. A page and the report render it; a person pastes it into a paper.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from typing import Any

from kd_core import __version__
from kd_core.compress.spec import COMPRESSORS
from kd_core.config import DistilSettings, ModelSettings, TrainSettings
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.rare import SCARCE
from kd_core.evaluate.verdict import metric_msg
from kd_core.losses import LOSSES, Objective, objective
from kd_core.models import MODELS
from kd_core.registry import Registry
from kd_core.study.graph import stored_views
from kd_core.study.methods_facts import MethodFacts
from kd_core.study.trials import ALONE, equal
from kd_core.text import Msg
from kd_core.train.modes import MODES

STATISTICS = {
    "bootstrap": "Efron & Tibshirani 1993",
    "paired": "Davison & Hinkley 1997",
    "rare": "Obuchowski & Lieber 1998",
    "holm": "Holm 1979",
    "temperature": "Guo et al. 2017",
    "platt": "Platt 1999",
    "youden": "Youden 1950",
}


def methods(facts: MethodFacts) -> tuple[Msg, ...]:
    """The sentences, in order; the last one lists the citations."""
    said = [
        *_data(facts),
        *_networks(facts),
        *_distillation(facts),
        *_compression(facts),
        *_choices(facts),
        *_statistics(facts),
        *_figures(facts),
        _software(facts),
    ]
    if facts.sources:
        said.append(Msg("methods.sources", {"sources": "; ".join(facts.sources)}))
    return tuple(said)


# --- data and networks --------------------------------------------------------------------------


def _data(facts: MethodFacts) -> Iterator[Msg]:
    data, settings = facts.record.data, facts.settings
    counts = data.counts
    fields = {"name": data.name, "hash": data.hash[:12], "n": sum(counts.values())}
    yield Msg(
        "methods.data",
        {
            **fields,
            "task": Msg(f"task.{data.task}.title"),
            "classes": list(data.classes),
            "size": data.size,
        },
    )
    if settings.folds:
        pool = counts.get("train", 0) + counts.get("val", 0)
        yield Msg("methods.folds", {"k": settings.folds, "n": pool, "test": counts.get("test", 0)})
    else:
        parts = {name: counts.get(name, 0) for name in ("train", "val", "test")}
        known = facts.patients is not None
        yield Msg("methods.split.patients" if known else "methods.split", parts)
    if data.externals:
        yield Msg("methods.external", {"names": list(data.externals)})
    if data.synthetic:
        yield Msg("methods.synthetic")


def _networks(facts: MethodFacts) -> Iterator[Msg]:
    settings = facts.settings
    yield Msg(
        "methods.networks",
        {
            "teacher": _model(facts, settings.teacher.model)
            if not settings.teacher.run
            else Msg("methods.earlier", {"run": settings.teacher.run}),
            "student": _model(facts, settings.student),
        },
    )
    if not settings.teacher.run:
        yield Msg("methods.teacher_recipe", {"recipe": _recipe(settings.teacher.train)})
    yield Msg("methods.student_recipe", {"recipe": _recipe(settings.train)})


def _model(facts: MethodFacts, model: ModelSettings) -> Msg:
    source = MODELS[model.name].source if model.name in MODELS else ""
    start = Msg(f"methods.start.{model.weights.kind}")
    return Msg("methods.model", {"name": model.name, "cite": facts.cite(source), "start": start})


def _recipe(train: TrainSettings) -> Msg:
    budget = Msg("stamp.steps", {"n": train.steps}) if train.steps else None
    return Msg(
        "methods.recipe",
        {
            "budget": budget or Msg("stamp.epochs", {"n": train.epochs}),
            "optimizer": Msg(f"methods.optimizer.{train.optimizer}"),
            "lr": f"{train.lr:g}",
            "schedule": _schedule(train),
            "decay": f"{train.weight_decay:g}",
            "batch": train.batch_size,
            "imbalance": Msg(f"methods.imbalance.{train.imbalance}"),
        },
    )


def _schedule(train: TrainSettings) -> Msg:
    schedule = Msg(f"methods.schedule.{train.schedule}")
    if not train.warmup:
        return schedule
    return Msg("methods.warmup", {"schedule": schedule, "warmup": train.warmup})


# --- what was done with them --------------------------------------------------------------------


def _distillation(facts: MethodFacts) -> Iterator[Msg]:
    settings = facts.settings
    for arm in settings.arms:
        distil = arm.distil
        if arm.train is not None:
            yield Msg("methods.arm_recipe", {"arm": arm.name, "recipe": _recipe(arm.train)})
        if distil.mode == ALONE:
            continue
        whole = objective(distil, facts.record.data.task)
        losses = _losses(facts, whole)
        yield Msg(
            "methods.arm" if losses else "methods.arm.bare",
            {
                "arm": arm.name,
                "mode": _title(facts, MODES, distil.mode),
                "losses": losses,
                "labels": _labels(distil, whole),
            },
        )
        if distil.warmup:
            yield Msg("methods.arm.warmup", {"share": distil.warmup})
        for ramp in distil.ramps:
            fields = {"of": ramp.of, "end": f"{ramp.end:g}"}
            yield Msg(f"methods.arm.ramp.{ramp.shape}", fields)
    views = stored_views(settings)
    yield Msg("methods.live") if views is None else Msg("methods.cached", {"n": views})
    yield Msg("methods.fair", {"seeds": list(map(str, settings.seeds))})
    if facts.trials:
        if equal(facts.trials):
            yield Msg("methods.trials.equal", {"n": next(iter(facts.trials.values()))})
        else:
            counts = [Msg("stamp.trials.of", {"arm": a, "n": n}) for a, n in facts.trials.items()]
            yield Msg("methods.trials.unequal", {"counts": counts})


def _losses(facts: MethodFacts, whole: Objective) -> list[Msg]:
    """Each with its weight and all its parameters, given or not."""
    said = []
    for term in whole.terms:
        params = [f"{name} = {value}" for name, value in term.params.items()]
        inside = ", ".join([f"w = {term.weight:g}", *params])
        title = _title(facts, LOSSES, term.name)
        said.append(Msg("methods.loss.with", {"title": title, "params": inside}))
    return said


def _labels(distil: DistilSettings, whole: Objective) -> Msg:
    """The weight of the true labels: α only where the objective takes it from there."""
    own = distil.task_weight is not None
    responds = any(LOSSES[term.name].family == "response" for term in whole.terms)
    kind = "alpha" if responds and not own else "own"
    return Msg(f"methods.labels.{kind}", {"weight": f"{whole.task_weight:g}"})


def _title(facts: MethodFacts, registry: Registry[Any], name: str) -> Msg:
    source = registry[name].source if name in registry else ""
    title = Msg(registry.text_id(name, "title"))
    return Msg("methods.titled", {"title": title, "cite": facts.cite(source)})


def _compression(facts: MethodFacts) -> Iterator[Msg]:
    for chain in facts.settings.chains:
        steps = [_title(facts, COMPRESSORS, step.method) for step in chain.steps]
        fields = {"chain": chain.name, "origin": chain.origin, "steps": steps}
        yield Msg("methods.chain", fields)


def _choices(facts: MethodFacts) -> Iterator[Msg]:
    train, rule = facts.settings.train, facts.settings.operating
    trained = facts.record.training
    metric = trained.select_metric if trained else train.select_metric
    yield Msg("methods.epoch", {"metric": Msg(f"metric.{metric}.title")})
    if rule.calibration != "none":
        cite = facts.cite(STATISTICS[rule.calibration])
        yield Msg(f"methods.calibration.{rule.calibration}", {"cite": cite})
    if rule.rule != "none":
        cite = facts.cite(STATISTICS.get(rule.rule, ""))
        yield Msg(f"methods.rule.{rule.rule}", {"value": rule.value, "cite": cite})
    yield _seal(facts)


def _seal(facts: MethodFacts) -> Msg:
    study = facts.study
    if study.test_opened_at is None:
        return Msg("methods.sealed")
    day = datetime.datetime.fromtimestamp(study.test_opened_at, datetime.UTC).date().isoformat()
    return Msg("methods.opened", {"day": day, "n": study.test_opened_runs or 0})


def _statistics(facts: MethodFacts) -> Iterator[Msg]:
    metric = METRICS[facts.metric]
    yield Msg(
        "methods.metric",
        {"metric": Msg(f"metric.{facts.metric}.title"), "cite": facts.cite(metric.source)},
    )
    unit = Msg("methods.unit.images" if facts.patients is None else "methods.unit.patients")
    cite = facts.cite(STATISTICS["bootstrap"])
    yield Msg("methods.intervals", {"unit": unit, "cite": cite})
    if facts.left_out:
        cite = facts.cite(STATISTICS["rare"])
        yield Msg("methods.rare", {"classes": list(facts.left_out), "least": SCARCE, "cite": cite})
    cite = facts.cite(STATISTICS["paired"])
    yield Msg("methods.verdict", {"margin": facts.settings.margin, "unit": unit, "cite": cite})
    if sum(arm.is_method for arm in facts.arms) > 1:
        yield Msg("methods.holm", {"cite": facts.cite(STATISTICS["holm"])})


# --- what came out ------------------------------------------------------------------------------


def _figures(facts: MethodFacts) -> Iterator[Msg]:
    from kd_core.study.stamp import where_msg

    figures = [
        Msg(
            "methods.figure.bare" if math.isnan(a.score.low) else "methods.figure",
            {
                "arm": Msg(f"role.{a.role}") if a.role in ("teacher", "baseline") else a.arm,
                "value": a.score.value,
                "low": a.score.low,
                "high": a.score.high,
                "n": a.seeds,
            },
        )
        for a in facts.arms
    ]
    metric = metric_msg(facts.metric, facts.left_out)
    fields = {"where": where_msg(facts.part), "metric": metric, "basis": facts.basis}
    yield Msg(f"methods.figures.{facts.level}", {**fields, "figures": figures})
    for arm in facts.arms:
        if arm.is_method and arm.verdict is not None:
            yield Msg("methods.against", {"arm": arm.arm, "verdict": arm.verdict.msg})
    unranked = [arm.arm for arm in facts.arms if arm.unranked]
    if unranked:
        yield Msg("methods.unranked", {"arms": unranked})


def _software(facts: MethodFacts) -> Msg:
    environment = facts.record.environment
    packages = environment.get("packages", {})
    return Msg(
        "methods.software",
        {
            "version": __version__,
            "torch": packages.get("torch", "?"),
            "onnxruntime": packages.get("onnxruntime", "?"),
            "device": environment.get("device_name", environment.get("device", "?")),
            "threads": facts.settings.compute.threads,
        },
    )
