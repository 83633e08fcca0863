import dataclasses
from pathlib import Path

import pytest

from kd_core.latency.devices import DEVICES
from kd_core.latency.provenance import KINDS, _listed, origins, value_of
from kd_core.text import load_catalogue

SECOND_HAND = (
    "grokipedia", "leiphone", "cuttingedge", "hmc-tech", "askgeek", "notebookcheck", "nanoreview",
    "wikipedia", "ora.it", "glennklockwood", "techpowerup",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_every_figure_of_a_device_has_an_origin_of_its_own(name) -> None:
    found = origins(name, DEVICES[name])
    listed = {figure for device, figure in _listed() if device == name}
    assert set(found) == listed  # none missing, none of a figure that the device does not have
    for figure, origin in found.items():
        assert origin.kind in KINDS[:3], figure
        assert origin.source or origin.kind == "assumption", figure
        assert origin.reason or origin.kind != "assumption", figure


def test_no_second_hand_site_counts_as_a_source() -> None:
    sources = [origin.source for origin in _listed().values()]
    sources += [d.source for _, d in DEVICES.items()]
    sources += [d.power.source for _, d in DEVICES.items() if d.power]
    assert not [s for s in sources if any(site in s.lower() for site in SECOND_HAND)]


def test_every_reason_has_a_text() -> None:
    catalogue = load_catalogue(Path(__file__).parents[3] / "app" / "locale")
    reasons = {origin.reason for origin in _listed().values()} - {""}
    assert not [reason for reason in reasons if f"provenance.{reason}" not in catalogue]


def test_a_device_of_ones_own_names_its_own_source() -> None:
    mine = dataclasses.replace(DEVICES["raspberry_pi_4"], source="my board")
    found = origins("mine", mine)
    assert {(o.kind, o.source) for o in found.values()} == {("own", "my board")}
    assert value_of(mine, "power") == [mine.power.typical_w, mine.power.load_w]
