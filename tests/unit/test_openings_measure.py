"""Shares of potential on panels drawn from a known law, with known closures."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.gravity import gravity, panel, without_pair
from detente.openings.histories import after, histories
from detente.openings.measure import measure, ordinary, read_panel, realised, standing
from detente.openings.record import Event, Picked, Record
from hypothesis_profiles import examples

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")

CODES = tuple(f"{a}{a}{a}" for a in "ABCDEFGHIJKL")
YEARS = tuple(range(1986, 1996))
FORMULA = "trade ~ ln_distance + border | exporter + importer"
SHUT = ("BBB", "EEE")


def opening(t):
    """A curve: nothing before 1990, then half of the rest every two years up to 0.8."""
    return 0.0 if t < 1990 else 0.8 * (1.0 - 0.5 ** ((t - 1990) / 2.0))


def law(codes=CODES, years=YEARS, closures=None, noise=None, seed=0, scale=1.0):
    """Flows of an exact gravity law; ``closures`` maps (exporter, importer) to a curve."""
    rng = np.random.default_rng(seed)
    n = len(codes)
    at = rng.uniform(0.0, 10.0, (n, 2))
    sell, buy = rng.normal(4.0, 0.7, (2, n))
    rows = []
    for year in years:
        grown = 0.03 * (year - years[0]) * rng.uniform(0.5, 1.5, n)
        for i, j in np.ndindex(n, n):
            away = float(np.hypot(*(at[i] - at[j]))) + 0.5
            size = sell[i] + grown[i] + buy[j] + grown[j] - 0.9 * np.log(away)
            potential = scale * float(np.exp(size - 1.5 * (i != j)))
            curve = (closures or {}).get((codes[i], codes[j]))
            trade = potential * (curve(year) if curve else 1.0)
            if noise == "poisson":
                trade = float(rng.poisson(trade))
            rows.append((year, codes[i], codes[j], trade, away, potential))
    names = ["year", "exporter", "importer", "trade", "distance", "true"]
    return pd.DataFrame(rows, columns=names)


def event(name, year, one, other="all", direction="opening", group="planted"):
    sides = tuple(s if s == "all" else tuple(s) for s in (one, other))
    return Event(
        name=name, what="It happened.", kind="normalisation", direction=direction,
        date=str(year), sides=sides, group=group, earlier=None, source="made up",
        verification="assumed", note="", covered_by="agtpa", line=1,
    )  # fmt: skip


def record(*events, picked=()):
    return Record(tuple(events), tuple(Picked(p, e, "") for p, e in picked), "0")


PLANTED = {SHUT: opening, SHUT[::-1]: lambda t: 0.5 * opening(t)}


@pytest.fixture(scope="module")
def exact():
    return law(closures=PLANTED)


@pytest.fixture(scope="module")
def found(exact):
    return realised(exact, [SHUT])


# -- known answers ---------------------------------------------------------------------------
def test_without_noise_the_planted_curves_come_back(exact, found):
    """Each way, and together as sum over sum."""
    true = exact.set_index(["exporter", "importer", "year"])["true"]
    for row in found.pair(*SHUT[::-1]).itertuples():
        there, back = true[(*SHUT, row.year)], true[(*SHUT[::-1], row.year)]
        one, other = opening(row.year), 0.5 * opening(row.year)
        assert row.share_ab == pytest.approx(one, abs=1e-6)
        assert row.share_ba == pytest.approx(other, abs=1e-6)
        assert row.share == pytest.approx(
            (one * there + other * back) / (there + back), abs=1e-6
        )
        assert row.potential == pytest.approx(there + back, rel=1e-6)


def test_a_pair_that_never_closed_gives_one_and_no_error_without_noise(found):
    rest = found.table[(found.table["a"] != SHUT[0]) | (found.table["b"] != SHUT[1])]
    assert len(rest) == 65 * len(YEARS)
    np.testing.assert_allclose(rest["share"], 1.0, rtol=1e-6)
    assert found.table["error"].max() < 1e-5
    assert (found.table["why"] == "").all()


def test_with_poisson_noise_potential_is_off_by_its_error():
    """ln(estimate / truth) over its standard error has mean square one."""
    z, gaps = [], []
    for seed in range(12):
        drawn = law(closures=PLANTED, noise="poisson", seed=seed, years=(1989, 1994))
        shares = realised(drawn, [SHUT])
        own = drawn[[set(p) == set(SHUT) for p in drawn[["exporter", "importer"]].to_numpy()]]
        true = own.groupby("year")["true"].sum().to_numpy()
        row = shares.pair(*SHUT)
        gap = np.log(row["potential"].to_numpy() / true)
        z += (gap / row["error"].to_numpy()).tolist()
        gaps += gap.tolist()
    assert 0.5 < np.mean(np.square(z)) < 2.0
    assert np.abs(gaps).max() < 0.2


def test_the_median_ordinary_pair_is_below_the_mean_that_poisson_expects():
    """Log-normal shares of mean one: their quantiles are known."""
    codes = tuple(f"{a}{b}X" for a in "ABCDEF" for b in "ABCDEF")
    data = law(codes, years=(1990,), scale=20.0)
    rng, sigma = np.random.default_rng(1), 1.0
    factor = {
        frozenset(p): rng.lognormal(-(sigma**2) / 2, sigma) for p in combinations(codes, 2)
    }
    pairs = [frozenset(p) for p in data[["exporter", "importer"]].to_numpy()]
    data["trade"] = data["true"] * [factor.get(p, 1.0) for p in pairs]
    shares = realised(data, [])
    table = ordinary(shares, record(), classes=(1e-9,))
    row = table[table["set"] == "all"].iloc[0]
    assert row["pairs"] == 36 * 35 / 2
    for name, z in (("q25", -0.6745), ("q50", 0.0), ("q75", 0.6745)):
        assert np.log(row[name]) == pytest.approx(z * sigma - sigma**2 / 2, abs=0.2)


# -- invariances -----------------------------------------------------------------------------
@settings(max_examples=examples(5))
@given(order=st.permutations(range(len(CODES))), seed=st.integers(0, 2**16))
def test_names_and_order_of_rows_change_nothing(order, seed):
    data = law(closures=PLANTED, noise="poisson", years=(1991,))
    renamed = {c: CODES[k] for c, k in zip(CODES, order, strict=True)}
    other = data.assign(**{c: data[c].map(renamed) for c in ("exporter", "importer")})
    other = other.sample(frac=1.0, random_state=seed)
    one, two = realised(data, [SHUT]), realised(other, [tuple(renamed[c] for c in SHUT)])
    columns = ["potential", "share", "error"]
    for a, b in (SHUT, ("AAA", "LLL"), ("CCC", "DDD")):
        first, second = one.pair(a, b), two.pair(renamed[a], renamed[b])
        np.testing.assert_allclose(first[columns], second[columns], rtol=1e-7)


def test_order_of_rows_does_not_move_the_hash_and_a_flow_does(exact):
    one, two = (realised(d[d["year"] == 1990], []) for d in (exact, exact[::-1]))
    assert one.content_hash == two.content_hash
    moved = exact.assign(trade=exact["trade"].where(exact.index != 5, 1.0))
    assert realised(moved[moved["year"] == 1986], []).content_hash != one.content_hash


def test_another_unit_changes_levels_only():
    data = law(closures=PLANTED, noise="poisson", years=(1991, 1992))
    one = realised(data, [SHUT]).table
    two = realised(data.assign(trade=1000.0 * data["trade"]), [SHUT]).table
    np.testing.assert_allclose(two["potential"], 1000.0 * one["potential"], rtol=1e-7)
    np.testing.assert_allclose(two["actual"], 1000.0 * one["actual"], rtol=1e-12)
    for same in ("share", "share_ab", "error"):
        np.testing.assert_allclose(two[same], one[same], rtol=1e-6)


def test_what_a_left_out_pair_trades_does_not_touch_the_estimate():
    data = law(closures=PLANTED, noise="poisson", years=(1991, 1992))
    own = [set(p) == set(SHUT) for p in data[["exporter", "importer"]].to_numpy()]
    other = data.assign(trade=data["trade"].where(~np.array(own), 1e6))
    one, two = realised(data, [SHUT]).table, realised(other, [SHUT]).table
    for same in ("potential_ab", "potential_ba", "error"):
        np.testing.assert_array_equal(one[same], two[same])
    assert not np.allclose(one["potential"], realised(other, []).table["potential"])


def test_with_one_pair_left_out_it_is_gravitys_own_without_pair(exact):
    flows = panel(exact, years=[1990, 1994])
    theirs = without_pair(flows, *SHUT, FORMULA)
    ours = realised(flows, [SHUT], formula=FORMULA).pair(*SHUT)
    for way, (i, j) in {"ab": SHUT, "ba": SHUT[::-1]}.items():
        row = theirs[(theirs["exporter"] == i) & (theirs["importer"] == j)]
        np.testing.assert_allclose(ours[f"share_{way}"], row["ratio"], rtol=1e-12)


# -- the error -------------------------------------------------------------------------------
def test_the_error_is_that_of_a_regression_with_dummies_as_terms():
    """Brute force: every effect a coefficient of gravity's own, errors clustered by pair."""
    data = law(CODES[:6], closures=PLANTED, noise="poisson", years=(1991,))
    flows = panel(data)
    own = np.array([set(p) == set(SHUT) for p in data[["exporter", "importer"]].to_numpy()])
    seen = replace(flows, table=flows.table[~own])
    dummies = "trade ~ ln_distance + border + i(exporter) + i(importer)"
    result = gravity(seen, dummies, keep_singletons=True)
    slopes = []
    for row in data[own].itertuples():
        x = {"constant": 1.0, "ln_distance": np.log(row.distance), "border": 1.0}
        x |= {f"exporter={row.exporter}": 1.0, f"importer={row.importer}": 1.0}
        slopes.append(np.array([x.get(t, 0.0) for t in result.terms]))
    # without effects gravity's constant is that of flows over their mean
    size = np.exp([s @ result.coef for s in slopes]) * seen.table["trade"].mean()
    slope = size @ np.array(slopes) / size.sum()
    shares = realised(data, [SHUT], formula=FORMULA)
    row = shares.pair(*SHUT).iloc[0]
    assert row["potential"] == pytest.approx(size.sum(), rel=1e-6)
    assert row["error"] == pytest.approx(np.sqrt(slope @ result.covariance @ slope), rel=1e-5)


def test_the_error_is_about_that_of_a_bootstrap_of_pairs():
    """Pairs drawn with replacement; a pair drawn twice counts twice."""
    rng = np.random.default_rng(5)
    data = law(years=(1991,))
    key = [min(p) + max(p) for p in data[["exporter", "importer"]].to_numpy()]
    names = sorted(set(key))
    noise = dict(zip(names, rng.lognormal(-0.08, 0.4, len(names)), strict=True))
    data["trade"] *= [noise[k] for k in key]
    hidden = "".join(SHUT)
    formula = "trade ~ ln_distance + border + i(exporter) + i(importer)"
    domestic = [k for k in names if k[:3] == k[3:]]
    drawn = []
    for _ in range(60):
        abroad = [k for k in names if k not in domestic and k != hidden]
        again = [*rng.choice(abroad, len(abroad)), *domestic]
        times = pd.Series(key).map(pd.Series(again).value_counts()).fillna(0.0)
        part = data.loc[np.repeat(np.arange(len(data)), times.to_numpy().astype(int))]
        part = part.assign(copy=part.groupby(["exporter", "importer"]).cumcount())
        part = part.rename(columns={"copy": "sector"})  # only so that rows may repeat
        result = gravity(part, formula, cluster=None, keep_singletons=True)
        total = 0.0
        for row in data[[k == hidden for k in key]].itertuples():
            x = {"constant": 1.0, "ln_distance": np.log(row.distance), "border": 1.0}
            x |= {f"exporter={row.exporter}": 1.0, f"importer={row.importer}": 1.0}
            total += np.exp(sum(x.get(t, 0.0) * c for t, c in zip(
                result.terms, result.coef, strict=True)))  # fmt: skip
        drawn.append(np.log(total))
    error = realised(data, [SHUT]).pair(*SHUT)["error"].iloc[0]
    assert 0.6 < error / np.std(drawn) < 1.6


# -- the whole measure -----------------------------------------------------------------------
def test_two_passes_find_and_measure_planted_closures():
    cold = ("CCC", "DDD")
    curves = {**PLANTED, cold: lambda t: 0.02, cold[::-1]: lambda t: 0.02}
    given_record = record(
        event("planted-1990", 1990, ["BBB", "CCC"]),
        event("picked-1990", 1990, ["AAA"], ["LLL"]),
        event("absent-1990", 1990, ["AAA"], ["ZZZ"]),
        picked=[(("LLL", "AAA"), "picked-1990"), (("AAA", "ZZZ"), "absent-1990")],
    )
    calls = []
    data = law(closures=curves, scale=10.0)
    result = measure(data, given_record, partners=5, progress=lambda *n: calls.append(n))
    links = result.links.set_index(["a", "b"])
    assert set(links.index) == {SHUT, cold, ("AAA", "LLL")}
    assert links["by_rule"].to_dict() == {SHUT: True, cold: True, ("AAA", "LLL"): False}
    assert links["picked"].to_dict() == {SHUT: False, cold: False, ("AAA", "LLL"): True}
    assert result.shares.left_out == (("AAA", "LLL"), SHUT, cold)
    assert result.absent == ("AAA-ZZZ",)
    assert calls[-1] == (20, 20)
    assert len(calls) == 20
    row = result.table((1, 5)).set_index(["a", "b"])
    assert row.loc[cold, "share_5"] == pytest.approx(0.02, abs=1e-6)
    assert row.loc[("AAA", "LLL"), "share_5"] == pytest.approx(1.0, abs=1e-6)
    own = data[[set(p) == set(SHUT) for p in data[["exporter", "importer"]].to_numpy()]]
    sums = own[own["year"] == 1995][["trade", "true"]].sum()
    assert row.loc[SHUT, "share_5"] == pytest.approx(sums["trade"] / sums["true"], abs=1e-6)
    assert result.change["most"] > 0  # the first pass had the closed pairs in
    assert len(result.openings) == 3 * len(YEARS)


def test_nothing_of_the_record_in_the_panel_is_an_error(exact):
    with pytest.raises(InputError, match="no link of the record counts"):
        measure(exact, record(event("elsewhere-1990", 1990, ["XXX"], ["YYY"])))


def test_why_no_link_counts_is_said_and_measuring_goes_on_where_asked(exact):
    """An event of an open pair: the rule says no, the shares are those without the record."""
    own = record(event("open-1990", 1990, ["CCC"], ["DDD"]))
    with pytest.raises(InputError, match=r"CCC-DDD, open-1990: .*'picked'"):
        measure(exact, own)
    later = record(event("later-1999", 1999, ["CCC"], ["DDD"]))
    with pytest.raises(InputError, match="are later"):
        measure(exact, later)
    got = measure(exact, own, required=False)
    assert got.links.empty and got.histories.empty and not got.shares.left_out
    pd.testing.assert_frame_equal(got.shares.table, realised(exact, []).table)


def test_standing_counts_those_below_and_half_of_equals(found):
    """All pairs but one are at one, so the pair below them all is at nought."""
    given_record = record(event("planted-1990", 1990, [SHUT[0]], [SHUT[1]]))
    table = found.table.assign(share=found.table["share"].round(6))
    shares = replace(found, table=table)
    at = standing(table, shares, given_record, classes=(1e-9,))
    shut = (table["a"] == SHUT[0]) & (table["b"] == SHUT[1])
    assert (at[shut] == 0.0).all()
    assert (at[~shut] == 50.0).all()
    with pytest.raises(InputError, match="no set of ordinary pairs"):
        standing(table, shares, given_record, among="closed")


def test_after_takes_the_years_that_it_names(found):
    links = pd.DataFrame({"a": [SHUT[0]], "b": [SHUT[1]], "event": ["planted-1990"]})
    told = histories(found, links, record(event("planted-1990", 1990, [SHUT[0]], [SHUT[1]])))
    row = after(told, (1, 5, 6)).iloc[0]
    shares = found.pair(*SHUT).set_index("year")["share"]
    assert row["share_1"] == shares[1991]
    assert row["share_5"] == shares[1995]
    assert np.isnan(row["share_6"])
    assert row["before"] == 0.0
    assert row["right_truncated"]
    assert not row["left_truncated"]


# -- errors ----------------------------------------------------------------------------------
def test_a_country_that_the_panel_lacks_is_named_with_the_nearest(exact, found):
    for call in (lambda: found.pair("BBC", "EEE"), lambda: realised(exact, [("EEE", "BBC")])):
        with pytest.raises(InputError, match="no country 'BBC'") as error:
            call()
        assert error.value.nearest == "BBB"
    with pytest.raises(InputError, match="given twice"):
        found.pair("BBB", "BBB")


def test_a_year_outside_the_panel_says_what_years_there_are(found):
    with pytest.raises(InputError, match="1986 to 1995") as error:
        found.at(*SHUT, 2007)
    assert error.value.nearest == "1995"


def test_no_potential_is_no_share_and_says_why(exact):
    """A country that sells nothing, not even at home, has no exporter effect."""
    idle = exact.assign(trade=exact["trade"].where(exact["exporter"] != "CCC", 0.0))
    shares = realised(idle[idle["year"] == 1990], [SHUT])
    row = shares.pair("AAA", "CCC").iloc[0]
    assert np.isnan(row["potential"])
    assert np.isnan(row["share"])
    assert np.isfinite(row["share_ab"])
    with pytest.raises(InputError, match="CCC sells nothing that year"):
        shares.at("AAA", "CCC", 1990)
    assert np.isfinite(shares.at(*SHUT, 1990)["share"])


def test_a_missing_flow_is_missing_and_not_zero(exact):
    lost = (exact["exporter"] == "AAA") & (exact["importer"] == "FFF") & (exact["year"] == 1990)
    shares = realised(exact[~lost], [SHUT])
    row = shares.pair("AAA", "FFF").set_index("year").loc[1990]
    assert not row["reported"]
    assert np.isnan(row["share"])
    with pytest.raises(InputError, match="lacks a flow"):
        shares.at("AAA", "FFF", 1990)


def test_a_list_of_positive_flows_has_to_be_filled(exact):
    positive = exact[exact["trade"] > 0].drop(columns="true")
    with pytest.raises(InputError, match="positive flows only"):
        realised(positive, [SHUT])
    shares = realised(positive, [SHUT], fill=True)
    assert shares.at(*SHUT, 1987)["share"] == 0.0


def test_panels_without_years_or_with_sectors_are_refused(exact):
    one = exact[exact["year"] == 1990]
    with pytest.raises(InputError, match="no column of years"):
        read_panel(one.drop(columns="year"))
    with pytest.raises(InputError, match="add them up"):
        read_panel(one.assign(sector="all"))
