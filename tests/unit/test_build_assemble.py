"""A world from a table: identities, what each step moves, and what is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.assembly.assemble import build_world
from detente.assembly.finaldemand import clean_table, to_deficits, with_tariffs
from detente.assembly.thetas import read_choice
from detente.errors import InputError, WorldError
from detente.sources.iotable import IOTable
from detente.world.clean import remove_inventories
from io_tables import COUNTRIES, SECTORS, SOURCE, table

SHARED = Path(
    os.environ.get("DETENTE_SHARED_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")
)


def shared(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the shared data are not here: {'/'.join(parts)}")
    return path


def changes(world, **wanted):
    return [
        c
        for c in world.meta["build"]["changes"]
        if all(c[key] == value for key, value in wanted.items())
    ]


def tariffs(*rows):
    return pd.DataFrame(rows, columns=["importer", "exporter", "sector", "rate"])


# -- what a world is made of -----------------------------------------------------------------
def test_a_balanced_table_goes_through_unchanged():
    t = table()
    world = build_world(t, elasticities=5)
    np.testing.assert_allclose(world.flows, t.intermediate + t.final, rtol=1e-12)
    np.testing.assert_allclose(world.output, t.output, rtol=1e-12)
    np.testing.assert_allclose(world.value_added, t.value_added.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(world.input_share * t.output, t.input_use, rtol=1e-10)
    np.testing.assert_allclose(world.income, t.final.sum(axis=(0, 1)), rtol=1e-10)
    assert not [c for c in changes(world) if c["flag"] in ("balanced", "clipped")]
    assert world.check(1e-9).passed


def test_taxes_on_products_stay_in_value_added_and_leave_final_demand():
    """γ and γᵛ are costs over output, so income is value added and the industries' taxes."""
    t = table(taxes=0.1)
    world = build_world(t, elasticities=5)
    np.testing.assert_allclose(world.value_added, (t.value_added + t.taxes).sum(axis=0))
    (paid,) = changes(world, what="taxes on products paid by industries: in value added")
    assert paid["amount"] == pytest.approx(t.taxes.sum())
    (left,) = changes(world, what="taxes on products paid by final demand: left out")
    assert left["amount"] == pytest.approx(t.final_taxes.sum())


def test_tariffs_on_inputs_come_out_of_value_added_those_on_final_goods_on_top():
    t = table()
    rate = 0.2
    world = build_world(
        t, elasticities=5, tariffs=tariffs(*((n, "WLD", "C29", rate) for n in COUNTRIES))
    )
    s = SECTORS.index("C29")
    taxed = ~np.eye(5, dtype=bool)
    taxed[1:3, 1:3] = False  # Germany and France: a customs union
    duty_in = rate * (t.intermediate[s] * taxed).sum(axis=0)
    duty_out = rate * (t.final[s] * taxed).sum(axis=0)
    np.testing.assert_allclose(world.flows, t.intermediate + t.final)
    np.testing.assert_allclose(world.value_added, t.value_added.sum(axis=0) - duty_in)
    np.testing.assert_allclose(world.tariff_revenue, duty_in + duty_out)
    spent = (world.final_share * world.income).sum(axis=0)
    np.testing.assert_allclose(spent, t.final.sum(axis=(0, 1)) + duty_out)
    (told,) = changes(world, what="tariffs on inputs: taken out of value added")
    assert told["amount"] == pytest.approx(duty_in.sum())


def test_stocks_are_produced_instead_as_on_the_full_table():
    """Where sourcing is the same for every use, the full table is known: the same result."""
    t = table(seed=3, stocks=0.3)
    assert (t.inventories < 0).any()
    n, s = 5, 4
    source = t.intermediate / t.intermediate.sum(axis=1, keepdims=True)
    full = np.einsum("kin,ksn->ikns", source, t.input_use).reshape(n * s, n * s)
    flat = (t.final.transpose(1, 0, 2), t.inventories.transpose(1, 0, 2))
    final, stocks = (np.ascontiguousarray(a).reshape(n * s, n) for a in flat)
    want = remove_inventories(full, final, stocks, countries=COUNTRIES, sectors=SECTORS)
    money, moved = clean_table(t)
    np.testing.assert_allclose(
        money.intermediate + money.final, want.arrays()["flows"], rtol=1e-9
    )
    np.testing.assert_allclose(money.value_added, want.arrays()["value_added"], rtol=1e-9)
    drawn = next(c for c in moved if c.what.startswith("drawn from stocks"))
    assert drawn.amount == pytest.approx(-np.minimum(t.inventories, 0).sum())
    world = build_world(t, elasticities=5)
    assert world.check(1e-9).passed
    np.testing.assert_allclose(world.flows, want.arrays()["flows"], rtol=1e-9)


def test_stocks_that_only_grew_are_final_demand():
    t = table()
    t = replace(t, inventories=0.01 * t.final, final=0.99 * t.final)
    world = build_world(t, elasticities=5)
    np.testing.assert_allclose(world.flows, t.intermediate + t.final + t.inventories)
    (told,) = changes(world, what="added to stocks: counted as final demand")
    assert told["amount"] == pytest.approx(t.inventories.sum())


# -- aggregation -----------------------------------------------------------------------------
MAP = """\
countries: {EU: [DEU, FRA]}
sectors: {goods: [A01, C10T12, C29]}
rest: keep
"""


def test_adding_up_before_or_after_gives_the_same_flows_and_revenue(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(MAP)
    t = table(seed=5)
    list_ = tariffs(("USA", "CHN", "C29", 0.25), ("CHN", "WLD", "A01", 0.1))
    fine = build_world(t, tariffs=list_)
    coarse = build_world(t, tariffs=list_, aggregate=path)
    again = fine.aggregate(
        {"DEU": "EU", "FRA": "EU"}, {"A01": "goods", "C10T12": "goods", "C29": "goods"}
    )
    again = again.reorder(coarse.countries, coarse.sectors)
    np.testing.assert_allclose(coarse.flows, again.flows, rtol=1e-12)
    np.testing.assert_allclose(coarse.tariff_revenue, again.tariff_revenue, rtol=1e-10)
    np.testing.assert_allclose(coarse.deficit, again.deficit, atol=1e-6)


def test_elasticities_of_groups_are_weighed_by_exports(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(MAP)
    t = table()
    world = build_world(t, aggregate=path)
    flows = t.intermediate + t.final
    exports = (flows * ~np.eye(5, dtype=bool)).sum(axis=(1, 2))[:3]
    want = np.average([9.11, 2.62, 8.22], weights=exports)
    assert world.trade_elasticity[0] == pytest.approx(want)
    told = world.meta["build"]["elasticities"]["goods"]
    assert told["flag"] == "pooled"  # motor vehicles have no estimate of their own
    assert told["std_error"] > 0


# -- elasticities ----------------------------------------------------------------------------
def test_elasticities_from_a_number_a_table_and_a_file(tmp_path):
    t = table()
    assert build_world(t, elasticities="4.5").trade_elasticity.tolist() == [4.5] * 4
    by = dict(zip(SECTORS, (9.0, 3.0, 7.0, 5.0), strict=True))
    assert build_world(t, elasticities=by).trade_elasticity.tolist() == [9.0, 3.0, 7.0, 5.0]
    path = tmp_path / "theta.csv"
    path.write_text("sector,value,std_error\nA01,9,1\nC29,7,2\n")
    world = build_world(t, elasticities=path)
    assert world.trade_elasticity.tolist() == [9.0, 8.0, 7.0, 8.0]
    flags = [e["flag"] for e in world.meta["build"]["elasticities"].values()]
    assert flags == ["observed", "pooled", "observed", "assumed"]


def test_elasticities_by_product_are_means_over_the_industrys_lines(tmp_path):
    path = tmp_path / "ProTEE_0_1.csv"
    path.write_text(
        "HS6,zero,positive,sigma\n010121,0,0,-11\n010129,0,0,-9\n870321,0,0,-7\n160100,0,0,-4\n"
    )
    world = build_world(table(), elasticities=path)
    goods = [9.0, 3.0, 6.0]
    assert world.trade_elasticity.tolist() == pytest.approx([*goods, np.mean(goods)])
    flags = [e["flag"] for e in world.meta["build"]["elasticities"].values()]
    assert flags == ["observed", "observed", "observed", "assumed"]


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("caliendo-paro", "Did you mean 'caliendo-parro'"),
        ("fontagne", "detente fetch fontagne-elasticities"),
        ("-3", "positive number"),
        ("nan", "positive number"),
        ("nowhere.csv", "no file"),
        ({"A01": -1}, "positive number"),
    ],
)
def test_elasticities_that_are_none_are_refused(choice, says):
    with pytest.raises(InputError, match=says):
        read_choice(choice)


def test_elasticities_for_a_sector_that_is_not_there_are_refused():
    with pytest.raises(InputError, match=r"'C92'.*Did you mean 'C29'"):
        build_world(table(), elasticities={"C92": 3.0})
    odd = table(sectors=("a", "b", "c", "d"))
    with pytest.raises(InputError, match="no known concordance"):
        build_world(odd)
    assert build_world(odd, elasticities=3).trade_elasticity.tolist() == [3.0] * 4


# -- deficits --------------------------------------------------------------------------------
def test_given_deficits_are_met_and_suppliers_keep_their_final_sales():
    t = table()
    money, _ = clean_table(t)
    own = money.final.sum(axis=(0, 1)) - money.value_added.sum(axis=0)
    wanted = {"USA": float(own[4]) + 500.0, "CHN": float(own[0]) - 800.0}
    balanced, (told,) = to_deficits(money, wanted)
    np.testing.assert_allclose(balanced.final.sum(axis=2), money.final.sum(axis=2), rtol=1e-9)
    world = build_world(t, elasticities=5, deficits=wanted)
    assert world.deficit[4] == pytest.approx(wanted["USA"], abs=1e-4)
    assert world.deficit[0] == pytest.approx(wanted["CHN"], abs=1e-4)
    assert world.deficit.sum() == pytest.approx(0.0, abs=1e-5)
    assert told.flag == "balanced"
    assert told.amount > 0


@pytest.mark.parametrize(
    ("deficits", "says"),
    [
        ({"USX": 1.0}, "Did you mean 'USA'"),
        (dict.fromkeys(COUNTRIES, 100.0), "must sum to zero"),
        ({"USA": -1e9}, "no final demand left"),
    ],
)
def test_deficits_that_cannot_be_are_refused(deficits, says):
    with pytest.raises(InputError, match=says):
        build_world(table(), elasticities=5, deficits=deficits)


# -- tables that do not hold -----------------------------------------------------------------
def test_a_rounded_output_is_told_and_sales_stand():
    t = table()
    t = replace(t, output=t.output * 1.0005)
    world = build_world(t, elasticities=5)
    np.testing.assert_allclose(world.flows, t.intermediate + t.final)
    assert changes(world, what="published output differs from sales: sales stand")


def test_final_sales_are_balanced_to_a_published_output_that_differs():
    t = table()
    wrong = t.final.copy()
    wrong[1] *= 1.03
    world = build_world(replace(t, final=wrong), elasticities=5)
    np.testing.assert_allclose(world.output, t.output, rtol=1e-9)
    (told,) = changes(world, what="final sales balanced to the published output")
    assert 0 < told["share"] < 0.05
    assert world.check(1e-9).passed


def test_a_table_that_misses_its_output_is_refused_with_where():
    t = table()
    wrong = t.final.copy()
    wrong[2, 1] *= 4
    with pytest.raises(WorldError, match="most in C29, DEU"):
        build_world(replace(t, final=wrong), elasticities=5)


def test_few_negative_inputs_are_clipped_and_many_refused():
    t = table()
    cell = (1, 0, 4)
    low = t.intermediate.copy()
    low[cell] = -1.0
    t_low = replace(t, intermediate=low)
    world = build_world(t_low, elasticities=5)
    (told,) = changes(world, what="negative sales as inputs: set to zero")
    assert (told["amount"], told["cells"], told["where"]) == (1.0, 1, "C10T12, CHN, USA")
    assert world.check(1e-9).passed
    low[1] *= -1
    with pytest.raises(WorldError, match="negative"):
        build_world(replace(t, intermediate=low), elasticities=5)


def costly(t, s, n, excess):
    """The table in which cell (s, n) pays ``excess`` more than it sells for its inputs."""
    use = t.input_use[:, s, n]
    more = use * ((1.0 + excess) * t.output[s, n] / use.sum() - 1.0)
    source = t.intermediate[:, :, n] / t.intermediate[:, :, n].sum(axis=1, keepdims=True)
    moved = np.zeros_like(t.final)
    moved[:, :, n] = source * more[:, None]
    inputs = t.input_use.copy()
    inputs[:, s, n] += more
    return replace(
        t, input_use=inputs, intermediate=t.intermediate + moved, final=t.final - moved
    )


def test_inputs_above_the_output_become_final_demand():
    """A sector that costs more than it sells: γᵛ = 0, sales as they were."""
    tables = (
        (costly(table(seed=k), s, n, 0.02), k, s, n)
        for k in range(9)
        for s in range(4)
        for n in range(5)
    )
    t, _, s, n = next(found for found in tables if found[0].final.min() > 0)
    world = build_world(t, elasticities=5)
    np.testing.assert_allclose(world.flows, t.intermediate + t.final, rtol=1e-10)
    assert world.value_added_share[s, n] == pytest.approx(0.0, abs=1e-10)
    (told,) = changes(world, flag="clipped")
    assert told["amount"] == pytest.approx(0.02 * t.output[s, n])
    with pytest.raises(WorldError, match="inputs cost more than the output"):
        build_world(t, elasticities=5, tolerance=1e-4)


def test_a_cell_without_a_number_is_refused():
    t = table()
    bad = t.final.copy()
    bad[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="'final' has 1 cells without a number"):
        build_world(replace(t, final=bad), elasticities=5)


# -- invariances -----------------------------------------------------------------------------
@given(st.integers(0, 50), st.floats(1e-3, 1e3))
def test_the_unit_of_money_does_not_matter(seed, factor):
    t = table(seed=seed, stocks=0.1)
    scaled = {
        key: getattr(t, key) * factor
        for key in ("intermediate", "final", "inventories", "input_use", "value_added", "taxes",
                    "final_taxes", "output")
    }  # fmt: skip
    a, b = build_world(t, elasticities=5), build_world(replace(t, **scaled), elasticities=5)
    np.testing.assert_allclose(a.trade_share, b.trade_share, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(a.input_share, b.input_share, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(a.flows * factor, b.flows, rtol=1e-7)


@given(st.permutations(range(5)))
def test_the_order_of_countries_does_not_matter(order):
    t = table(seed=2, stocks=0.1)
    o = np.array(order)
    links = {k: getattr(t, k)[:, o][:, :, o] for k in ("intermediate", "final", "inventories")}
    cells = {k: getattr(t, k)[..., o] for k in ("input_use", "value_added", "taxes",
                                                "final_taxes", "output")}  # fmt: skip
    names = tuple(t.countries[j] for j in order)
    turned = replace(t, **links, **cells, countries=names, country_names=names)
    a = build_world(t, elasticities=5).reorder(names)
    b = build_world(turned, elasticities=5)
    np.testing.assert_allclose(a.flows, b.flows, rtol=1e-9)
    np.testing.assert_allclose(a.deficit, b.deficit, rtol=1e-6, atol=1e-6)


@given(st.floats(0.0, 0.5), st.integers(0, 20))
def test_every_identity_holds_whatever_the_tariffs(rate, seed):
    t = table(seed=seed, stocks=0.2)
    money, _ = clean_table(t)
    duties = rate * (1.0 - np.eye(5))[None] * np.array([1.0, 0.5, 0.2, 0.0])[:, None, None]
    arrays, _ = with_tariffs(money, duties)
    total = arrays["input_use"].sum(axis=0) + arrays["value_added"]
    np.testing.assert_allclose(total, arrays["flows"].sum(axis=2), rtol=1e-12)
    spent = (arrays["flows"] * (1 + duties)).sum(axis=1)
    np.testing.assert_allclose(
        spent, arrays["input_use"].sum(axis=1) + arrays["final"], rtol=1e-12
    )


# -- what it says of itself ------------------------------------------------------------------
def test_the_record_names_sources_flags_and_what_is_unverified():
    world = build_world(table(), tariffs=tariffs(("USA", "CHN", "C29", 0.25)), name="w")
    meta = world.meta
    assert [b["block"] for b in meta["blocks"]] == [
        "intermediate flows, outputs",
        "final demand, value added",
        "tariffs",
        "trade elasticities",
    ]
    assert meta["blocks"][0]["note"].startswith("unverified")
    assert [s["name"] for s in meta["sources"]] == [
        "made-up",
        "own table",
        "caliendo-parro-elasticities",
    ]
    assert meta["tolerance"] == 1e-9
    assert meta["vintage"] == "A made-up table, 1st release: 2018"
    assert world.country_names[0] == "China"


def test_members_and_errors_are_there_for_draws_and_geography(tmp_path):
    """As ``detente partners`` reads them."""
    from detente.partners.draws import elasticity_errors

    path = tmp_path / "m.yaml"
    path.write_text(MAP)
    world = build_world(table(), aggregate=path)
    assert world.meta["members"] == {"EU": ["DEU", "FRA"]}
    error, estimate = elasticity_errors(world)
    assert estimate == ("Agriculture + Auto + Food", "Retail")
    goods = world.meta["build"]["elasticities"]["goods"]
    assert error[0] == pytest.approx(goods["std_error"] / goods["value"], abs=1e-4)
    assert build_world(table(), elasticities=5).meta["elasticity_errors"] == {}


def test_the_same_inputs_give_the_same_world():
    assert build_world(table()).content_hash == build_world(table()).content_hash


# -- real tables -----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def wiod():
    from detente.sources.wiod import read_wiod_arrays

    return read_wiod_arrays(shared("wiod2013", "wiot_2008.npz"), 2008)


def test_wiod_2008_becomes_a_world_close_to_the_full_tables(wiod):
    """Clearing stocks on reduced arrays moves flows by less than 0.1 % of the full table's."""
    world = build_world(wiod, name="wiod")
    assert world.check(1e-9).passed
    with np.load(shared("wiod2013", "wiot_2008.npz")) as file:
        raw = {key: file[key] for key in file.files}
    final = raw["final"].reshape(1435, 41, 5).astype(float)
    full = remove_inventories(
        raw["intermediate"].astype(float),
        final[:, :, :4].sum(axis=2),
        final[:, :, 4],
        countries=wiod.countries,
        sectors=wiod.sectors,
        output=raw["output"].astype(float),
    ).arrays()
    gap = np.abs(world.flows - full["flows"]).sum() / full["flows"].sum()
    assert gap < 1e-3
    drawn = changes(world, what="drawn from stocks: produced instead")[0]
    assert drawn["amount"] == -np.minimum(final[:, :, 4], 0).sum()


def test_wiod_2008_solves_a_tariff_scenario(wiod):
    """A US tariff on China lowers US imports from there; no shock changes nothing."""
    from detente.equilibrium import solve_equilibrium as solve
    from detente.shocks import Shocks

    world = build_world(wiod, name="wiod", aggregate="eu27")
    usa, chn = world.country_index("USA"), world.country_index("CHN")
    same = solve(world, Shocks())
    np.testing.assert_allclose(same.wage_hat, 1.0, atol=1e-10)
    tariff = world.tariff.copy()
    tariff[:16, chn, usa] = 0.25
    found = solve(world, Shocks(tariff_new=tariff))
    before = world.flows[:16, chn, usa].sum()
    assert found.flows[:16, chn, usa].sum() < 0.5 * before
    assert found.welfare_hat[chn] < 1.0


def test_the_icio_of_2022_gets_the_embedded_worlds_elasticities(tmp_path):
    """The map korea on the real table of 2022: θ as in trade_elasticity.csv.

    The committed table weighs by intermediate sales abroad; with final sales left out of the
    table the weights are the same.
    """
    with np.load(shared("icio2022", "icio2022.npz")) as file:
        raw = {key: file[key].astype(float) for key in ("intermediate", "input_use")}
        countries = tuple(map(str, file["countries"]))
        sectors = tuple(map(str, file["sectors"]))
    sold = np.maximum(raw["intermediate"], 0.0)
    use = np.maximum(raw["input_use"], 0.0)
    s, n = len(sectors), len(countries)
    final = 1e-9 + np.einsum(
        "si,in->sin", np.maximum(use.sum(axis=0) - sold.sum(axis=2), 1.0) * 2, np.eye(n)
    )
    output = sold.sum(axis=2) + final.sum(axis=2)
    t = IOTable(
        countries=countries,
        sectors=sectors,
        intermediate=sold,
        final=final,
        inventories=np.zeros_like(sold),
        input_use=use,
        value_added=output - use.sum(axis=0),
        taxes=np.zeros((s, n)),
        final_taxes=np.zeros(n),
        output=output,
        year=2022,
        source=SOURCE,
    )
    world = build_world(t, aggregate="korea")
    assert (world.n_countries, world.n_sectors) == (22, 25)
    from detente.assembly.aggregation import named_table

    committed = {row[0]: float(row[1]) for row in named_table("trade_elasticity.csv")}
    for code, value in zip(world.sectors, world.trade_elasticity, strict=True):
        assert value == pytest.approx(committed[code], rel=2e-3), code
