import json
from types import SimpleNamespace

import pytest
from PIL import Image

from app import distil_cost, distil_map
from app.services import services
from kd_core.config import DistilSettings, StudySettings
from kd_core.study.grids import grid, read_map
from kd_core.study.published import PUBLISHED
from kd_core.study.training_costs import CostRatio
from kd_core.train.balance import BALANCE, balance_of
from kd_core.train.modes import MODES, check_mode
from tests.pages.conftest import texts


def start(at):
    return next(button for button in at.button if button.label == "Start")


def configuration(at) -> dict:
    return json.loads(next(code.value for code in at.code if code.language == "json"))


def test_what_is_shown_is_what_runs(open_page) -> None:
    at = open_page("distil")
    assert not at.exception
    at.slider(key="distil:arms.0.distil.alpha").set_value(0.7).run()
    shown = StudySettings.from_json(configuration(at))
    assert shown.arms[0].distil.alpha == 0.7
    assert shown.data.data_hash == services().library.get("sample").hash
    assert "0.70" in at.latex[0].value
    assert "0.30" in at.latex[0].value


def test_a_study_is_queued_and_followed(open_page, monkeypatch) -> None:
    at = open_page("distil")
    monkeypatch.setattr(type(services().jobs.runner), "wake", lambda self: None)
    start(at).click().run()
    assert not at.exception
    studies = {study.name: study for study in services().store.studies()}
    assert "Blood smears" in studies
    assert studies["Blood smears"].id in at.query_params["study"]
    assert "runs finished" in texts(at) or at.get("progress")


def test_a_pasted_configuration_fills_the_form(open_page) -> None:
    at = open_page("distil")
    document = configuration(at)
    document["train"]["epochs"] = 3
    document["arms"][0]["distil"]["alpha"] = 0.9
    at.text_area(key="distil-paste").set_value(json.dumps(document)).run()
    next(button for button in at.button if button.label == "Use it").click().run()
    assert not at.exception
    assert configuration(at)["train"]["epochs"] == 3
    assert at.slider(key="distil:arms.0.distil.alpha").value == 0.9


@pytest.mark.parametrize("text", ["{", '{"data": {"dataset": "sample"}, "seeds": []}', "[1]"])
def test_a_wrong_configuration_is_one_sentence_and_changes_nothing(open_page, text) -> None:
    at = open_page("distil")
    before = configuration(at)
    at.text_area(key="distil-paste").set_value(text).run()
    next(button for button in at.button if button.label == "Use it").click().run()
    assert not at.exception
    assert len(at.error) == 1
    assert configuration(at) == before


def test_an_unknown_study_in_the_address_is_said(open_page) -> None:
    at = open_page("distil", study="nonsense")
    assert not at.exception
    assert at.error


def key(at, name: str):
    return at.button(key=name)


def test_several_losses_each_with_its_weight_stand_in_the_formula(open_page) -> None:
    at = open_page("distil")
    key(at, "loss-add").click().run()
    assert not at.exception
    shown = StudySettings.from_json(configuration(at)).arms[0].distil
    assert len(shown.losses) == 2
    second = shown.losses[1]
    weight = at.number_input(key="distil:arms.0.distil.losses.1.weight")
    weight.set_value(12.0).run()
    assert "12.00" in at.latex[0].value
    at.selectbox(key="distil:arms.0.distil.losses.1.name").set_value("dist").run()
    shown = StudySettings.from_json(configuration(at)).arms[0].distil
    assert shown.losses[1].name == "dist" != second.name
    assert shown.losses[1].weight is None  # another loss comes with its own usual weight
    key(at, "loss-remove-arms.0.distil-0").click().run()
    assert not at.exception
    assert [t["name"] for t in configuration(at)["arms"][0]["distil"]["losses"]] == ["dist"]


def test_several_students_are_edited_one_at_a_time(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("arms").run()
    at.slider(key="distil:arms.0.distil.alpha").set_value(0.6).run()
    key(at, "arm-copy").click().run()
    assert not at.exception
    at.text_input(key="distil:arms.1.name").set_value("labels").run()
    at.slider(key="distil:arms.1.distil.alpha").set_value(0.9).run()
    arms = configuration(at)["arms"]
    assert [(arm["name"], arm["distil"]["alpha"]) for arm in arms] == [
        ("distilled", 0.6),
        ("labels", 0.9),
    ]
    at.selectbox(key="distil-arm").set_value(0).run()
    assert at.slider(key="distil:arms.0.distil.alpha").value == 0.6
    assert [arm["distil"]["alpha"] for arm in configuration(at)["arms"]] == [0.6, 0.9]
    key(at, "arm-remove").click().run()
    assert [arm["name"] for arm in configuration(at)["arms"]] == ["labels"]


def test_warm_up_and_a_moving_number_are_set_on_request(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("time").run()
    at.slider(key="distil:arms.0.distil.warmup").set_value(0.1).run()
    key(at, "ramp-add").click().run()
    assert not at.exception
    at.number_input(key="distil:arms.0.distil.ramps.0.end").set_value(0.9).run()
    distil = configuration(at)["arms"][0]["distil"]
    assert distil["warmup"] == 0.1
    assert distil["ramps"] == [{"of": "alpha", "end": 0.9, "shape": "linear"}]
    at.pills(key="distil-more").set_value(None).run()
    assert configuration(at)["arms"][0]["distil"]["warmup"] == 0.1  # what is not shown stays


@pytest.mark.parametrize("mode", sorted(MODES))
def test_every_mode_can_be_chosen(open_page, mode) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("mode").run()
    at.selectbox(key="distil:arms.0.distil.mode").set_value(mode).run()
    assert not at.exception
    distil = DistilSettings.from_json(configuration(at)["arms"][0]["distil"])
    assert distil.mode == mode
    check_mode(distil, "classification")


def test_a_list_of_methods_is_one_study(open_page, monkeypatch) -> None:
    at = open_page("distil")
    monkeypatch.setattr(type(services().jobs.runner), "wake", lambda self: None)
    at.pills(key="distil-more").set_value("compare").run()
    chosen = at.multiselect(key="compare-methods-classification")
    assert "loss.kd" in chosen.value
    chosen.set_value(["loss.kd", "loss.dkd"]).run()
    key(at, "compare-start").click().run()
    assert not at.exception
    (study,) = [s for s in services().store.studies() if s.name == "Blood smears: methods"]
    assert [arm.name for arm in study.settings.arms] == ["kd", "dkd"]
    assert study.settings.seeds == (0, 1, 2)


def test_a_map_is_asked_for_with_as_many_trials_of_the_student_alone(open_page, monkeypatch):
    at = open_page("distil")
    monkeypatch.setattr(type(services().jobs.runner), "wake", lambda self: None)
    at.pills(key="distil-more").set_value("map").run()
    at.text_input(key="map-x-values-alpha").set_value("0.3, 0.6").run()
    at.text_input(key="map-y-values-kd.T").set_value("2; 4").run()
    key(at, "map-start").click().run()
    assert not at.exception
    names = {study.name: study for study in services().store.studies()}
    (study,) = [s for name, s in names.items() if "map of" in name]
    modes = [arm.distil.mode for arm in study.settings.arms]
    assert modes.count("offline") == modes.count("alone") == 4


def a_result(value: float) -> SimpleNamespace:
    scores = {"accuracy": SimpleNamespace(value=value)}
    return SimpleNamespace(run=SimpleNamespace(seed=0), scores=scores)


def test_a_finished_map_answers_the_sliders_as_they_move(open_page, monkeypatch):
    at = open_page("distil")
    study = StudySettings.from_json(configuration(at))
    made = grid(study, ("alpha", (0.1, 0.5)), ("kd.T", (2.0, 4.0)), (0, 1), "A map")
    value = {(0.1, 2.0): 0.61, (0.5, 2.0): 0.62, (0.1, 4.0): 0.63, (0.5, 4.0): 0.64}
    arms = {f"alpha={a:g} kd.T={t:g}": [a_result(v)] for (a, t), v in value.items()}
    read = read_map(made, arms, "accuracy")
    monkeypatch.setattr(distil_map, "_maps", lambda version, data: [("s1", "A map", made)])
    monkeypatch.setattr(distil_map, "_map", lambda version, study: read)
    for alpha, expected in ((0.45, "0.640"), (0.1, "0.630"), (1.0, None)):
        at.slider(key="distil:arms.0.distil.alpha").set_value(alpha).run()
        said = [c.value for c in at.caption if "A map" in c.value]
        assert [expected in line for line in said] == ([True] if expected else [])


def test_a_librarys_numbers_are_taken_in_our_terms(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("convention").run()
    at.selectbox(key="convention:name").set_value("torchdistill").run()
    key(at, "convention-use").click().run()
    assert not at.exception
    distil = configuration(at)["arms"][0]["distil"]
    assert (distil["alpha"], distil["losses"][0]["name"]) == (0.5, "kd")


def test_weights_of_a_suite_are_asked_for_only_where_they_count(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("convention").run()
    at.selectbox(key="convention:name").set_value("repdistiller").run()
    own = "convention-repdistiller:params"
    assert f"{own}.b" not in [box.key for box in at.number_input]
    at.selectbox(key=f"{own}.method").set_value("hint").run()
    at.selectbox(key=f"{own}.weights").set_value("own").run()
    at.number_input(key=f"{own}.b").set_value(7.0).run()
    key(at, "convention-use").click().run()
    assert configuration(at)["arms"][0]["distil"]["losses"][0]["weight"] == 7.0


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_published_study_is_shown_as_reported(open_page, name) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("published").run()
    at.selectbox(key="published").set_value(name).run()
    assert not at.exception
    assert "Reported, not reproduced here" in texts(at)
    if PUBLISHED[name].study is not None and "classification" in PUBLISHED[name].tasks:
        key(at, "published-use").click().run()
        assert not at.exception
        assert configuration(at)["teacher"]["model"]["name"] in ("resnet18", "vgg16_bn")


def test_what_to_expect_has_reported_gains_and_our_own_apart(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("advice").run()
    assert not at.exception
    table = at.dataframe[0].value
    assert table["Reported gain"].str.contains("to").any()
    assert table["Gain on your data"].iloc[0] != "–"  # the embedded study is finished


def test_the_student_alone_can_have_as_much_computing(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("arms").run()
    key(at, "arm-longer").click().run()
    assert not at.exception
    before, arm = configuration(at)["train"], configuration(at)["arms"][1]
    assert arm["distil"]["mode"] == "alone"
    assert arm["train"]["epochs"] == 2 * before["epochs"]


def test_a_finished_study_says_what_it_cost_and_offers_as_much_to_the_student_alone(
    open_page, monkeypatch
) -> None:
    dearer = CostRatio(time=2.13, energy=None, steps=1.0, teacher_images=640)
    monkeypatch.setattr(distil_cost, "cost_ratio", lambda mine, alone: dearer)
    open_page("home")
    study = services().store.studies()[0]
    at = open_page("distil", study=study.id)
    assert "2.1× the baseline's training time" in texts(at)
    assert "teachers looked at 640 images" in texts(at)
    key(at, "cost-longer").click().run()
    assert not at.exception
    alone = configuration(at)["arms"][-1]
    assert alone["distil"]["mode"] == "alone"
    assert alone["train"]["epochs"] == round(2.1 * configuration(at)["train"]["epochs"])


def test_a_loss_that_looks_inside_shows_its_layers_and_lets_them_be_chosen(open_page) -> None:
    at = open_page("distil")
    loss = "distil:arms.0.distil.losses.0"
    at.selectbox(key=f"{loss}.name").set_value("hint").run()
    assert not at.exception
    assert at.number_input(key=f"{loss}.weight").value > 0
    at.toggle(key=f"{loss}.layers").set_value(True).run()
    assert not at.exception
    (pair,) = configuration(at)["arms"][0]["distil"]["losses"][0]["layers"]
    box = at.selectbox(key=f"{loss}.layers.0.1")
    assert box.value == pair[1]
    box.select_index(0).run()
    (other,) = configuration(at)["arms"][0]["distil"]["losses"][0]["layers"]
    assert other[0] == pair[0]
    assert other[1] != pair[1]


def test_a_run_shows_the_balance_of_its_loss_and_what_it_made(open_page) -> None:
    store = services().store
    study = store.studies()[0]
    run = [run for run in store.runs(study=study.id) if run.started is not None][-1]
    folder = store.folder(run.id)
    assert folder.is_relative_to(store.home.root)
    means = {
        "task": {"size": 1.0, "gradient": 2.0, "cosine": 1.0},
        "kd": {"size": 3.0, "gradient": 80.0, "cosine": 0.0},
    }
    found = balance_of(means, {"task": 0.5, "kd": 0.5}, 2)
    (folder / BALANCE).write_text(json.dumps(found.to_json()), encoding="utf-8")
    Image.new("RGB", (8, 8)).save(folder / "synthetic.png")
    (folder / "unlabelled.csv").write_text("image,kept\na,1\nb,0\nc,1\n", encoding="utf-8")
    at = open_page("distil", study=study.id)
    assert not at.exception
    table = at.dataframe[0].value
    assert "40" in table.iloc[1].tolist()  # the pull of soft targets
    assert any("Soft targets" in warning.value for warning in at.warning)
    assert at.image[0].captions == [
        "Images that were made from the teacher alone; no training image was used."
    ]
    assert "2" in next(c.value for c in at.caption if "3" in c.value and "kept" in c.value)


def test_the_comparison_lists_modes_with_further_networks_once_there_are_some(open_page) -> None:
    at = open_page("distil")
    at.pills(key="distil-more").set_value("mode").run()
    at.selectbox(key="distil:arms.0.distil.mode").set_value("assistants").run()
    at.pills(key="distil-more").set_value("compare").run()
    chosen = at.multiselect(key="compare-methods-classification")
    chosen.set_value(["loss.kd", "mode.assistants"]).run()
    assert not at.exception
    at.pills(key="distil-more").set_value("mode").run()
    at.selectbox(key="distil:arms.0.distil.mode").set_value("offline").run()
    at.pills(key="distil-more").set_value("compare").run()
    assert not at.exception
    assert at.multiselect(key="compare-methods-classification").value == ["loss.kd"]
    assert "Teacher assistants" in texts(at)
