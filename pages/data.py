import streamlit as st

from app import data_import, data_views
from app.services import brought_by, remove_dataset, services
from app.texts import number, say, show_error
from app.visitor import may_change
from kd_core.errors import KDLabError

EMBEDDED = ("sample", "sample_binary")


def look_at(name: str) -> None:
    """Everything about one stored data set."""
    dataset = services().library.get(name)
    data_views.facts(dataset)
    left, right = st.columns([2, 3], gap="large")
    with left:
        data_views.counts(dataset)
    with right:
        data_views.examples(dataset.examples(8, 64))
    st.markdown(f"**{say('data.doctor')}**")
    kept = st.session_state.get("findings", {})
    if dataset.hash in kept:
        data_views.findings(dataset)
    elif st.button(say("data.doctor.ask"), icon=":material/stethoscope:"):
        data_views.findings(dataset)
        st.rerun()
    if name not in EMBEDDED and may_change(brought_by(name)):
        delete(name)


def delete(name: str) -> None:
    """Remove a data set that no study uses, after asking."""
    used = services().store.runs(dataset=name, limit=1)
    size = number(services().library.disk_bytes(name), "bytes")
    with st.popover(say("data.delete", size=size), icon=":material/delete:"):
        st.write(say("data.delete.used" if used else "data.delete.sure", name=name))
        if st.button(say("data.delete.yes"), disabled=bool(used)):
            remove_dataset(name)
            st.session_state.pop("dataset", None)
            st.rerun()


st.title(say("page.data"))
st.caption(say("data.about"))
added = st.session_state.pop("added", None)
if added:
    st.success(say("data.added", name=added), icon=":material/check:")
    st.page_link("../pages/distil.py", label=say("data.to_distil"), icon=":material/school:")
mine, bring = st.tabs([say("data.tab.mine"), say("data.tab.bring")])
try:
    with mine:
        names = services().library.names()
        if added in names or st.session_state.get("dataset") not in names:
            st.session_state["dataset"] = added if added in names else names[0]
        chosen = st.selectbox(say("data.choose"), names, key="dataset")
        if chosen:
            look_at(chosen)
    with bring:
        data_import.bring()
except KDLabError as error:
    show_error(error)
