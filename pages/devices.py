import streamlit as st

from app import devices_choose, devices_here, devices_own, devices_results, devices_take
from app.texts import say, show_error
from kd_core.errors import KDLabError

TABS = ("about", "take", "results", "own", "this")


def show() -> None:
    """Choose a device, then what it is, what to take there, what comes back."""
    chosen = devices_choose.choose()
    about, take, back, own, this = st.tabs([say(f"devices.tab.{name}") for name in TABS])
    with about:
        devices_choose.card(chosen)
        st.subheader(say("devices.measured_on", device=chosen.title))
        devices_results.known(chosen)
    with take:
        devices_take.show(chosen)
    with back:
        devices_results.upload()
        devices_results.errors(chosen)
    with own:
        devices_own.show(chosen)
    with this:
        devices_here.show()


st.title(say("page.devices"))
st.caption(say("devices.caption"))
try:
    show()
except KDLabError as error:
    show_error(error)
