"""Tables of files and data frames: what is read, what is found out, and what is refused in which words."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoneuro.columns import FEW, Columns, cells, compact, from_frame, has_header, is_frame, read
from evoneuro.errors import EvoNeuroError


def table(tmp_path: Path, text: str, target: str | int | None = None, name: str = "data.csv") -> Columns:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read(path, target)


@pytest.mark.parametrize(
    "text",
    [
        "a,b,y\n1,2.5,u\n3,4,v\n",
        "a;b;y\n1;2.5;u\n3;4;v\n",
        "a\tb\ty\n1\t2.5\tu\n3\t4\tv\n",
        "a|b|y\n1|2.5|u\n3|4|v",
        "a b y\n1  2.5 u\n3 4   v\n",
        "a, b, y\n1, 2.5, u\n3, 4, v\n",
        '"a","b","y"\r\n"1","2.5","u"\r\n"3","4","v"\r\n',
        "\ufeffa,b,y\n\n1,2.5,u\n   \n3,4,v\n\n",
        ",a,b,y\n0,1,2.5,u\n1,3,4,v\n",  # a data frame, saved with the numbers of its rows
    ],
)
def test_delimiters_quotes_and_headers_are_found_out(tmp_path: Path, text: str) -> None:
    found = table(tmp_path, text)
    x, y = found.split(None, None)
    assert list(found.names) == ["a", "b", "y"]
    assert x.tolist() == [[1, 2.5], [3, 4]]
    assert y.tolist() == ["u", "v"]


def test_a_file_without_a_header(tmp_path: Path) -> None:
    x, y = table(tmp_path, "5.1,3.5,setosa\n4.9,3,virginica\n").split(None, None)
    assert x.tolist() == [[5.1, 3.5], [4.9, 3]]
    assert y.tolist() == ["setosa", "virginica"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["a b", "1 2"], True),
        (["a b", "x y"], True),
        (["1 2", "3 4"], False),
        (["1 x", "3 y"], False),
        (["150 4 setosa", "5 3 0", "4 2 1"], True),  # text above numbers, as in scikit-learn's own files
        (["1 ?", "2 3"], False),  # a missing value is no name
        (["0 1 2 3 class", "5 6 7 8 x"], True),  # a data frame without names
        (["0 1 x", "1 0 y"], False),
        (["1 2"], False),
        (["a 2"], False),
    ],
)
def test_headers(rows: list[str], expected: bool) -> None:
    assert has_header([row.split() for row in rows]) == expected


NUMBERS = st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda width: st.lists(st.tuples(*[NUMBERS] * width, st.sampled_from("uvw")), min_size=1, max_size=12)
    ),
    st.sampled_from(",;\t|"),
    st.booleans(),
)
def test_what_is_written_is_read(tmp_path_factory: Any, rows: list[Any], delimiter: str, headed: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    if headed:
        writer.writerow([f"column {j}" for j in range(len(rows[0]))])
    writer.writerows(rows)
    x, y = table(tmp_path_factory.mktemp("csv"), text.getvalue()).split(None, None)
    assert np.array_equal(x, np.array([row[:-1] for row in rows], np.float64))
    assert y.tolist() == [row[-1] for row in rows]


def test_more_rows_than_are_converted_at_a_time(tmp_path: Path) -> None:
    rows = [f"{k},{k / 4},{'ab'[k % 2]}" for k in range(4500)]
    found = table(tmp_path, "\n".join(["n,q,y", *rows]))
    x, y = found.split(None, None)
    assert np.array_equal(x, np.c_[np.arange(4500), np.arange(4500) / 4])
    assert y.tolist() == list("ab" * 2250)
    assert found.lines is not None
    assert found.lines[-1] == 4501


def test_columns_and_target_by_name_and_position(tmp_path: Path) -> None:
    found = table(tmp_path, "y,a,b\n1,2,3\n4,5,6\n", "y")
    for target in ("y", 0, -3):
        x, y = found.split(None, target)
        assert (x.tolist(), y.tolist()) == ([[2, 3], [5, 6]], [1, 4])
    assert found.split(("b", 1), 0)[0].tolist() == [[3, 2], [6, 5]]
    for columns, target, message in [
        (None, "z", "task.target: .*no column 'z'. There are: a, b, y."),
        (None, 3, "task.target: .*has 3 columns, got number 3"),
        (("a", "y"), "y", "task.columns: column 'y' is the target; leave it out"),
        (("ab",), "y", "task.columns: .*no column 'ab'"),
        ((), "y", "no column is left as a feature"),
    ]:
        with pytest.raises(EvoNeuroError, match=message):
            found.split(columns, target)
    with pytest.raises(EvoNeuroError, match="more than one column 'a'"):
        table(tmp_path, "a,a,b\n1,2,3\n").split(None, "a")


@pytest.mark.parametrize("gap", ["", "?", "NA", "n/a", "NaN", "null"])
def test_missing_values_are_refused_where_they_stand(tmp_path: Path, gap: str) -> None:
    found = table(tmp_path, f"a,b,y\n1,2,u\n\n3,{gap},v\n5,6,u\n")
    with pytest.raises(EvoNeuroError, match=r"data.csv: line 4, column 'b': the value is missing; fill it in, or drop"):
        found.split(None, None)
    assert found.split(("a",), None)[0].tolist() == [[1], [3], [5]]  # a column that is not used may have gaps
    with pytest.raises(EvoNeuroError, match=r"line 3, column 'y': the value is missing; fill it in, or drop the row$"):
        table(tmp_path, f"a,y\n1,u\n2,{gap}\n").split(None, None)


@pytest.mark.parametrize("odd", ["twelve", "inf", "1,5", "-inf"])
def test_a_text_among_numbers_is_refused(tmp_path: Path, odd: str) -> None:
    found = table(tmp_path, f'a,b,y\n1,2,u\n3,"{odd}",v\n')
    with pytest.raises(EvoNeuroError, match=f"line 3, column 'b': '{odd}' is no finite number"):
        found.split(None, None)


def test_few_texts_become_features_of_0_and_1(tmp_path: Path) -> None:
    x, _ = table(tmp_path, "sex,size,n,y\nm,small,1,u\nf,large,2,v\nf,medium,3,u\n").split(None, None)
    # f, m is one feature; large, medium, small are three
    assert x.tolist() == [[1, 0, 0, 1, 1], [0, 1, 0, 0, 2], [0, 0, 1, 0, 3]]
    rows = "\n".join(f"name{k},{k},u" for k in range(FEW + 1))
    with pytest.raises(EvoNeuroError, match=rf"line 2, column 'who': 'name0' is text, and .* {FEW + 1} different"):
        table(tmp_path, f"who,n,y\n{rows}\n").split(None, None)


def test_labels_keep_their_text_unless_all_are_numbers(tmp_path: Path) -> None:
    labels = ["01"] * 2000 + ["x"] * 10
    _, y = table(tmp_path, "a,y\n" + "\n".join(f"1,{label}" for label in labels)).split(None, None)
    assert y.tolist() == labels
    _, y = table(tmp_path, "a,y\n1,10\n2,9\n").split(None, None)
    assert y.tolist() == [10, 9]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows"),
        ("\n\n", "no rows"),
        ("a,y\n", "a header and no rows"),
        ("a\n1\n", "one column"),
        ("a,b,y\n1,2,u\n3,v\n4,5,u\n", r"line 3 has 2 fields, the lines before it have 3 \(separated by ','"),
        ('a,y\n1,"' + "x" * 140_000 + '"\n', "line 2: field larger than field limit"),
    ],
)
def test_what_is_no_table(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EvoNeuroError, match=message):
        table(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EvoNeuroError, match="cannot be read: No such file"):
        read(tmp_path / "none.csv", None)
    (tmp_path / "latin.csv").write_bytes("a,y\n1,\u00e4\n".encode("latin-1"))
    with pytest.raises(EvoNeuroError, match="not UTF-8 at byte 6; save the file as UTF-8"):
        read(tmp_path / "latin.csv", None)


# Cells


@given(st.lists(NUMBERS, min_size=1, max_size=8))
def test_numbers_are_kept_exactly_in_little_room(numbers: list[float]) -> None:
    given_ = np.array(numbers, np.float64)
    assert np.array_equal(compact(given_), given_)


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ([0, 255], np.uint8), ([-1, 255], np.int16), ([0, 32768], np.int32), ([0.5, 0.25], np.float32),
        ([0.1], np.float64), ([2.0**31], np.float64), ([1e300, 0.5], np.float64),
    ],
)  # fmt: skip
def test_the_smallest_exact_type(numbers: list[float], kind: type) -> None:
    assert compact(np.array(numbers)).dtype == kind


def test_cells_are_numbers_or_text() -> None:
    assert cells([True, 2, 3.5]).tolist() == [1, 2, 3.5]
    assert cells(["1", "2"]).tolist() == [1, 2]
    assert cells([1, None]).tolist() == ["1", ""]
    assert cells([1.0, float("nan")]).tolist() == ["1.0", "nan"]
    assert cells(np.array(["2020-01-01"], "M8[D]")).tolist() == ["2020-01-01"]  # no number of days
    assert cells([[1, 2], [3, 4]]).tolist() == ["[1, 2]", "[3, 4]"]


# Data frames and Parquet


def test_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "on": [True, False, True], "y": ["u", "v", "u"]}, index=[7, 8, 9]
    )
    assert is_frame(frame)
    x, y = from_frame(frame, "frame").split(None, "y")
    assert x.tolist() == [[1, 0.5, 1], [2, 1.5, 0], [3, 2.5, 1]]
    assert y.tolist() == ["u", "v", "u"]
    frame["c"] = pandas.Categorical(["x", "y", "z"])
    assert from_frame(frame, "frame").features(["c"]).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    for gap in (pandas.array([1, None, 3], "Int64"), [1.0, None, 3.0], ["x", None, "y"], [0, np.nan, 1]):
        frame["d"] = gap
        with pytest.raises(EvoNeuroError, match="frame: row 1, column 'd': the value is missing"):
            from_frame(frame, "frame").features(["d"])
    frame["when"] = pandas.date_range("2020-01-01", periods=3)
    assert from_frame(frame, "frame").features(["when"]).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    wide = {f"p{j}": rng.integers(0, 256, 50).astype(np.uint8) for j in range(3)}
    path = tmp_path / "data.parquet"
    labels = pyarrow.array(["u", "v"] * 25).dictionary_encode()
    parquet.write_table(pyarrow.table({**wide, "q": rng.normal(size=50), "y": labels}), path)
    found = read(path, None)
    x, y = found.split(("p0", "p1", "p2"), None)
    assert x.dtype == np.uint8
    assert np.array_equal(x, np.stack(list(wide.values()), axis=1))
    assert y.tolist() == ["u", "v"] * 25
    parquet.write_table(pyarrow.table({"a": [1, None, 3], "s": [[1], [2], [3]], "y": [0, 1, 0]}), path)
    with pytest.raises(EvoNeuroError, match="row 1, column 'a': the value is missing"):
        read(path, None).split(("a",), None)
    path.write_text("a,y\n1,2\n")
    with pytest.raises(EvoNeuroError, match="no Parquet file"):
        read(path, None)


def test_a_saved_data_frames_index_is_no_feature(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": [4, 5, 6], "y": [0, 1, 0]}, index=[5, 9, 2])
    frame.to_parquet(tmp_path / "data.parquet")
    frame.to_csv(tmp_path / "data.csv")
    for name in ("data.parquet", "data.csv"):
        assert read(tmp_path / name, None).split(None, None)[0].tolist() == [[4], [5], [6]]


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(EvoNeuroError, match=r"reading Parquet needs pyarrow: pip install 'evoneuro\[parquet\]'"):
        read(tmp_path / "data.parquet", None)
