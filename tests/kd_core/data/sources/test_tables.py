import pytest

from kd_core.data.sources.tables import find_table, part_cells, read_table, side_columns
from kd_core.errors import DataError

NO_OPTIONS = {"table": "", "patient_column": "", "group_columns": ""}


def table(tmp_path, text, name="labels.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_text(text, encoding=encoding)
    return path


def test_cells_and_lines(tmp_path):
    read = read_table(table(tmp_path, 'file,note\na.png,"two\nlines"\n\nb.png,\n'))
    assert read.columns["file"] == ("a.png", "b.png")
    assert read.lines == (2, 5)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_semicolons_and_accents(tmp_path, encoding):
    read = read_table(table(tmp_path, "Arquivo;Célula\na.png;sã\n", encoding=encoding))
    assert read.columns["Célula"] == ("sã",)


def test_a_broken_row_is_named_by_its_line(tmp_path):
    with pytest.raises(DataError, match="csv_row") as caught:
        read_table(table(tmp_path, "file,label\na,1\nb\n"))
    assert caught.value.fields["line"] == 3


def test_columns_are_found_by_their_usual_names(tmp_path):
    read = read_table(table(tmp_path, "Image Index,Patient ID,Sex,View\na,1,M,AP\n"))
    assert read.find("", ("imageindex",)) == "Image Index"
    assert read.find("", ("patientid",)) == "Patient ID"
    assert read.find("-", ("patientid",)) is None
    assert read.find("Sex", ()) == "Sex"
    assert read.find_several("", ("sex", "view", "site")) == ["Sex", "View"]
    assert read.find_several("View, Sex", ()) == ["View", "Sex"]
    assert read.find_several("-", ("sex",)) == []
    with pytest.raises(DataError, match="column_missing"):
        read.find("Site", ())


def test_the_table_of_a_folder(tmp_path):
    assert find_table(tmp_path) is None
    boxes = table(tmp_path, "a\n1\n", "boxes.csv")
    assert find_table(tmp_path) == boxes
    other = table(tmp_path, "a\n1\n", "other.csv")
    with pytest.raises(DataError, match="table_several"):
        find_table(tmp_path)
    assert find_table(tmp_path, "other.csv") == other
    labels = table(tmp_path, "a\n1\n")
    assert find_table(tmp_path) == labels
    with pytest.raises(DataError, match="table_missing"):
        find_table(tmp_path, "gone.csv")


def test_parts_have_many_spellings(tmp_path):
    read = read_table(table(tmp_path, "split\nTrain\nvalid\ntesting\n"))
    assert part_cells(read, "split", [2, 0, 1]).tolist() == ["test", "train", "val"]
    read = read_table(table(tmp_path, "split\ntrain\nholdout\n"))
    with pytest.raises(DataError, match="split_unknown") as caught:
        part_cells(read, "split", [0, 1])
    assert (caught.value.fields["line"], caught.value.fields["got"]) == (3, "holdout")


def test_patients_and_groups_from_a_table_beside_the_images(tmp_path):
    table(tmp_path, "file,patient,site\nx/b.png,P2,south\nx/gone.png,P3,\n")
    patients, groups = side_columns(tmp_path, ["x/a.png", "x/b.png"], NO_OPTIONS)
    assert patients.tolist() == ["", "P2"]
    assert groups.keys() == {"site"}
    assert groups["site"].tolist() == ["", "south"]
    (tmp_path / "labels.csv").unlink()
    assert side_columns(tmp_path, ["x/a.png"], NO_OPTIONS) == (None, {})
