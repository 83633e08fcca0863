import copy

import pytest

from kd_core.compress.prune_channels import remove
from kd_core.compress.prune_groups import find_groups
from kd_core.compress.prune_sizes import sizes_of
from kd_core.config import ModelSettings
from kd_core.models import build_model
from kd_core.models.profile import profile


@pytest.mark.parametrize("name", ["regnet_y_400mf", "shufflenet_v2_x0_5", "timm:convnext_atto"])
def test_what_is_foreseen_is_what_the_cut_network_weighs(name):
    model = build_model(ModelSettings(name=name), 3, 3, 32, seed=0)
    chosen = {group: set(range(group.units // 3)) for group in find_groups(model)}
    cut = copy.deepcopy(model)
    remove(cut.network, chosen)
    sizes, after = sizes_of(model), profile(cut, 3, 32)
    assert sizes.without(chosen, "macs") == after.macs < sizes.macs
    assert sizes.without(chosen, "params") == after.params < sizes.params
    assert sizes.without({}, "params") == sizes.params == profile(model, 3, 32).params
