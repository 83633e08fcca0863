import pytest

from kd_core.lessons import made_wrong, wrong_copies
from kd_core.lessons.made_wrong import CASES
from tests.helpers_lessons import sample_material


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrong_copies, "TRAIN", 90)
        patch.setattr(wrong_copies, "VAL", 80)
        patch.setattr(made_wrong, "AMOUNTS", (0.0, 1.0))
        patch.setattr(made_wrong, "RECIPE", made_wrong.RECIPE.change(steps=2))
        made_wrong.make(sample_material(), folder, lambda done, total: said.append(done))
    return made_wrong.read(folder), said, folder


def test_every_case_has_answers_and_findings_at_every_amount(made):
    found, said, _ = made
    assert said == list(range(1, 2 * len(CASES) + 1))
    assert {case: len(groups) for case, groups in found.findings.items()} == dict.fromkeys(CASES, 2)
    for name in ("shortcut_same", "shortcut_clean", "leak", "leak_copied", "inherit"):
        assert found.arrays[name].shape == (2, 80), name
    assert found.arrays["teacher"].shape == (80,)


def test_the_doctor_finds_what_was_built_in_and_nothing_before(made):
    found, *_ = made
    leaked = [groups[0] for groups in found.findings["leak"]]
    assert [finding.code for finding in leaked] == ["duplicates_ok", "duplicates"]
    assert leaked[1].evidence["n"] == found.arrays["leak_copied"][1].sum() == 80
    assert "examples" not in leaked[1].evidence
    marked = [groups[0].evidence["auc"] for groups in found.findings["shortcut"]]
    assert marked[1] > 0.95 > marked[0]


def test_without_marks_both_sorts_of_images_are_the_same(made):
    found, *_ = made
    assert (found.arrays["shortcut_same"][0] == found.arrays["shortcut_clean"][0]).all()


def test_the_mistake_is_what_the_baseline_mixes_up_most(made):
    found, *_ = made
    material = sample_material()
    answers = material.voice("baseline").logits.argmax(1)
    of = material.targets == found.mistake.of
    share = (answers[of] == found.mistake.named).mean()
    for k in range(5):
        for other in set(range(5)) - {k}:
            assert (answers[material.targets == k] == other).mean() <= share


def test_images_are_kept_small_and_as_they_are_shown(made):
    found, _, folder = made
    for name, images in found.arrays.items():
        if name.startswith("image_"):
            assert images.shape[1:] == (32, 32, 3), name
    assert sum(file.stat().st_size for file in folder.iterdir()) < 300_000


def test_the_same_again_gives_the_same_bytes(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_wrong, "CASES", ("leak",))
        patch.setattr(wrong_copies, "TRAIN", 90)
        patch.setattr(wrong_copies, "VAL", 80)
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            made_wrong.make(sample_material(), tmp_path / name, lambda done, total: None)
    first, second = (tmp_path / name for name in ("a", "b"))
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()
