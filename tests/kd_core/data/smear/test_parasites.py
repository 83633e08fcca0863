import numpy as np
import pytest
from scipy.ndimage import label

from kd_core.data.smear.cells import CellPatch, paint_cell
from kd_core.data.smear.parasites import paint_ring, paint_schizont, paint_trophozoite
from kd_core.data.smear.patients import draw_patient
from kd_core.data.smear.shapes import CHROMATIN, CYTOPLASM, HAEMOGLOBIN, PIGMENT, Outline, Plane

STEP = 0.08  # µm
TICKS = np.arange(-5.6, 5.6, STEP) + STEP / 2.0
PATIENT = draw_patient(5, 0)[0]
PAINTERS = {"ring": paint_ring, "trophozoite": paint_trophozoite, "schizont": paint_schizont}


def infected(stage: str, n: int = 40) -> list[CellPatch]:
    patches = []
    for k in range(n):
        rng = np.random.default_rng(k)
        plane = Plane(*np.meshgrid(TICKS, TICKS))
        patch = paint_cell(rng, PATIENT, Outline(3.6), plane)
        patch.stains[CHROMATIN] = 0.0  # without the cell's own stippling
        PAINTERS[stage](rng, patch, 1.0)
        patches.append(patch)
    return patches


@pytest.fixture(scope="module")
def stages() -> dict[str, list[CellPatch]]:
    return {stage: infected(stage) for stage in PAINTERS}


def area(amount: np.ndarray) -> float:
    return float((amount > 0.25).sum()) * STEP**2


@pytest.mark.parametrize("stage", PAINTERS)
def test_a_parasite_lies_in_its_cell(stages, stage):
    for patch in stages[stage]:
        parasite = patch.stains[CYTOPLASM] + patch.stains[CHROMATIN]
        assert parasite.sum() > 0.0
        assert parasite[patch.inside < 0.01].sum() < 0.03 * parasite.sum()


def test_the_parasite_grows_from_stage_to_stage(stages):
    sizes = {
        stage: np.median([area(p.stains[CYTOPLASM] + p.stains[CHROMATIN]) for p in patches])
        for stage, patches in stages.items()
    }
    assert sizes["ring"] < sizes["trophozoite"] < sizes["schizont"]


def test_neighbouring_stages_overlap_in_size(stages):
    sizes = {
        stage: [area(p.stains[CYTOPLASM] + p.stains[CHROMATIN]) for p in patches]
        for stage, patches in stages.items()
    }
    assert max(sizes["ring"]) > min(sizes["trophozoite"])
    assert max(sizes["trophozoite"]) > min(sizes["schizont"])


def test_a_trophozoite_has_one_nucleus_and_most_schizonts_show_several(stages):
    def nuclei(patch: CellPatch) -> int:
        return int(label(patch.stains[CHROMATIN] > 0.3)[1])

    assert {nuclei(patch) for patch in stages["trophozoite"]} == {1}
    # nuclei may touch, which is why some are counted as one
    assert np.mean([nuclei(patch) >= 2 for patch in stages["schizont"]]) > 0.85


def test_a_ring_is_open_in_the_middle(stages):
    for patch in stages["ring"]:
        band = patch.stains[CYTOPLASM]
        assert band.max() > 0.2
    clear = [
        np.percentile(patch.stains[HAEMOGLOBIN][patch.plane.distance < 3.0], 1)
        < 0.85 * np.median(patch.stains[HAEMOGLOBIN][patch.plane.distance < 3.0])
        for patch in stages["ring"]
    ]
    assert np.mean(clear) > 0.9


def test_only_older_parasites_have_pigment(stages):
    amount = {s: [p.stains[PIGMENT].sum() for p in patches] for s, patches in stages.items()}
    assert max(amount["ring"]) == 0.0
    assert min(amount["schizont"]) > 0.0
    assert np.mean(np.array(amount["trophozoite"]) > 0.0) > 0.7
