"""What is shown of a field or slide: the picture, one piece in detail, the counts, the errors."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from app import demo_cell_table, demo_counts, demo_roles, demo_single
from app.demo_choose import Chosen
from app.demo_counts import Roles
from app.demo_pictures import kept
from app.demo_present import presenting
from app.demo_result import Seen
from app.texts import say
from app.theme import is_dark
from kd_core.figures.cell_overlay import cell_overlay_figure, cell_overlay_info
from kd_core.slides.overlay import overlay as slides_overlay

HEIGHT_PX, PRESENT_PX = 520, 600
KEPT_FIGURES = 6

# The detail stands beside picture and table, and on a phone between them.
_STYLE = """
<style>
@media (min-width: 900px) {
  .st-key-demo-field {display: grid !important; grid-template-columns: 3fr 2fr; gap: 1rem;
    align-items: start;}
  .st-key-demo-field > * {min-width: 0; width: 100%;}
  .st-key-demo-field > :nth-child(2) {grid-column: 2; grid-row: 1 / span 2;}
}
</style>
"""


@st.fragment
def show(chosen: Chosen, picture: str, seen: Seen) -> None:
    """Counts in one line, the picture beside the piece that was clicked, then the tables."""
    name = f"{picture}-{'-'.join(file[:6] for file in chosen.files)}"
    roles = demo_roles.roles(chosen, seen)
    demo_counts.headline(seen, roles)
    st.html(_STYLE)
    with st.container(key="demo-field"):
        picture_place, detail_place, table_place = (st.container() for _ in range(3))
    with picture_place:
        clicked = overlay(chosen, seen, name)
    with table_place:
        row, wrong = tables(seen, roles, name)
    with detail_place:
        detail(chosen, seen, _latest(name, clicked=clicked, row=row, wrong=wrong), name)


def tables(seen: Seen, roles: Roles, name: str) -> tuple[int | None, int | None]:
    """All pieces, counts and errors; the pieces that were chosen in the first and the last."""
    names = ["pieces", "counts", *(["errors"] if seen.matched and roles else [])]
    tabs = dict(zip(names, st.tabs([say(f"demo.tab.{n}") for n in names]), strict=True))
    with tabs["pieces"]:
        row = demo_cell_table.draw(demo_cell_table.table(seen), f"demo-view-table-{name}")
    with tabs["counts"]:
        demo_counts.counts(seen)
    wrong = None
    if "errors" in tabs:
        with tabs["errors"]:
            wrong = demo_counts.errors(seen, roles, f"demo-view-errors-{name}")
    return row, wrong


def overlay(chosen: Chosen, seen: Seen, name: str) -> int | None:
    """The picture with outlines; the number of the piece that was clicked."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first: str = st.segmented_control(
            say("demo.field.colour"),
            list(seen.answers),
            default=next(iter(seen.answers)),
            required=True,
            key=f"demo-view-colour-{name}",
            label_visibility="collapsed" if presenting() else "visible",
        )
        demo_roles.choose(chosen, seen)
    figure = _figure(seen, first, name)
    shown = st.plotly_chart(
        figure,
        width="stretch",
        theme=None,
        key=f"demo-view-overlay-{name}-{first}-{is_dark()}",
        on_select="rerun",
        selection_mode="points",
        config={"scrollZoom": True, "displaylogo": False},
        alt=say("demo.field.alt"),
    )
    st.caption(say("demo.field.legend"))
    points = shown["selection"]["points"]
    return int(points[0]["customdata"]) if points and "customdata" in points[0] else None


def _figure(seen: Seen, first: str, name: str) -> go.Figure:
    """Made once for the same answers, so that a click costs nothing."""
    store = kept("figures", KEPT_FIGURES)
    asked = (name, first, is_dark(), presenting())
    if asked not in store:
        found = slides_overlay(seen.places, seen.answers, (seen.width, seen.height), first)
        info = cell_overlay_info(found)
        height = PRESENT_PX if presenting() else HEIGHT_PX
        figure = cell_overlay_figure(info, seen.picture, say, is_dark(), height)
        store.put(asked, (figure, info.left_out))
    figure, left_out = store[asked]
    if left_out:
        st.caption(say("demo.field.left_out", n=left_out))
    return figure


def _latest(name: str, **choices: int | None) -> int | None:
    """The piece that was chosen last, in whichever place."""
    known = st.session_state.setdefault(f"demo-view-piece-{name}", {"now": None})
    for source, value in choices.items():
        if value != known.get(source):
            known[source] = value
            known["now"] = value if value is not None else known["now"]
    return known["now"]  # type: ignore[no-any-return]


def detail(chosen: Chosen, seen: Seen, number: int | None, name: str) -> None:
    """The piece that was chosen: its crop, all answers, all heat maps."""
    if number is None:
        st.info(say("demo.field.click"), icon=":material/touch_app:")
        return
    st.markdown(f"**{say('demo.field.piece', number=number + 1)}**")
    true = seen.truth(number)
    if seen.matched is not None:
        st.caption(say("demo.field.true", label=true.label if true else "–"))
    demo_single.show_crop(chosen, seen.crops[number], f"{name}-{number}")
