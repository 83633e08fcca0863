"""Pruning and quantisation: fewer channels, fewer bits, and what both cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kd_core.figures.lesson_cuts import cuts_figure, cuts_info
from kd_core.figures.lesson_grid import grid_figure, grid_info
from kd_core.lessons.made_sensitivity import Cuts, Sensitivity, subject_of
from kd_core.lessons.material import Material
from kd_core.lessons.rounding import (
    FLOAT,
    Answers,
    Rounded,
    answers,
    rounded_layer,
    top,
    weighted,
)
from kd_core.lessons.spec import LESSONS, LessonSpec, Photo, Picture, Question, Shown, Values
from kd_core.registry import Param
from kd_core.text import Msg, significant

ALL = "all"
MOST_PHOTOS = 3
"""Images with another answer that are shown."""

QUESTIONED = 0.5
"""Share of the channels that a question asks about."""


def show(material: Material, values: Values) -> Shown:
    """The cuts as they were made beforehand, and the rounding as it is computed now."""
    found: Sensitivity = material.made["sensitivity"]
    at = nearest(found.ratios, int(values["cut"]) / 100)
    cuts = found.cuts(str(values["layer"]))
    bits, per_channel = int(values["bits"]), values["grid"] == "channel"
    voice = subject_of(material)
    network = material.network(voice)
    layer = cuts.layer or largest(material)
    rounded = rounded_layer(network, layer, bits, per_channel)
    plain, now = (answers(material, voice, b, per_channel) for b in (FLOAT, bits))
    return Shown(
        pictures=(_cuts_picture(found, cuts, at), _grid_picture(rounded, layer, bits)),
        facts=(
            _cuts_fact(found, cuts, at),
            *_bits_facts(material, rounded, plain, now, layer, bits),
        ),
        photos=_flipped(material, plain, now),
        steps=_steps(rounded, bits),
        notes=(
            Msg("lesson.shrink.note.cuts", {"model": voice.name, "n": found.images}),
            Msg("lesson.shrink.note.bits", {"n": len(now.rows)}),
        ),
    )


def nearest(ratios: tuple[float, ...], ratio: float) -> int:
    """Place of the ratio that is closest.

    >>> nearest((0.0, 0.1, 0.2), 0.12)
    1
    """
    return int(np.abs(np.array(ratios) - ratio).argmin())


def largest(material: Material) -> str:
    """Path of the layer with most weights."""
    weights = weighted(material.network(subject_of(material)).network)
    return max(weights, key=lambda path: weights[path].numel())


# --- pruning ------------------------------------------------------------------------------------


def _cuts_picture(found: Sensitivity, cuts: Cuts, at: int) -> Picture:
    info = cuts_info(found.ratios, cuts.scores, cuts.recalibrated, cuts.macs, at)
    fields = {
        "share": found.ratios[at],
        "accuracy": cuts.scores[at],
        "first": cuts.scores[0],
        "macs": cuts.macs[at] / cuts.macs[0],
    }
    return Picture("cuts", info, cuts_figure, Msg("lesson.shrink.cuts.words", fields))


def _cuts_fact(found: Sensitivity, cuts: Cuts, at: int) -> Msg:
    fields = {
        "gone": cuts.left[0] - cuts.left[at],
        "channels": cuts.left[0],
        "macs": significant(cuts.macs[at] / 1e6),
        "macs_before": significant(cuts.macs[0] / 1e6),
        "params": cuts.params[at],
        "params_before": cuts.params[0],
        "accuracy": cuts.scores[at],
        "first": cuts.scores[0],
        "layer": cuts.layer,
    }
    if cuts.recalibrated:
        fields["again"] = cuts.recalibrated[at]
        return Msg("lesson.shrink.fact.all_again", fields)
    return Msg("lesson.shrink.fact.layer" if cuts.layer else "lesson.shrink.fact.all", fields)


# --- rounding -----------------------------------------------------------------------------------


def _grid_picture(rounded: Rounded, layer: str, bits: int) -> Picture:
    one_grid = bits < FLOAT and len(rounded.step) == 1
    values = np.arange(-top(bits), top(bits) + 1) * rounded.step[0] if one_grid else np.zeros(0)
    info = grid_info(rounded.before, rounded.after, values, bits < FLOAT)
    fields = {
        "layer": layer,
        "n": rounded.before.size,
        "bits": bits,
        "values": len(np.unique(rounded.after)),
        "error": significant(rounded.error.max()),
    }
    return Picture("grid", info, grid_figure, Msg("lesson.shrink.grid.words", fields))


def _bits_facts(
    material: Material, rounded: Rounded, plain: Answers, now: Answers, layer: str, bits: int
) -> tuple[Msg, ...]:
    targets = material.targets[plain.rows]
    before, after = (one.logits.argmax(1) for one in (plain, now))
    changed = before != after
    answered = Msg(
        "lesson.shrink.fact.answers",
        {
            "n": int(changed.sum()),
            "all": len(targets),
            "worse": int((changed & (before == targets)).sum()),
            "better": int((changed & (after == targets)).sum()),
            "accuracy": float((after == targets).mean()),
            "first": float((before == targets).mean()),
        },
    )
    if bits >= FLOAT:
        return (Msg("lesson.shrink.fact.float", {"bytes": significant(now.bytes / 1000)}),)
    error = Msg(
        "lesson.shrink.fact.error"
        if len(rounded.step) == 1
        else "lesson.shrink.fact.error_channels",
        {
            "bits": bits,
            "layer": layer,
            "error": significant(rounded.error.max()),
            "half": significant(rounded.step.max() / 2),
            "bytes": significant(now.bytes / 1000),
            "bytes_before": significant(plain.bytes / 1000),
        },
    )
    return (error, answered)


def _flipped(material: Material, plain: Answers, now: Answers) -> tuple[Photo, ...]:
    """The first images whose answer is another one now."""
    before, after = (one.logits.argmax(1) for one in (plain, now))
    return tuple(
        Photo(
            material.images[plain.rows[place]],
            Msg(
                "lesson.shrink.photo",
                {
                    "before": material.classes[int(before[place])],
                    "after": material.classes[int(after[place])],
                    "true": material.classes[int(material.targets[plain.rows[place]])],
                },
            ),
            88,
        )
        for place in np.flatnonzero(before != after)[:MOST_PHOTOS]
    )


def _steps(rounded: Rounded, bits: int) -> tuple[Msg, ...]:
    """The weight with the largest error, rounded by hand."""
    if bits >= FLOAT:
        return ()
    worst = np.unravel_index(int(rounded.error.argmax()), rounded.error.shape)
    step = rounded.step[0] if len(rounded.step) == 1 else rounded.step[worst[0]]
    of_grid: NDArray[np.float64] = (
        rounded.before if len(rounded.step) == 1 else rounded.before[worst[0]]
    )
    w, q = float(rounded.before[worst]), float(rounded.after[worst])
    return (
        Msg(
            "lesson.shrink.step.step",
            {
                "bits": bits,
                "top": top(bits),
                "most": significant(np.abs(of_grid).max()),
                "step": significant(step),
            },
        ),
        Msg(
            "lesson.shrink.step.weight",
            {
                "w": significant(w),
                "step": significant(step),
                "ratio": significant(w / step),
                "whole": round(q / step),
                "q": significant(q),
            },
        ),
        Msg(
            "lesson.shrink.step.error",
            {"error": significant(abs(w - q)), "half": significant(step / 2)},
        ),
    )


# --- controls -----------------------------------------------------------------------------------


def layer_options(material: Material) -> list[tuple[str, Msg]]:
    """The whole network, then each layer that can lose channels."""
    found: Sensitivity = material.made["sensitivity"]
    layers = [
        (one.layer, Msg("lesson.shrink.layer", {"layer": one.layer, "n": one.left[0]}))
        for one in found.layers
    ]
    return [(ALL, Msg("lesson.shrink.layer.all", {"n": found.whole.left[0]})), *layers]


# --- questions ----------------------------------------------------------------------------------


def macs_left(material: Material) -> float:
    """MACs that are left, in per cent, when half of all channels are gone."""
    found: Sensitivity = material.made["sensitivity"]
    at = nearest(found.ratios, QUESTIONED)
    return 100 * found.whole.macs[at] / found.whole.macs[0]


def least_sensitive(material: Material) -> Cuts:
    """The layer whose loss of half its channels costs least."""
    found: Sensitivity = material.made["sensitivity"]
    at = nearest(found.ratios, QUESTIONED)
    return max(found.layers, key=lambda one: one.scores[at])


def _numbers(material: Material) -> dict[str, object]:
    found: Sensitivity = material.made["sensitivity"]
    at = nearest(found.ratios, QUESTIONED)
    scores = [one.scores[at] for one in found.layers]
    best = least_sensitive(material)
    worst = min(found.layers, key=lambda one: one.scores[at])
    return {
        "share": round(100 * QUESTIONED),
        "macs": macs_left(material) / 100,
        "best": best.layer,
        "worst": worst.layer,
        "high": max(scores),
        "low": min(scores),
    }


LESSONS.add(
    "shrink",
    LessonSpec(
        show=show,
        source="Li et al. 2017; Jacob et al. 2018",
        needs=("sensitivity",),
        params=(
            Param("cut", "int", 30, low=0, high=90, step=10, unit="%"),
            Param("layer", "choice", ALL),
            Param("bits", "choice", 4, choices=(2, 3, 4, 5, 6, 7, 8, FLOAT)),
            Param("grid", "choice", "tensor", choices=("tensor", "channel")),
        ),
        options={"layer": layer_options},
        code="""
from kd_core.lessons.made_sensitivity import subject_of
from kd_core.lessons.open import material_of
from kd_core.lessons.rounding import answers, rounded_layer
from kd_core.lessons.shrink import largest, nearest

material = material_of({study})
found = material.made["sensitivity"]
cuts, at = found.cuts({layer}), nearest(found.ratios, {cut} / 100)
print(f"cut: accuracy {cuts.scores[at]:.3f}, MACs {cuts.macs[at]:,} of {cuts.macs[0]:,}")

student, bits, per_channel = subject_of(material), {bits}, {grid} == "channel"
one = rounded_layer(material.network(student), cuts.layer or largest(material), bits, per_channel)
plain, now = (answers(material, student, b, per_channel).logits.argmax(1) for b in (32, bits))
print(f"rounded: largest error {one.error.max():.4g}, half a step {one.step.max() / 2:.4g}")
print(f"other answers: {(plain != now).sum()} of {len(now)} images")
""",
        questions=(
            Question("macs", "number", macs_left, tolerance=3.0, numbers=_numbers, unit="%"),
            Question("values", "number", lambda material: 7.0),
            Question(
                "layers",
                "choice",
                lambda material: "differ",
                ("equal", "differ"),
                numbers=_numbers,
            ),
        ),
    ),
)
