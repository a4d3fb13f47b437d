"""Formulas: what is read, what is made of it, what is refused."""

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.gravity.formula import (
    border,
    border_by_year,
    design,
    effect,
    ln_distance,
    pair_id,
    parse,
)
from detente.gravity.panel import panel

ROWS = [
    ("CHN", "CHN", 2000, 50.0, 500.0, 0),
    ("CHN", "KOR", 2000, 5.0, 950.0, 0),
    ("KOR", "CHN", 2000, 7.0, 950.0, 0),
    ("KOR", "KOR", 2000, 30.0, 150.0, 0),
    ("CHN", "CHN", 2001, 60.0, 500.0, 0),
    ("CHN", "KOR", 2001, 6.0, 950.0, 1),
    ("KOR", "CHN", 2001, 8.0, 950.0, 1),
    ("KOR", "KOR", 2001, 33.0, 150.0, 0),
]
TABLE = pd.DataFrame(ROWS, columns=["exporter", "importer", "year", "trade", "dist", "rta"])


def terms(formula, table=TABLE):
    return design(panel(table), parse(formula)).terms


@pytest.mark.parametrize(
    "text",
    [
        "trade ~ ln_distance + border | exporter^year + importer^year",
        "trade ~ rta | exporter^year + importer^year + pair",
        "trade ~ border:i(year) + log(distance)",
    ],
)
def test_a_formula_survives_reading_and_writing(text):
    assert str(parse(text)) == text
    assert str(parse(text.replace(" ", ""))) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trade", "one '~'"),
        ("trade ~ a ~ b", "one '~'"),
        ("~ a", "one '~'"),
        ("trade ~ a | b | c", "more than one '|'"),
        ("trade ~ a + ", "empty place"),
        ("trade ~ a |", "empty place"),
        ("trade ~ a + a", "twice"),
        ("trade ~ a | b + b", "twice"),
        ("trade ~ sqrt(a)", "'sqrt\\(a\\)'.*is no term"),
        ("trade ~ a*b", "is no term"),
        ("log(trade) ~ a", "no name of a column"),
        ("trade ~ a | b^2", "no name of a column"),
    ],
)
def test_what_cannot_be_read_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse(text)


def test_helpers_are_what_they_say():
    flows = panel(TABLE)
    np.testing.assert_allclose(ln_distance(flows), np.log(TABLE["dist"]))
    assert border(flows).tolist() == [0, 1, 1, 0, 0, 1, 1, 0]
    assert pair_id(flows)[:4].tolist() == ["CHN-CHN", "CHN-KOR", "CHN-KOR", "KOR-KOR"]
    assert pair_id(flows, directed=True)[2] == "KOR-CHN"
    by_year = border_by_year(flows)
    assert list(by_year) == ["border:year=2000"]  # the last year is the base
    assert by_year["border:year=2000"].tolist() == [0, 1, 1, 0, 0, 0, 0, 0]
    assert list(border_by_year(flows, base=2000)) == ["border:year=2001"]


def test_terms_are_made_as_written():
    found = terms(
        "trade ~ ln_distance + border + domestic + rta + log(trade) + border:ln_distance"
    )
    here = (TABLE["exporter"] != TABLE["importer"]).to_numpy(dtype=float)
    np.testing.assert_allclose(found["border"] + found["domestic"], 1.0)
    np.testing.assert_allclose(found["border:ln_distance"], here * np.log(TABLE["dist"]))
    np.testing.assert_allclose(found["ln_trade"], np.log(TABLE["trade"]))


def test_a_dummy_of_every_value():
    found = terms("trade ~ i(year):border")
    assert list(found) == ["year=2000:border", "year=2001:border"]
    np.testing.assert_allclose(sum(found.values()), border(panel(TABLE)))


def test_a_column_of_the_same_name_goes_before_what_would_be_made():
    table = TABLE.assign(border=7.0)
    assert set(terms("trade ~ border", table)["border"]) == {7.0}


def test_effects_are_every_combination_once():
    flows = panel(TABLE)
    rows = np.arange(len(TABLE))
    found = effect(flows, ("exporter", "year"), rows)
    assert len(found.levels) == 4
    back = found.levels.iloc[found.codes].reset_index(drop=True)
    assert back["exporter"].tolist() == TABLE["exporter"].tolist()
    assert back["year"].tolist() == TABLE["year"].tolist()
    assert len(effect(flows, ("pair",), rows).levels) == 3
    assert len(effect(flows, ("directed_pair",), rows).levels) == 4


def test_rows_with_a_missing_term_are_left_out_counted_and_listed():
    table = TABLE.assign(gdp=[1.0, np.nan, 1.0, 1.0, 1.0, np.nan, 1.0, 1.0])
    found = design(panel(table), parse("trade ~ gdp + rta | exporter"))
    assert (len(found.flow), found.missing) == (6, {"gdp": 2})
    assert found.notes == ("gdp is missing in 2 rows, left out (1 pair: CHN-KOR)",)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("trade ~ distanc", "no column 'distanc'.*Did you mean 'distance'"),
        ("trade ~ rta | exportr", "no column 'exportr'.*Did you mean 'exporter'"),
        ("trade ~ exporter", "'CHN' is no number"),
        ("trade ~ log(rta)", "rta of CHN and CHN is 0; its log needs more than 0"),
        ("trade ~ i(yaer)", "Did you mean 'year'"),
    ],
)
def test_columns_that_do_not_fit_are_refused(formula, message):
    with pytest.raises(InputError, match=message):
        design(panel(TABLE), parse(formula))


def test_an_effect_with_a_hole_is_refused():
    table = TABLE.assign(bloc=["x", None, "x", "x", "x", "x", "x", "x"])
    with pytest.raises(InputError, match=r"line 2.*'bloc' is missing"):
        design(panel(table), parse("trade ~ rta | bloc"))
