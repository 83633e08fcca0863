"""What each model counted, what the truth is where it is known, and the errors, worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from app.demo_result import Seen
from app.texts import number, say
from kd_core.slides.answers import Answers
from kd_core.slides.counts import Counts, Role, Share, count, counts_of
from kd_core.slides.truth import HARMS, Mistake, mistakes

MOSTLY = 0.5
"""Share of a model's alarms that are false from which on the page warns."""

Roles = Mapping[str, Role] | None


def headline(seen: Seen, roles: Roles) -> None:
    """One figure a model, how often they differ, and what each got wrong where that is known.

    Args:
        seen: The answers.
        roles: What each class means; ``None`` where no share of cells makes sense.
    """
    found = {key: _count(answers, roles) for key, answers in seen.answers.items()}
    true = _true(seen, roles)
    wrong = _wrong(seen, roles)
    columns = st.columns(len(found) + 1 + (true is not None))
    with columns[0]:
        what = "demo.n_cells" if seen.of_cells else "demo.n_tiles"
        st.metric(say(what), number(len(seen), "int"))
        if len(found) > 1:
            st.caption(say("demo.n_differ", n=int(seen.differs.sum())))
    for column, (key, counted) in zip(columns[1:], found.items(), strict=False):
        with column:
            _figure(key, counted, wrong=wrong.get(key))
    if true is not None:
        with columns[-1]:
            _figure(say("demo.truth"), true, exact=True)
    for key, mine in wrong.items():
        _warn(key, found[key], mine)


def _count(answers: Answers, roles: Roles) -> Counts:
    counted = count(answers, roles)
    return counted if roles is not None else replace(counted, parasitaemia=None)


def _figure(
    name: str, counted: Counts, exact: bool = False, wrong: Sequence[Mistake] | None = None
) -> None:
    """Parasitaemia where it means something, else the commonest class; then the errors."""
    share = counted.parasitaemia
    lines = []
    if share is None:
        most = max(counted.by_class, key=lambda label: counted.by_class[label])
        st.metric(name, f"{most}: {number(counted.by_class[most], 'int')}")
    else:
        st.metric(name, number(share.value, "percent"), help=say("demo.parasitaemia.help"))
        text = "demo.parasitaemia.exact" if exact else "demo.parasitaemia"
        lines.append(say(text, **_fields(share)))
    if wrong is not None:
        lines.append(say("demo.errors.line", n=len(wrong), **_by_harm(wrong)))
    if lines:
        st.caption("  \n".join(lines))


def _by_harm(wrong: Sequence[Mistake]) -> dict[str, int]:
    missed = sum(one.harm in ("parasite_missed", "cell_missed") for one in wrong)
    alarms = sum(one.harm == "false_alarm" for one in wrong)
    return {"missed": missed, "alarms": alarms, "other": len(wrong) - missed - alarms}


def _warn(key: str, counted: Counts, wrong: Sequence[Mistake]) -> None:
    """A model most of whose alarms are false, which its figure alone would not tell."""
    alarms = _by_harm(wrong)["alarms"]
    called = counted.parasitaemia.part if counted.parasitaemia else 0
    if called and alarms / called > MOSTLY:
        st.warning(
            say("demo.false_alarms", name=key, n=alarms, called=called),
            icon=":material/notification_important:",
        )


def _wrong(seen: Seen, roles: Roles) -> dict[str, list[Mistake]]:
    """Errors of each model, where the truth is known."""
    if seen.matched is None or roles is None:
        return {}
    return {
        name: mistakes(answers, seen.places, seen.known, seen.matched, roles)  # type: ignore[arg-type]
        for name, answers in seen.answers.items()
    }


def _fields(share: Share) -> dict[str, float]:
    return {"low": share.low, "high": share.high, "part": share.part, "whole": share.whole}


def _true(seen: Seen, roles: Roles) -> Counts | None:
    if seen.matched is None:
        return None
    labels = dict.fromkeys(cell.label for cell in seen.known)
    by_class = {label: sum(cell.label == label for cell in seen.known) for label in labels}
    return counts_of(by_class, len(seen.known), roles)


def counts(seen: Seen) -> None:
    """Pieces of each class by each model, beside the truth where it is known."""
    found: dict[str, Mapping[str, int]] = {
        key: count(answers).by_class for key, answers in seen.answers.items()
    }
    true = _true(seen, None)
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


def errors(seen: Seen, roles: Roles, key: str) -> int | None:
    """Errors of each model by harm, then the list of one model; the piece that was chosen."""
    found = _wrong(seen, roles)
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
