"""As ``test_every_number.py``, of lessons that show what was made beforehand: by its files.

Whether these files are right is tested where they are made, ``test_made_*.py``.
"""

import copy
import itertools
import json
import math

import numpy as np
import pytest
import torch

from kd_core.lessons.made_sensitivity import subject_of
from kd_core.lessons.rounding import answers
from tests.helpers_lessons import (
    all_texts,
    assert_every_number,
    sample_material,
    shipped,
    shown_of,
)


def plain(name, file):
    return json.loads((shipped(name) / file).read_text(encoding="utf-8"))


def test_features():
    facts, stage, place, channel, epoch = plain("features", "features.json"), 1, 3, 2, 5
    with np.load(shipped("features") / "maps.npz") as arrays:
        maps = {}
        for name, at in (("teacher", (place, channel)), ("projected", (epoch, place, channel))):
            low, high = arrays[f"{name}_{stage}_ranges"][at].astype(float)
            maps[name] = low + arrays[f"{name}_{stage}_levels"][at] / 255 * (high - low)
    one, teacher, student = facts["stages"][stage], maps["teacher"], maps["projected"]
    row, column = np.argwhere(teacher == teacher.max())[0]
    t, s = teacher[row, column], student[row, column]
    of_map = np.mean((student - teacher) ** 2)
    now, first = facts["mse"][epoch][stage], facts["mse"][0][stage]
    named = {
        "channel": one["channels"][channel],
        "own": one["own"][epoch][channel],
    }
    ends = facts["mse"][0][-1], facts["mse"][-1][-1]
    assert_every_number(
        "features",
        all_texts(
            "features",
            stage=str(stage),
            image=str(facts["images"][place]),
            channel=channel + 1,
            epoch=epoch,
        ),
        {
            **{f"{text}.{n}": v for text in ("maps.words", "fact.map") for n, v in named.items()},
            "maps.words.cells": one["cells"],
            "maps.words.epoch": epoch,
            "maps.words.mse": of_map,
            "maps.words.mean": now,
            "error.words.first": first,
            "error.words.mean": now,
            "error.words.epoch": epoch,
            "fact.map.wide": one["widths"][0],
            "fact.map.narrow": one["widths"][1],
            "fact.map.weight": one["weights"][epoch][channel],
            "fact.map.mse": of_map,
            "fact.epoch.epoch": epoch,
            "fact.epoch.step": epoch * 25,  # 1600 images by 64
            "fact.epoch.n": facts["read"],
            "fact.epoch.mse": now,
            "fact.epoch.first": first,
            "fact.epoch.score": facts["scores"][epoch],
            "fact.explained.average": one["variance"],
            "fact.explained.share": 1 - now / one["variance"],
            "step.place.row": int(row) + 1,
            "step.place.column": int(column) + 1,
            "step.place.student": s,
            "step.place.teacher": t,
            "step.place.difference": s - t,
            "step.place.square": (s - t) ** 2,
            "step.map.n": teacher.size,
            "step.map.mse": of_map,
            "step.all.n": facts["read"],
            "step.all.mse": now,
            "note.weight": 1,
            "note.images": 1600,
            "note.epochs": 8,
            "ask.projection.why.wide": facts["stages"][-1]["widths"][0],
            "ask.projection.why.narrow": facts["stages"][-1]["widths"][1],
            "ask.fallen.epochs": 8,
            "ask.fallen.why.first": ends[0],
            "ask.fallen.why.last": ends[1],
            "ask.fallen.why.fallen": 100 * (ends[0] - ends[1]) / ends[0],
        },
    )


def test_modes():
    facts = plain("modes", "modes.json")
    courses = facts["courses"]
    of = courses["offline"]
    at = [of["curves"]["teacher"][-1], of["curves"]["student"][3]]  # 4 of its 8 epochs
    works = [sum(course["work"].values()) for course in courses.values()]
    ratio = 217_652_480 / 2_837_440  # multiplications for one image
    assert_every_number(
        "modes",
        all_texts("modes", way="offline", over=75),
        {
            "value.value": [*at, *at],
            "modes.words.over": 0.75,
            "cost.times": sum(of["work"].values()),
            "part.answers.times": 2 * ratio / (3 * 8),
            "part.before.times": ratio,
            "times.times": [round(work, 1) for work in works],
            "note.images": 1600,
            "note.steps": 200,  # 8 epochs of 25
            "note.alpha": 0.3,
            "note.T": 4,
            "note.n": 600,
            "ask.fixed.why.ratio": ratio,
            "ask.two.why.both": 2,
            "ask.two.why.before": ratio,
        },
    )
    for way in ("offline", "mutual", "exits", "born_again"):
        info = shown_of("modes", way=way, over=100).pictures[0].info
        drawn = {curve.name: list(curve.values) for curve in info.curves}
        assert drawn == courses[way]["curves"]
        assert list(info.alone.values) == courses["alone"]["curves"]["student"]
    bars = shown_of("modes", way="exits", over=100).pictures[1].info.bars
    for bar in bars:
        assert sorted(bar.parts) == pytest.approx(sorted(courses[bar.mode]["work"].values()))


def rounded_by_hand(bits):
    """The sample's student with one grid a channel: its largest layer, answers, and bytes."""
    material = sample_material()
    voice = subject_of(material)
    network = copy.deepcopy(material.network(voice))
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    widest = max(layers, key=lambda layer: layer.weight.numel())
    weight = widest.weight.detach().double().numpy().copy()
    top = 2 ** (bits - 1) - 1
    held = sum(m.weight.numel() for m in layers)
    with torch.no_grad():
        for layer in layers:
            step = layer.weight.abs().flatten(1).amax(1) / top
            step = step.view(-1, *[1] * (layer.weight.ndim - 1))
            layer.weight.copy_((layer.weight / step).round() * step)
        rows = answers(material, voice, bits, True).rows
        now = network(material.batch(rows))["logits"].argmax(1).numpy()
        before = material.network(voice)(material.batch(rows))["logits"].argmax(1).numpy()
    size = math.ceil(held * bits / 8) + 4 * sum(len(m.weight) for m in layers)
    rounded = widest.weight.detach().double().numpy()
    return weight, rounded, before, now, material.targets[rows], size, 4 * held


def test_shrink():
    found, at, half = plain("sensitivity", "sensitivity.json"), 3, 5
    whole, layers, bits = found["whole"], found["layers"], 4
    w, q, before, now, right, size, full = rounded_by_hand(bits)
    error = np.abs(w - q)
    worst = np.unravel_index(error.argmax(), w.shape)
    steps = np.abs(w).reshape(len(w), -1).max(1) / 7
    step = steps[worst[0]]
    changed = before != now
    at_half = [layer["scores"][half] for layer in layers]
    assert_every_number(
        "shrink",
        all_texts("shrink", cut=30, layer="all", bits=bits, grid="channel"),
        {
            "cuts.words.share": 0.3,
            "cuts.words.accuracy": whole["scores"][at],
            "cuts.words.first": whole["scores"][0],
            "cuts.words.macs": whole["macs"][at] / whole["macs"][0],
            "fact.all_again.gone": whole["left"][0] - whole["left"][at],
            "fact.all_again.channels": whole["left"][0],
            "fact.all_again.macs": whole["macs"][at] / 1e6,
            "fact.all_again.macs_before": whole["macs"][0] / 1e6,
            "fact.all_again.params": whole["params"][at],
            "fact.all_again.params_before": whole["params"][0],
            "fact.all_again.accuracy": whole["scores"][at],
            "fact.all_again.first": whole["scores"][0],
            "fact.all_again.again": whole["recalibrated"][at],
            "grid.words.n": w.size,
            "grid.words.bits": bits,
            "grid.words.values": len(np.unique(q)),
            "grid.words.error": error.max(),
            "fact.error_channels.bits": bits,
            "fact.error_channels.error": error.max(),
            "fact.error_channels.half": steps.max() / 2,
            "fact.error_channels.bytes": size / 1000,
            "fact.error_channels.bytes_before": full / 1000,
            "fact.answers.n": int(changed.sum()),
            "fact.answers.all": len(right),
            "fact.answers.worse": int((changed & (before == right)).sum()),
            "fact.answers.better": int((changed & (now == right)).sum()),
            "fact.answers.first": (before == right).mean(),
            "fact.answers.accuracy": (now == right).mean(),
            "step.step.bits": bits,
            "step.step.top": 7,
            "step.step.most": 7 * step,
            "step.step.step": step,
            "step.weight.w": w[worst],
            "step.weight.step": step,
            "step.weight.ratio": w[worst] / step,
            "step.weight.whole": round(q[worst] / step),
            "step.weight.q": q[worst],
            "step.error.error": error.max(),
            "step.error.half": step / 2,
            "note.cuts.n": 600,
            "note.bits.n": len(right),
            "ask.macs.share": 50,
            "ask.macs.why.macs": whole["macs"][half] / whole["macs"][0],
            "ask.layers.why.high": max(at_half),
            "ask.layers.why.low": min(at_half),
        },
    )
    curves = dict(shown_of("shrink", cut=30).pictures[0].info.curves)
    assert list(curves["cut"]) == whole["scores"]
    assert list(curves["recalibrated"]) == whole["recalibrated"]
    bars = shown_of("shrink", bits=bits, grid="channel").pictures[1].info
    for counted, weights in ((bars.before, w), (bars.after, q)):
        bins = itertools.pairwise(bars.edges)
        assert list(counted) == [int(((weights >= a) & (weights < b)).sum()) for a, b in bins]
