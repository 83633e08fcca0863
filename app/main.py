"""The entry: path, page config, the list of pages, and what stands on every page."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:  # streamlit puts only app/ on the path
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from app import class_enter, theme, visitor  # noqa: E402
from app.class_room import class_open  # noqa: E402
from app.frame import carry_address, sidebar  # noqa: E402
from app.texts import carry_language, say  # noqa: E402

# The browser would fetch a named symbol from its maker's server.
ICON = str(ROOT / "app" / "icon.svg")
st.set_page_config(page_title="KD Lab", page_icon=ICON, layout="wide")
theme.apply()
visitor.remember()
carry_language()
PAGES = {
    "home": ":material/home:",
    "data": ":material/dataset:",
    "distil": ":material/school:",
    "compress": ":material/content_cut:",
    "results": ":material/insights:",
    "tradeoffs": ":material/balance:",
    "devices": ":material/developer_board:",
    "demo": ":material/biotech:",
    "learn": ":material/lightbulb:",
}
if class_open():
    PAGES["class"] = ":material/groups:"
inside = visitor.may("look")
page = st.navigation(
    [
        st.Page(
            ROOT / "pages" / f"{name}.py",
            title=say(f"page.{name}"),
            icon=icon,
            url_path=None if name == "home" else name,
            default=name == "home",
        )
        for name, icon in PAGES.items()
    ],
    position="sidebar" if inside else "hidden",
)
carry_address()
if inside:
    sidebar()
    page.run()
else:
    class_enter.show()
