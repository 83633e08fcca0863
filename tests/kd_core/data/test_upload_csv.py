import csv
import io

import numpy as np
import pytest

from kd_core.data.upload_common import Limits
from kd_core.data.upload_csv import check_csv
from kd_core.errors import UploadError

TABLE = "file,label,site\na.png,cat,north\nb.png,dog,south\n"


def refused(data, limits=None):
    file = io.BytesIO(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(UploadError) as caught:
        check_csv(file, limits)
    return caught.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_delimiters_line_ends_and_encodings(delimiter, newline, encoding):
    text = TABLE.replace("north", "Süd").replace(",", delimiter).replace("\n", newline)
    data = text.encode(encoding)
    table = check_csv(io.BytesIO(data))
    assert (table.columns, table.rows) == (("file", "label", "site"), 2)
    lines = io.StringIO(data.decode(table.encoding), newline="")
    rows = list(csv.reader(lines, delimiter=table.delimiter))
    assert rows[1] == ["a.png", "cat", "Süd"]


def test_delimiters_inside_cells_do_not_mislead():
    table = check_csv(io.BytesIO(b'file;findings\na.png;"mass, large; left"\nb.png;a,b,c\n'))
    assert (table.delimiter, table.columns, table.rows) == (";", ("file", "findings"), 2)


def test_decimal_commas():
    table = check_csv(io.BytesIO(b"file;age\na.png;3,5\nb.png;4,5\n"))
    assert (table.delimiter, table.rows) == (";", 2)


def test_one_column_blank_lines_and_a_missing_last_newline():
    table = check_csv(io.BytesIO(b"file\n\na.png\n\nb.png"))
    assert (table.columns, table.rows) == (("file",), 2)


def test_cells_with_line_breaks_are_one_row():
    assert check_csv(io.BytesIO(b'file,note\na.png,"two\nlines"\n')).rows == 1


def test_a_broken_row_is_named_by_its_line():
    error = refused(TABLE + 'c.png,"cat\ncat",north\nd.png,cat\n')
    assert error.code == "csv_row"
    assert (error.fields["line"], error.fields["cells"], error.fields["wanted"]) == (6, 2, 3)


def test_a_row_with_too_many_cells():
    assert refused(TABLE + "c.png,cat,north,\n").fields["cells"] == 4


def test_an_open_quotation_mark_is_named_where_it_starts():
    error = refused(TABLE + 'c.png,"cat,north\nd.png,cat,north\n')
    assert (error.code, error.fields["line"]) == ("csv_quote", 4)


@pytest.mark.parametrize("header", ["file,file,site", "file,,site", " , , "])
def test_column_names_must_differ(header):
    assert refused(TABLE.replace("file,label,site", header)).code == "csv_header"


def test_spaces_around_column_names_are_dropped():
    assert check_csv(io.BytesIO(b" file , label\na,b\n")).columns == ("file", "label")


@pytest.mark.parametrize(
    "data", [TABLE.encode("utf-16"), b"PK\x03\x04\x00\x00", b"\x89PNG\r\n\x1a\n\x00\x00"]
)
def test_what_is_no_text_is_refused(data):
    assert refused(data).code == "csv_binary"


@pytest.mark.parametrize(("text", "code"), [("", "file_empty"), ("a,b\n", "csv_no_rows")])
def test_an_empty_table_is_refused(text, code):
    assert refused(text).code == code


def test_a_blank_table_has_no_header():
    assert refused("\n\n").code == "csv_header"


def test_limits():
    assert refused(TABLE, Limits(csv_rows=1)).code == "csv_too_long"
    assert refused(TABLE, Limits(csv_bytes=10)).code == "file_too_large"


def test_noise_never_escapes():
    rng = np.random.default_rng(0)
    for _ in range(50):
        data = rng.integers(1, 256, 200, dtype=np.uint8).tobytes()
        assert refused(data).code.startswith("csv_")


def test_agrees_with_the_standard_sniffer():
    for delimiter in ",;\t":
        text = "".join(delimiter.join(f"r{i}c{j}" for j in range(4)) + "\n" for i in range(9))
        assert csv.Sniffer().sniff(text).delimiter == delimiter
        assert check_csv(io.BytesIO(text.encode())).delimiter == delimiter
