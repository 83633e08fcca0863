from streamlit.testing.v1 import AppTest

from app import patience


def script() -> None:
    import streamlit as st

    from app.patience import one_by_one

    for name in one_by_one(["a", "b", "c"], "results.comparing"):
        st.write(name)
    st.session_state["done"] = True


def test_all_items_come_in_order_and_the_bar_goes(monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(patience, "AT_ONCE_S", -1.0)  # everything takes long
    monkeypatch.setattr(patience, "say", lambda text, **fields: drawn.append(fields) or "bar")
    app = AppTest.from_function(script).run()
    assert not app.exception
    assert [element.value for element in app.markdown] == ["a", "b", "c"]
    assert drawn == [{"done": done, "n": 3} for done in range(3)]
    assert not app.get("progress")


def test_what_is_done_at_once_draws_nothing(monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(patience, "AT_ONCE_S", 60.0)
    monkeypatch.setattr(patience, "say", lambda text, **fields: drawn.append(fields))
    assert AppTest.from_function(script).run().session_state["done"]
    assert drawn == []
