import json

from app.services import services
from tests.pages.conftest import texts


def words(at) -> str:
    return texts(at)


def test_no_study_yet(empty, open_page) -> None:
    at = open_page("tradeoffs")
    assert not at.exception
    assert "no finished study yet" in words(at)


def test_what_is_chosen_acts_on_everything_at_once(open_page) -> None:
    at = open_page("tradeoffs")
    assert not at.exception
    said = words(at)
    assert "measured" in said
    assert "Runner-up" in said
    assert "3 of 3 are within the limits" in said
    slider = at.select_slider(key="max-size")
    slider.set_value(slider.options[0] if isinstance(slider.options[0], float) else 1.0)
    at.segmented_control(key="view").set_value("table").run()
    said = words(at)
    assert "2 of 3 are within the limits" in said
    assert "faster" in said
    assert "Against Teacher" in said
    assert said.count("Protocol ") == 1  # the stamp below the figure
    assert "the task's metric on validation" in said
    at.multiselect(key="least").set_value(["sensitivity:ring"]).run()
    at.slider(key="least-sensitivity:ring").set_value(1.0).run()
    assert not at.exception
    assert "None of the 3 candidates" in words(at)


def test_any_metric_and_each_seed_by_itself(open_page) -> None:
    at = open_page("tradeoffs")
    at.session_state["axes"] = True
    at.run()
    for metric in ("ece", "sensitivity:ring"):
        at.selectbox(key="metric").set_value(metric).run()
        assert not at.exception, metric
    at.toggle(key="seeds").set_value(True).run()
    assert not at.exception
    assert "7 of 7 are within the limits" in words(at)
    at.segmented_control(key="view").set_value("path").run()
    assert not at.exception
    assert "Decoding and resizing were measured together" in words(at)


def test_a_device_of_the_address_is_estimated_in_every_view(open_page) -> None:
    at = open_page("tradeoffs", device="raspberry_pi_4")
    assert not at.exception
    said = words(at)
    assert "Raspberry Pi 4" in said
    assert "estimated, tier" in said
    assert at.selectbox(key="device").value == "raspberry_pi_4"
    for view in ("parallel", "estimates", "designer", "export", "path"):
        at.segmented_control(key="view").set_value(view).run()
        assert not at.exception, view
    assert "A bench bundle from the Devices page" in words(at)


def test_models_side_by_side_in_every_part(open_page) -> None:
    at = open_page("tradeoffs", device="raspberry_pi_4", view="compare")
    keys = at.multiselect(key="models").options
    assert len(keys) == 3
    study = services().store.studies()[0].id[-4:]
    at.multiselect(key="models").set_value(
        [f"{study}:teacher:model", f"{study}:distilled:model"]
    ).run()
    assert " ms (" in at.dataframe[0].value.to_string()  # with its unit, and beside the teacher's
    for part in ("settings", "curves", "classes", "flips", "layers", "advice"):
        at.segmented_control(key="side").set_value(part).run()
        assert not at.exception, part
    assert "class" in words(at)  # the student loses a class, and the advice says which


def test_mixed_protocols_are_not_ranked_together(open_page) -> None:
    open_page("home")
    store = services().store
    run = next(r for r in store.runs() if r.role == "student")
    config = json.loads(store.db.rows("SELECT config FROM configs WHERE run = ?", [run.id])[0][0])
    config["train"]["epochs"] = 99
    with store.db.write() as db:
        db.execute("UPDATE configs SET config = ? WHERE run = ?", [json.dumps(config), run.id])
    at = open_page("tradeoffs")
    assert not at.exception
    said = words(at)
    assert "not ranked together" in said
    assert "training budget" in said
    assert len(at.selectbox(key="group").options) == 2
    at.selectbox(key="group").set_value(1).run()
    assert not at.exception


def test_the_report_needs_no_network_and_holds_no_image(open_page) -> None:
    from app import readings
    from app.report import make_report
    from kd_core.study.report_html import outside_references

    open_page("home")
    study, found = readings.read_study(services().store.studies()[0].id)
    made = make_report(readings.Reading(study, found, "val", "balanced_accuracy"), ["**A** line."])
    assert outside_references(made) == []
    assert "Content-Security-Policy" in made
    assert "<img" not in made
    for part in ("Model card", "Limits", "synthetic", found[0].model.sha256, "<b>A</b> line."):
        assert part in made
