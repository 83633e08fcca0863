from kd_core.compress import COMPRESSORS
from kd_core.compress.prune_channels import ChannelGroup, Cut
from kd_core.compress.prune_facts import pruning_facts, pruning_notes
from kd_core.compress.rebuild import cut
from tests.helpers_compress import small_resnet


def test_layers_and_shares_are_counted():
    before, after = small_resnet(), small_resnet()
    cut(
        after.network,
        {
            ("layer1.0.conv1", "out"): {0, 1},
            ("layer1.0.bn1", "out"): {0, 1},
            ("layer1.0.conv2", "in"): {0, 1},
        },
    )
    group = ChannelGroup("layer1.0.conv1", 8, 1, (Cut("layer1.0.conv1", "out", (0,), (0,)),))
    facts = pruning_facts(before, after, [group], COMPRESSORS["prune_l2"].defaults())
    assert facts["layers"] == [{"layer": "layer1.0.conv1", "channels": 8, "left": 6}]
    assert facts["removed"]["channels"] == 0.25
    gone = 2 * 8 * 9 + 2 * 2 + 8 * 2 * 9
    assert facts["params"][0] - facts["params"][1] == gone
    assert [note.id for note in pruning_notes(facts | {"recalibrated": False})] == ["prune.missed"]
    reached = facts | {"wanted": facts["removed"]["macs"], "recalibrated": True}
    assert [note.id for note in pruning_notes(reached)] == ["prune.recalibrated"]
