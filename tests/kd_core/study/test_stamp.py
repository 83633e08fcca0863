import dataclasses

from kd_core.config import OperatingSettings
from kd_core.study.stamp import stamp_of
from tests.helpers_sample import sample_store, sample_study, say


def stamp(part: str = "val", trials: dict[str, int] | None = None, **changes: object):
    row = sample_store().study(sample_study())
    settings = row.settings.change(**changes)
    return stamp_of(row._replace(settings_json=settings.to_json()), part, trials or {})


def test_every_item_is_said_in_words() -> None:
    said = say(stamp(trials={"baseline": 1, "distilled": 1}).msg)
    row = sample_store().study(sample_study())
    for word in (row.data_hash[:10], "40 px", "own split", "epochs", "cached", "views",
                 "tuned equally (1 setting each)", "3 seeds", "sealed", "thread"):  # fmt: skip
        assert word in said, word
    assert "{" not in said


def test_unequal_tuning_is_said_with_the_counts() -> None:
    said = say(stamp(trials={"baseline": 1, "kd": 9}).msg)
    assert "unequal tuning: baseline 1 and kd 9" in said


def test_of_very_many_arms_the_ends_are_said() -> None:
    said = say(stamp(trials={f"arm-{n}": n % 5 + 1 for n in range(3000)}).msg)
    assert "unequal tuning: 1 to 5 settings tried for each of 3,000 arms" in said
    assert len(said) < 500


def test_the_code_follows_the_protocol_and_not_the_part_or_the_seal() -> None:
    same = {stamp("val").code, stamp("test").code, stamp(trials={"kd": 4}).code}
    settings = sample_store().study(sample_study()).settings
    other = {
        stamp(train=settings.train.change(lr=0.123)).code,
        stamp(data=settings.data.change(augment="none")).code,
        stamp(seeds=(0,)).code,
        stamp(folds=5).code,
        stamp(operating=OperatingSettings(rule="youden")).code,
    }
    assert len(same) == 1
    assert len(other | same) == 6


def test_an_open_test_part_stands_in_the_stamp() -> None:
    opened = dataclasses.replace(stamp("external-site2"), opened_at=1.0, opened_runs=7)
    assert "external set site2" in say(opened.msg)
    assert "opened after 7 runs" in say(opened.msg)


def test_the_operating_rule_is_said_in_words() -> None:
    both = OperatingSettings(calibration="temperature", rule="sensitivity", value=0.95)
    said = say(stamp(operating=both).msg)
    assert "operating rule: temperature and sensitivity at least 95.0 %" in said
    only = say(stamp(operating=OperatingSettings(rule="youden")).msg)
    assert "operating rule: Youden's threshold" in only
    assert "task's own threshold" in say(stamp().msg)
