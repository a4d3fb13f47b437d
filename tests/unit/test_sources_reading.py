"""Tables of text: columns by name, codes as text, numbers or an error on its line."""

from __future__ import annotations

import csv
import gzip
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.sources.reading import (
    read_chunks,
    read_header,
    read_table,
    refuse_below,
    refuse_duplicates,
    refuse_mixed_years,
    refuse_unknown,
    to_numbers,
)
from hypothesis_profiles import examples

#: As CEPII names them in BACI.
BACI = {
    "year": ("t", "year"),
    "exporter": ("i", "exporter"),
    "importer": ("j", "importer"),
    "product": ("k", "hs6"),
    "value": ("v",),
    "quantity": ("q",),
}
HEAD = "t,i,j,k,v,q\n"


def write(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def baci(path: Path, **options: Any) -> pd.DataFrame:
    options = {"numbers": ("value", "quantity"), "whole": ("year",)} | options
    return read_table(path, columns=BACI, missing=("", "NA"), **options)


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as error:
        baci(path, **options)
    assert str(path) in str(error.value)
    return str(error.value)


# -- what should work --------------------------------------------------------------------
def test_baci_as_cepii_writes_it(tmp_path: Path) -> None:
    """Blanks before numbers, NA for no quantity, products with leading zeros."""
    path = write(
        tmp_path, HEAD + "1995,4,24,010121,      0.085,         NA\n2024,4,32,1,2e3,.5\n"
    )
    frame = baci(path)
    assert list(frame) == list(BACI)
    assert frame["product"].tolist() == ["010121", "1"]
    assert frame["exporter"].tolist() == ["4", "4"]
    assert frame["value"].tolist() == [0.085, 2000.0]
    assert np.isnan(frame["quantity"].iloc[0])
    assert (frame["year"].dtype, frame["value"].dtype) == (np.int64, np.float64)
    assert frame.index.tolist() == [2, 3]
    assert frame.attrs["notes"] == ()


@pytest.mark.parametrize("kind", ["plain", "gz", "zip"])
def test_order_case_blanks_and_a_bom_do_not_matter(tmp_path: Path, kind: str) -> None:
    text = '\ufeffQ , V,k,"J",I,Year\r\n1,2,03,A,NA,2000\r\n'.encode()
    path = tmp_path / {"plain": "a.csv", "gz": "a.csv.gz", "zip": "a.zip"}[kind]
    path.write_bytes(gzip.compress(text) if kind == "gz" else text)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", text)
    frame = baci(path)
    assert frame.iloc[0].tolist() == [2000, "NA", "A", "03", 2.0, 1.0]


def test_optional_and_kept_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "t,i,j,k,v,note,Flag\n2000,A,B,01,1,x,y\n")
    frame = baci(path, optional=("quantity",), keep=("flag",))
    assert list(frame) == ["year", "exporter", "importer", "product", "value", "flag"]
    frame = baci(path, optional=("quantity",), keep=None)
    assert list(frame)[-2:] == ["note", "Flag"]


def test_the_preferred_spelling_wins(tmp_path: Path) -> None:
    path = write(tmp_path, "year,t,i,j,k,v,q\n1,2000,A,B,01,1,1\n")
    assert baci(path)["year"].tolist() == [2000]


def test_lines_before_the_header(tmp_path: Path) -> None:
    path = write(
        tmp_path, "a title\nanother, line\n" + HEAD + "2000,A,B,1,1,1\n2000,A,B,1,x,1\n"
    )
    assert "line 5, key 'value': 'x' is no number" in refused(path, skip=2)
    assert read_header(path, skip=2) == ("t", "i", "j", "k", "v", "q")


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_the_separator_is_found_where_asked(tmp_path: Path, sep: str) -> None:
    path = write(tmp_path, (HEAD + "2000,A,B,01,1.5,1\n").replace(",", sep))
    assert baci(path, sep=None)["value"].tolist() == [1.5]


def test_empty_lines_are_skipped_and_told_and_do_not_shift_lines(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "\n2000,A,B,1,1,1\n\n,,,,,\n2000,A,C,1,1,1\n\n")
    frame = baci(path)
    assert frame.index.tolist() == [3, 6]
    assert frame.attrs["notes"] == ("4 empty lines were skipped",)


def test_cells_with_line_breaks_do_not_shift_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path, HEAD + '2000,"A\nA",B,1,1,1\n2000,"x,""y""",C,1,1,1\n2000,A,C,1,?,1\n'
    )
    assert "line 5, key 'value': '?'" in refused(path)
    frame = baci(path, numbers=())
    assert frame.index.tolist() == [2, 4, 5]
    assert frame["exporter"].tolist() == ["A\nA", 'x,"y"', "A"]


def test_latin_1_is_read_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, (HEAD + "2000,Côte,B,1,1,1\n").encode("latin-1"))
    frame = baci(path)
    assert frame["exporter"].tolist() == ["Côte"]
    assert frame.attrs["notes"] == ("the text is not UTF-8; it was read as Latin-1",)
    assert baci(path, encoding="latin-1").attrs["notes"] == ()
    assert "not UTF-8" in refused(path, encoding="utf-8")


def test_latin_1_far_into_a_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks before the first such byte are read again: one file, one encoding."""
    monkeypatch.setattr("detente.sources.reading._Reader.__init__.__defaults__", (1000,))
    rows = ["2000,A,B,1,1,1\n"] * 200 + ["2000,Ã©,B,1,1,1\n", "2000,é,B,1,1,1\n"]
    path = write(tmp_path, HEAD.encode() + "".join(rows).encode("latin-1"))
    frame = baci(path)
    assert frame["exporter"].tolist()[-2:] == ["Ã©", "é"]
    assert len(frame) == 202
    assert len(frame.attrs["notes"]) == 1


def test_chunks_are_the_table_in_pieces(tmp_path: Path) -> None:
    rows = "".join(f"2000,A{j},B,{j:06d},{j / 7},1\n" for j in range(5000))
    path = write(tmp_path, HEAD + rows)
    options: dict[str, Any] = {"columns": BACI, "numbers": ["value"], "whole": ["year"]}
    pieces = list(read_chunks(path, block=10_000, **options))
    assert len(pieces) > 5
    pd.testing.assert_frame_equal(pd.concat(pieces), read_table(path, **options))
    assert pieces[-1].index[-1] == 5001


@settings(max_examples=examples(50), deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8),
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(1 - 2**53, 2**53 - 1),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_what_was_written_is_read_to_the_last_bit(
    rows: list[tuple[str, float, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Codes are the same text, floats and whole numbers the same numbers, lines theirs."""
    path = tmp_path_factory.mktemp("same") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("code", "x", "n"), *rows])
    columns = {name: (name,) for name in ("code", "x", "n")}
    frame = read_table(path, columns=columns, numbers=("x",), whole=("n",))
    assert frame["code"].tolist() == [code for code, _, _ in rows]
    assert frame["x"].tolist() == [x for _, x, _ in rows]
    assert frame["n"].tolist() == [n for _, _, n in rows]
    assert frame.index.tolist() == list(range(2, len(rows) + 2))


# -- what should fail plainly ------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        (HEAD, "it has a header, but no rows"),
        (HEAD + "\n\n", "it has a header, but no rows"),
        (
            HEAD.replace("v", "vv"),
            "key 'value': there is no column 'v'; there are t, i, j, k, vv",
        ),
        (HEAD.replace(",v", ",exporter_2"), "there is no column 'v'"),
        (HEAD.replace("t,", ""), "there is no column 't' or 'year'"),
        (HEAD.replace("q", "v"), "two columns are called 'v'"),
        (HEAD.replace(",", ";"), "separated by semicolons; commas were expected"),
        (HEAD.replace(",", "\t"), "separated by tabs; commas were expected"),
        (HEAD + "2000,A,B,1,1\n", "line 2: the row has 5 cells; the header has 6"),
        (HEAD + "2000,A,B,1,1,1\n\n2000,A,B,1,1,1,1\n", "line 4: the row has 7 cells"),
        (HEAD + "2000,A,B,1,1.5x,1\n", "line 2, key 'value': '1.5x' is no number."),
        (HEAD + "2000,A,B,1,1,1\n2000,A,B,1,inf,1\n", "line 3, key 'value': 'inf'"),
        (HEAD + "2000,A,B,1,nan,1\n", "'nan' is no number"),
        (HEAD + "2000,A,B,1,1_000,1\n", "'1_000' is no number"),
        (HEAD + "2000,A,B,1,0x10,1\n", "'0x10' is no number"),
        (HEAD + "2000,A,B,1,1e999,1\n", "'1e999' is no number"),
        (HEAD + '2000,A,B,1,"1,5",1\n', "a decimal is written with a point"),
        (HEAD + "2000.5,A,B,1,1,1\n", "key 'year': '2000.5' is no whole number"),
        (HEAD + "NA,A,B,1,1,1\n", "key 'year': 'NA' is no whole number"),
        (HEAD + ",A,B,1,1,1\n", "key 'year': the cell is empty; it needs a whole number"),
        (HEAD + '2000,"A,B,1,1,1\n', "line 2: the row has 2 cells; the header has 6"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, told: str) -> None:
    assert told in refused(write(tmp_path, text))


def test_the_nearest_column_is_named(tmp_path: Path) -> None:
    assert "Did you mean 'hs_6'?" in refused(write(tmp_path, HEAD.replace("k", "hs_6")))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    assert "UTF-16" in refused(write(tmp_path, (HEAD + "1").encode("utf-16")))
    assert "binary file" in refused(write(tmp_path, b"\x89PNG\r\n\x00\x00"))


def test_a_chunk_is_wrong_where_it_is_reached(tmp_path: Path) -> None:
    text = HEAD + "2000,A,B,1,1,1\n" * 1000 + "2000,A,B,1,x,1\n"
    pieces = read_chunks(write(tmp_path, text), columns=BACI, numbers=["value"], block=1000)
    assert len(next(pieces)) > 10
    with pytest.raises(InputError, match=r"line 1002, key 'value'"):
        list(pieces)
    with pytest.raises(InputError, match="no rows"):
        list(read_chunks(write(tmp_path, HEAD), columns=BACI))


# -- checks ------------------------------------------------------------------------------
@pytest.fixture
def frame() -> pd.DataFrame:
    index = pd.Index([2, 3, 5, 6], name="line")
    data = {"year": [2000, 2000, 2001, 2000], "exporter": ["A", "B", "A", "A"]}
    return pd.DataFrame(data | {"value": [1.0, np.nan, -2.0, 3.0]}, index=index)


def test_repeated_rows(frame: pd.DataFrame) -> None:
    refuse_duplicates(frame, ["year", "exporter", "value"], "a.csv")
    with pytest.raises(InputError) as error:
        refuse_duplicates(frame, ["year", "exporter"], "a.csv")
    assert str(error.value) == (
        "a.csv, line 6: there is a second row for year '2000', exporter 'A'; the first is on "
        "line 2. In all, 1 row repeats an earlier one."
    )


def test_unknown_codes(frame: pd.DataFrame) -> None:
    refuse_unknown(frame, "exporter", ["A", "B"], "a.csv")
    with pytest.raises(InputError) as error:
        refuse_unknown(frame, "exporter", ["A", "b"], "a.csv", "country")
    assert str(error.value) == (
        "a.csv, line 3, key 'exporter': 'B' is no known country. Did you mean 'b'?"
    )
    with pytest.raises(InputError, match="2 codes are unknown, in 4 rows"):
        refuse_unknown(frame, "exporter", ["Z"])


def test_mixed_years(frame: pd.DataFrame) -> None:
    assert refuse_mixed_years(frame[frame["year"] == 2000]) == 2000
    with pytest.raises(InputError) as error:
        refuse_mixed_years(frame, "a.csv")
    assert str(error.value) == (
        "a.csv, line 5, key 'year': it should hold one year only; it holds 2000, 2001. "
        "Filter it first."
    )
    with pytest.raises(InputError, match=r"line 2, key 'year': it should hold 2001 only"):
        refuse_mixed_years(frame, year=2001)


def test_numbers_that_are_too_low(frame: pd.DataFrame) -> None:
    refuse_below(frame, "value", -2.0)
    with pytest.raises(InputError, match=r"a.csv, line 5, key 'value': -2 is below 0"):
        refuse_below(frame, "value", 0.0, "a.csv")


def test_to_numbers_by_itself() -> None:
    text = pd.Series([" 1", "..", "+2.5e-1"], index=[2, 3, 4], name="v")
    assert to_numbers(text, missing=("..",)).tolist()[::2] == [1.0, 0.25]
    with pytest.raises(InputError, match=r"line 3, key 'v': '\.\.' is no number"):
        to_numbers(text)
    big = pd.Series(["9007199254740993"], name="n")
    with pytest.raises(InputError, match="no whole number"):
        to_numbers(big, whole=True)  # 2**53 + 1 would come out as another number
