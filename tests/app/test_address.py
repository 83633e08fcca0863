import pytest
from streamlit.testing.v1 import AppTest

from app import address


def page() -> None:
    import streamlit as st

    from app import address

    titles = {"raspberry_pi_4": "Raspberry Pi 4", "intel_n100": "Intel N100", "rk3588": "RK3588"}
    shown = st.toggle("shown", True, key="shown")
    with_widget = st if shown else None
    one = address.choice(with_widget, "One", list(titles), "one", format_func=titles.get)
    many = address.several(with_widget, "Many", list(titles), "many", format_func=titles.get)
    on = address.switch(with_widget, "On", "on", usual=True)
    limit = address.choice(
        with_widget, "Limit", [1.0, 2.5, 4.0], "limit", usual=4.0, kind="select_slider",
        plain=lambda v: f"{v:g}",
    )  # fmt: skip
    harm = address.amount(st, "Harm", 0.0, 100.0, "harm", usual=10.0)
    st.write([one, many, on, limit, harm])


def run(**asked) -> AppTest:
    at = AppTest.from_function(page)
    for name, value in asked.items():
        at.query_params[name] = value
    return at.run()


def written(at: AppTest) -> dict[str, list[str]]:
    """The address; a name that stands there once comes without its list."""
    return {k: [v] if isinstance(v, str) else list(v) for k, v in dict(at.query_params).items()}


def said(at: AppTest) -> str:
    return at.markdown[0].value if at.markdown else at.json[0].value


def test_the_usual_is_not_written_and_what_is_chosen_stands_there_by_plain_names() -> None:
    at = run()
    assert not written(at)
    at.selectbox(key="one").set_value("intel_n100")
    at.multiselect(key="many").set_value(["raspberry_pi_4", "rk3588"])
    at.toggle(key="on").set_value(False)
    at.select_slider(key="limit").set_value(2.5)
    at.number_input(key="harm").set_value(3.5).run()
    assert not at.exception
    assert written(at) == {
        "one": ["intel_n100"], "many": ["raspberry_pi_4", "rk3588"], "on": ["0"],
        "limit": ["2.5"], "harm": ["3.5"],
    }  # fmt: skip
    at.selectbox(key="one").set_value("raspberry_pi_4").run()
    assert "one" not in written(at)


def test_an_address_chooses_and_what_it_cannot_mean_is_ignored() -> None:
    at = run(one="rk3588", many=["intel_n100"], on="0", limit="2.5", harm="7")
    assert at.selectbox(key="one").value == "rk3588"
    assert at.multiselect(key="many").value == ["intel_n100"]
    assert (at.toggle(key="on").value, at.select_slider(key="limit").value) == (False, 2.5)
    assert at.number_input(key="harm").value == 7.0
    at = run(one="nonsense", many=["nonsense"], on="maybe", limit="3", harm="1e9")
    assert not at.exception
    assert at.selectbox(key="one").value == "raspberry_pi_4"
    assert (at.select_slider(key="limit").value, at.number_input(key="harm").value) == (4.0, 10.0)


def test_a_choice_holds_while_its_widget_is_not_drawn() -> None:
    at = run(one="rk3588", limit="2.5")
    before = said(at)
    at.toggle(key="shown").set_value(False).run()
    assert said(at) == before
    assert written(at)["one"] == ["rk3588"]
    at.toggle(key="shown").set_value(True).run()
    assert said(at) == before


@pytest.mark.parametrize("text", ["", "many", "1,5"])
def test_what_is_no_number_is_none(text) -> None:
    assert address.number(text) is None
