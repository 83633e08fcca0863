"""What each model counted, what the truth is where it is known, and the errors, worst first."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from app.demo_result import Seen
from app.texts import number, say
from kd_core.slides.counts import Counts, Share, count, counts_of
from kd_core.slides.truth import HARMS, Mistake, mistakes


def headline(seen: Seen) -> None:
    """One figure a model, and how often they differ."""
    found = {key: count(answers) for key, answers in seen.answers.items()}
    true = _true(seen)
    columns = st.columns(len(found) + 1 + (true is not None))
    with columns[0]:
        what = "demo.n_cells" if seen.of_cells else "demo.n_tiles"
        st.metric(say(what), number(len(seen), "int"))
        if len(found) > 1:
            st.caption(say("demo.n_differ", n=int(seen.differs.sum())))
    for column, (key, counted) in zip(columns[1:], found.items(), strict=False):
        with column:
            _figure(key, counted)
    if true is not None:
        with columns[-1]:
            _figure(say("demo.truth"), true, exact=True)


def _figure(name: str, counted: Counts, exact: bool = False) -> None:
    """Parasitaemia where it means something, else the commonest class."""
    share = counted.parasitaemia
    if share is None:
        most = max(counted.by_class, key=lambda label: counted.by_class[label])
        st.metric(name, f"{most}: {number(counted.by_class[most], 'int')}")
        return
    st.metric(name, number(share.value, "percent"), help=say("demo.parasitaemia.help"))
    st.caption(say("demo.parasitaemia.exact" if exact else "demo.parasitaemia", **_fields(share)))


def _fields(share: Share) -> dict[str, float]:
    return {"low": share.low, "high": share.high, "part": share.part, "whole": share.whole}


def _true(seen: Seen) -> Counts | None:
    if seen.matched is None:
        return None
    labels = dict.fromkeys(cell.label for cell in seen.known)
    return counts_of(
        {label: sum(cell.label == label for cell in seen.known) for label in labels},
        len(seen.known),
    )


def counts(seen: Seen) -> None:
    """Pieces of each class by each model, beside the truth where it is known."""
    found: dict[str, Mapping[str, int]] = {
        key: count(answers).by_class for key, answers in seen.answers.items()
    }
    true = _true(seen)
    if true is not None:
        found[say("demo.truth")] = true.by_class
    labels = dict.fromkeys(label for by_class in found.values() for label in by_class)
    frame = pd.DataFrame(
        {name: [by_class.get(label) for label in labels] for name, by_class in found.items()},
        index=pd.Index(list(labels), name=say("demo.column.class")),
        dtype="Int64",
    )
    st.dataframe(frame, width="stretch")
    if seen.matched is not None:
        recall, precision = seen.matched.recall, seen.matched.precision
        st.caption(say("demo.field.found", n=len(seen.known), recall=recall, precision=precision))
    times = [
        say("demo.field.took", name=key, seconds=took / 1e3)
        for key, took in (seen.network_ms or {}).items()
    ]
    st.caption(say("demo.field.times", find=seen.find_ms / 1e3, times=times))


def errors(seen: Seen, key: str) -> int | None:
    """Errors of each model by harm, then the list of one model; the piece that was chosen."""
    assert seen.matched is not None
    found = {
        name: mistakes(answers, seen.places, seen.known, seen.matched)  # type: ignore[arg-type]
        for name, answers in seen.answers.items()
    }
    table = {
        name: [sum(one.harm == harm for one in wrong) for harm in HARMS]
        for name, wrong in found.items()
    }
    index = pd.Index([say(f"demo.harm.{harm}") for harm in HARMS], name=say("demo.column.harm"))
    st.dataframe(pd.DataFrame(table, index=index), width="stretch")
    name: str = st.segmented_control(
        say("demo.errors.of"),
        list(found),
        default=next(iter(found)),
        required=True,
        key=f"{key}-of",
    )
    st.caption(say("demo.errors.order"))
    return _list(found[name], f"{key}-{name}")


def _list(wrong: list[Mistake], key: str) -> int | None:
    if not wrong:
        st.success(say("demo.errors.none"), icon=":material/check:")
        return None
    frame = pd.DataFrame(
        {
            "harm": [say(f"demo.harm.{one.harm}") for one in wrong],
            "truth": [one.truth or "–" for one in wrong],
            "said": [one.said or "–" for one in wrong],
            "sure": [one.sure if one.cell >= 0 else None for one in wrong],
            "number": [one.cell + 1 if one.cell >= 0 else None for one in wrong],
        }
    )
    shown = st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            **{c: st.column_config.Column(say(f"demo.column.{c}")) for c in frame.columns},
            "sure": st.column_config.NumberColumn(say("demo.column.sure"), format="percent"),
        },
    )
    rows = shown["selection"]["rows"]
    chosen = wrong[rows[0]].cell if rows and rows[0] < len(wrong) else -1
    return chosen if chosen >= 0 else None
