"""The controls of one study, in the order in which a person decides; each edits the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app import distil_arms, distil_folds, own_files
from app.controls import choose_entry, edit_params
from app.form import Form, read
from app.texts import say
from kd_core.config import ModelSettings
from kd_core.data.augment import AUGMENTATIONS
from kd_core.models import MODELS, stem_msg
from kd_core.repro import available_devices
from kd_core.tasks import TASKS

SIZES = (28, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512)
BATCHES = (8, 16, 32, 64, 128, 256)
DISTIL = "arms.0.distil"


def data_controls(form: Form, datasets: Sequence[str]) -> str:
    """Data set and image size; the data set's name."""
    left, right = st.columns([2, 1])
    with left:
        name: str = form.edit(
            st.selectbox, "data.dataset", say("distil.dataset"), options=list(datasets)
        )
    with right:
        form.edit(
            st.selectbox,
            "data.size",
            say("distil.size"),
            options=_with(SIZES, read(form.document, "data.size")),
            help=say("distil.size.help"),
        )
    return name


def _with(usual: Sequence[int], current: int) -> list[int]:
    """The usual choices, and the one that a pasted configuration has."""
    return sorted({*usual, current})


def model_controls(form: Form, finished_teachers: dict[str, str]) -> None:
    """Teacher and student; the teacher may be an earlier run, named by its id."""
    left, right = st.columns(2)
    with left:
        form.edit(
            st.selectbox,
            "teacher.run",
            say("distil.teacher.from"),
            options=["", *finished_teachers],
            format_func=lambda run: finished_teachers.get(run, say("distil.teacher.train")),
            help=say("distil.teacher.from.help"),
        )
        if not read(form.document, "teacher.run"):
            _network(form, "teacher.model", "teacher")
    with right:
        _network(form, "student", "student")


def _network(form: Form, path: str, role: str) -> None:
    fitting = [name for name, entry in MODELS.items() if role in entry.roles]
    chosen = choose_entry(
        form,
        MODELS,
        f"{path}.name",
        say(f"role.{role}"),
        fitting,
        accept_new_options=True,
        help=say("distil.model.help"),
    )
    edit_params(form, MODELS, chosen, f"{path}.params")
    settings = ModelSettings.from_json(read(form.document, path))
    st.caption(say(stem_msg(settings, read(form.document, "data.size"))))


def budget_controls(form: Form, n_train: int) -> None:
    """Epochs, seeds and batch size, with the optimiser steps that follow."""
    columns = st.columns(4)
    epochs: dict[str, Any] = {"min_value": 1, "max_value": 2000, "step": 1}
    seeds = read(form.document, "seeds")  # those of a pasted configuration are kept
    with columns[0]:
        form.edit(st.number_input, "teacher.train.epochs", say("distil.epochs.teacher"), **epochs)
    with columns[1]:
        form.edit(st.number_input, "train.epochs", say("distil.epochs.student"), **epochs)
    with columns[2]:
        form.edit(
            st.number_input,
            "seeds",
            say("distil.seeds"),
            show=len,
            store=lambda n: seeds if n == len(seeds) else list(range(int(n))),
            min_value=1,
            max_value=20,
            help=say("distil.seeds.help"),
        )
    with columns[3]:
        batch = form.edit(
            st.selectbox,
            "train.batch_size",
            say("distil.batch"),
            options=_with(BATCHES, read(form.document, "train.batch_size")),
        )
    steps = max(1, n_train // batch) * read(form.document, "train.epochs")
    st.caption(say("distil.budget.caption", steps=steps, images=n_train))


def detail_controls(form: Form, task: str, externals: Sequence[str]) -> None:
    """Everything that has a good default, on request."""
    data, student, teacher, machine = st.tabs(
        [say(f"distil.tab.{name}") for name in ("data", "student", "teacher", "machine")]
    )
    with data:
        _data_details(form, externals)
    with student:
        _recipe(form, "train", task)
        _network_details(form, "student")
        _views(form)
    with teacher:
        _recipe(form, "teacher.train", task)
        _network_details(form, "teacher.model")
        form.edit(
            st.toggle,
            "teacher.per_seed",
            say("distil.teacher.per_seed"),
            help=say("distil.teacher.per_seed.help"),
        )
    with machine:
        _machine(form)


def _data_details(form: Form, externals: Sequence[str]) -> None:
    choose_entry(
        form, AUGMENTATIONS, "data.augment", say("distil.augment"), ["auto", *AUGMENTATIONS]
    )
    form.edit(
        st.selectbox,
        "data.normalise",
        say("distil.normalise"),
        options=["dataset", "imagenet"],
        format_func=lambda name: say(f"distil.normalise.{name}"),
    )
    form.edit(
        st.multiselect,
        "data.external",
        say("distil.external"),
        options=list(externals),
        help=say("distil.external.help"),
    )
    distil_folds.protocol_controls(form)
    own_files.onnx(form)


def _recipe(form: Form, path: str, task: str) -> None:
    left, middle, right = st.columns(3)
    with left:
        if path != "train":
            form.edit(st.selectbox, f"{path}.batch_size", say("distil.batch"), options=BATCHES)
        form.edit(
            st.selectbox, f"{path}.optimizer", say("distil.optimizer"), options=["adamw", "sgd"]
        )
        names = {name: say(f"distil.schedule.{name}") for name in ("cosine", "constant")}
        _named(form, f"{path}.schedule", say("distil.schedule"), names, say("distil.schedule.help"))
    with middle:
        _small_number(form, f"{path}.lr", say("distil.lr"), 1e-6, 10.0, "%.5f")
        decay = say("distil.weight_decay")
        _small_number(form, f"{path}.weight_decay", decay, 0.0, 1.0, "%.4f")
    with right:
        kinds = ("none", "class_weights", "focal", "sampler")
        names = {name: say(f"distil.imbalance.{name}") for name in kinds}
        text = say("distil.imbalance.help")
        _named(form, f"{path}.imbalance", say("distil.imbalance"), names, text)
        form.edit(
            st.selectbox,
            f"{path}.select_metric",
            say("distil.select_metric"),
            options=["auto", *TASKS[task].metrics],
            format_func=lambda name: say(f"metric.{name}.title"),
            help=say("distil.select_metric.help"),
        )


def _named(form: Form, path: str, label: str, names: dict[str, str], about: str) -> None:
    form.edit(
        st.selectbox, path, label, options=list(names), format_func=lambda n: names[n], help=about
    )


def _small_number(form: Form, path: str, label: str, low: float, high: float, shown: str) -> None:
    form.edit(st.number_input, path, label, min_value=low, max_value=high, step=1e-4, format=shown)


def _network_details(form: Form, path: str) -> None:
    left, right = st.columns(2)
    with left:
        kind = form.edit(
            st.selectbox,
            f"{path}.weights.kind",
            say("distil.weights"),
            options=["scratch", "imagenet", "file"],
            format_func=lambda kind: say(f"distil.weights.{kind}"),
            help=say("distil.weights.help"),
        )
        if kind == "file":
            own_files.weights(form, path)
    with right:
        form.edit(
            st.selectbox,
            f"{path}.stem",
            say("distil.stem"),
            options=["auto", "small", "standard"],
            format_func=lambda stem: say(f"distil.stem.{stem}"),
            help=say("distil.stem.help"),
        )


def _views(form: Form) -> None:
    left, right = st.columns(2)
    with left:
        mode = form.edit(
            st.selectbox,
            f"{DISTIL}.teacher_outputs",
            say("distil.teacher_outputs"),
            options=["cached", "live"],
            format_func=lambda name: say(f"distil.teacher_outputs.{name}"),
            help=say("distil.teacher_outputs.help"),
        )
    with right:
        form.edit(
            st.number_input,
            f"{DISTIL}.views",
            say("distil.views"),
            min_value=1,
            max_value=1000,
            step=1,
            disabled=mode == "live",
            help=say("distil.views.help"),
        )
    distil_arms.share_views(form)


def _machine(form: Form) -> None:
    left, middle, right = st.columns(3)
    with left:
        form.edit(
            st.selectbox,
            "compute.device",
            say("distil.device"),
            options=["auto", *available_devices()],
        )
    with middle:
        form.edit(
            st.number_input,
            "compute.threads",
            say("distil.threads"),
            min_value=1,
            max_value=256,
            step=1,
            help=say("distil.threads.help"),
        )
    with right:
        form.edit(
            st.number_input,
            "margin",
            say("distil.margin"),
            min_value=0.0,
            max_value=0.2,
            step=0.005,
            format="%.3f",
            help=say("distil.margin.help"),
        )
