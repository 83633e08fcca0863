import json
import pickle

import pytest

from kd_core import errors
from kd_core.text import Msg


def test_every_family_of_the_module_is_listed():
    defined = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.KDLabError)
    }
    assert defined == errors.FAMILIES


@pytest.mark.parametrize("family", errors.FAMILIES.values())
def test_an_error_survives_json_and_pickle(family):
    error = family("too_big", size=3, names=["a", "b"])
    for copy in (
        errors.error_from_json(json.loads(json.dumps(error.to_json()))),
        pickle.loads(pickle.dumps(error)),
    ):
        assert type(copy) is family
        assert (copy.code, copy.fields) == (error.code, error.fields)


def test_an_unknown_family_becomes_the_root():
    error = errors.error_from_json({"family": "FutureError", "code": "x", "fields": {"a": 1}})
    assert type(error) is errors.KDLabError
    assert error.code == "x"


def test_a_record_without_anything_is_still_an_error():
    assert errors.error_from_json({}).code == "unexpected"


def test_message_id_follows_the_code():
    assert errors.DataError("class_missing", part="val").msg == Msg(
        "error.class_missing", {"part": "val"}
    )


def test_upload_errors_are_data_errors():
    with pytest.raises(errors.DataError):
        raise errors.UploadError("zip_links")


def test_str_without_fields_is_the_code():
    assert str(errors.JobError("cancelled")) == "cancelled"
