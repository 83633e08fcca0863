import pytest

from kd_core.data.augment import AUGMENTATIONS
from kd_core.data.sources import POLICIES, SOURCES, LabelCounts
from kd_core.data.sources.spec import COMMON_PARAMS


@pytest.mark.parametrize("name", SOURCES.names())
def test_every_source_has_the_common_options(name):
    options = SOURCES[name].check({})
    assert {param.name for param in COMMON_PARAMS} <= options.keys()
    assert options["augment"] == "auto"


def test_priorities_are_all_different():
    priorities = [spec.priority for _, spec in SOURCES.items()]
    assert len(set(priorities)) == len(SOURCES)


def test_every_augmentation_can_be_chosen():
    choices = next(param for param in COMMON_PARAMS if param.name == "augment").choices
    assert choices == ("auto", *AUGMENTATIONS)


@pytest.mark.parametrize("policy", POLICIES)
def test_policies_only_move_uncertain_cells(policy):
    counts = LabelCounts("Edema", positive=3, negative=5, uncertain=2, blank=7)
    assert sum(counts.under(policy).values()) == 3 + 5 + 2
