"""Openings on the Advanced Guide's panel: what is known of them comes out."""

import numpy as np
import pandas as pd
import pytest
from test_world_sources import shared

from detente.gravity import gravity, panel, without_pair
from detente.openings.measure import measure, ordinary, realised
from detente.openings.record import load_record
from detente.openings.rule import placebo

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")

PAIR = ("CHN", "KOR")


@pytest.fixture(scope="module")
def flows():
    return panel(shared("agtpa", "agtpa_applications.csv.gz"))


@pytest.fixture(scope="module")
def found(flows):
    return measure(flows, load_record())


def test_china_and_korea_are_what_the_gravity_page_prints(found):
    """docs/gravity.md, whose formula has trade agreements too, and leaves one pair out."""
    row = found.shares.pair(*PAIR).set_index("year")
    printed = pd.DataFrame(
        {
            "ba": [0.00, 0.20, 0.42, 1.04, 1.37, 1.70],
            "ab": [0.00, 0.27, 0.34, 0.54, 0.61, 0.67],
        },
        index=[1986, 1990, 1992, 1995, 2000, 2006],
    )
    for way in ("ab", "ba"):
        ours = row.loc[printed.index, f"share_{way}"]
        np.testing.assert_allclose(ours, printed[way], rtol=0.1, atol=0.01)


def test_one_pair_left_out_is_gravitys_own_without_pair(flows):
    year = panel(flows, years=[1988, 1997])
    ours = realised(year, [PAIR])
    theirs = without_pair(year, *PAIR, ours.formula)
    for way, (i, j) in {"ab": PAIR, "ba": PAIR[::-1]}.items():
        own = theirs[(theirs["exporter"] == i) & (theirs["importer"] == j)]
        np.testing.assert_allclose(ours.pair(*PAIR)[f"share_{way}"], own["ratio"], rtol=1e-12)


def test_the_error_of_a_year_is_that_of_a_regression_with_dummies_as_terms(flows):
    """137 dummies as terms of gravity's own, errors clustered by pair."""
    year = panel(flows, years=1995)
    effects = "i(exporter) + i(importer)"
    pair = "ln_distance + contiguity + common_language + colony + border"
    result = gravity(year, f"trade ~ {pair} + {effects}", keep_singletons=True)
    table = year.table
    own = table["exporter"].isin(PAIR) & table["importer"].isin(PAIR)
    own &= table["exporter"] != table["importer"]
    slopes = []
    for row in table[own].itertuples():
        x = {"constant": 1.0, "border": 1.0, "ln_distance": np.log(float(row.distance))}
        x |= {c: float(getattr(row, c)) for c in ("contiguity", "common_language", "colony")}
        x |= {f"exporter={row.exporter}": 1.0, f"importer={row.importer}": 1.0}
        slopes.append(np.array([x.get(t, 0.0) for t in result.terms]))
    size = np.exp([s @ result.coef for s in slopes])
    slope = size @ np.array(slopes) / size.sum()
    error = realised(year, []).pair(*PAIR)["error"].iloc[0]
    assert error == pytest.approx(np.sqrt(slope @ result.covariance @ slope), rel=1e-4)


def test_what_history_says(found):
    """A warm opening, a cold peace, and reporting starts that are no openings."""
    rows = found.table().set_index(["a", "b", "event"])
    assert rows.loc[(*PAIR, "china-korea-1992"), "share_10"] > 0.8
    assert rows.loc[("ISR", "JOR", "israel-jordan-1994"), "share_10"] < 0.15
    cold = found.shares.pair("EGY", "ISR")["share"]
    assert cold.max() < 0.1
    for pair, event in ((("HUN", "KOR"), "hungary"), (("KOR", "POL"), "poland")):
        row = rows.loc[(*pair, f"korea-{event}-1989")]
        assert row["reporting_start"] == 1991
        assert not row["by_rule"]


def test_found_pairs_were_closed_and_the_placebo_too(found):
    record = load_record()
    rule = found.openings[found.openings["by_rule"]]
    before = rule[rule["tau"].between(-3, -1)]
    assert before.groupby(["a", "b"]).ngroups > 100
    assert before["share"].median() < 0.05
    links = placebo(found.shares, record)
    assert len(links) > 100
    held = [record.holding(a, b) for a, b in links[["a", "b"]].itertuples(index=False)]
    assert all(e.year > 2006 for events in held for e in events)


def test_half_of_ordinary_pairs_lie_well_below_what_poisson_expects(found):
    table = ordinary(found.shares, load_record())
    assert (table["q50"] < 0.8).all()
    every = table[table["set"] == "all"].set_index("year")
    small, large = (every[every["potential_from"] == v]["q50"] for v in (20.0, 500.0))
    assert (small < large).all()
