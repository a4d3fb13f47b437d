"""Splits against closed forms and independent methods, and what is refused with amounts."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from detente.assembly.entropy import Program, nearest_table
from detente.assembly.split import split_country
from detente.assembly.splitspec import SplitSpec
from detente.errors import InputError
from detente.world import World, load_world
from detente.world.aggregate import aggregate
from detente.world.balance import balance
from detente.world.checks import check
from worlds import random_world

TRADE = ["flow", "partner", "sector", "value"]


def table(*rows: tuple[Any, ...], columns: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns or TRADE)


def spec(rows: pd.DataFrame | None = None, **data: Any) -> SplitSpec:
    tariffs = data.pop("tariffs", None)
    technology = data.pop("technology", None)
    whole = {"country": {"code": "NEW"}, "out_of": "C01"} | data
    return SplitSpec.from_dict(whole, trade=rows, tariffs=tariffs, technology=technology)


def world_of(seed: int = 3, n: int = 5, s: int = 4, **options: Any) -> World:
    return random_world(seed, n, s, **options)


def added_of(world: World, code: str) -> np.ndarray:
    n = world.country_index(code)
    return world.value_added_share[:, n] * world.output[:, n]


def shares(world: World, share: float, code: str = "C01") -> dict[str, Any]:
    """Value added of a part of a country that is like the whole."""
    values = dict(zip(world.sectors, (share * added_of(world, code)).tolist(), strict=True))
    return {"total": float(sum(values.values())), "values": values}


# -- the estimate ------------------------------------------------------------------------
def program(prior: np.ndarray, upper: np.ndarray | None = None) -> Program:
    flat = prior.reshape(-1)
    bound = np.full(flat.size, np.inf) if upper is None else upper.reshape(-1)
    return Program(flat, np.zeros(flat.size), bound, np.full(flat.size, np.nan))


def with_margins(found: Program, table: np.ndarray) -> Program:
    cells = np.arange(table.size).reshape(table.shape)
    for j, row in enumerate(table):
        found.add(cells[j], float(row.sum()), f"row {j}")
    for j, column in enumerate(table.T):
        found.add(cells[:, j], float(column.sum()), f"column {j}")
    return found


class TestEntropy:
    def test_without_bounds_it_is_the_biproportional_fit(self):
        rng = np.random.default_rng(1)
        prior = rng.lognormal(0, 2, (6, 5))
        wanted = prior * rng.lognormal(0, 1, prior.shape)
        found = nearest_table(with_margins(program(prior), wanted))
        ras = balance(prior, wanted.sum(axis=1), wanted.sum(axis=0)).values
        np.testing.assert_allclose(found.values.reshape(prior.shape), ras, rtol=1e-9)
        assert found.residual < 1e-12

    def test_of_a_part_and_its_rest_both_keep_their_odds(self):
        """x/(u − x) over p/(u − p) is a product of a row's and a column's factor."""
        rng = np.random.default_rng(2)
        upper = rng.lognormal(2, 1, (4, 5))
        prior = upper * rng.uniform(0.05, 0.6, upper.shape)
        wanted = upper * rng.uniform(0.05, 0.9, upper.shape)
        found = nearest_table(with_margins(program(prior, upper), wanted))
        x = found.values.reshape(upper.shape)
        assert ((x > 0) & (x < upper)).all()
        np.testing.assert_allclose(x.sum(axis=1), wanted.sum(axis=1), rtol=1e-12)
        odds = np.log(x / (upper - x)) - np.log(prior / (upper - prior))
        np.testing.assert_allclose(odds - odds[:1] - odds[:, :1] + odds[0, 0], 0, atol=1e-8)

    def test_a_prior_that_meets_everything_stays(self):
        prior = np.arange(1.0, 13.0).reshape(3, 4)
        found = nearest_table(with_margins(program(prior, 3 * prior), prior))
        np.testing.assert_allclose(found.values, prior.reshape(-1), rtol=1e-12)
        assert found.steps == 0

    def test_half_of_what_is_there_has_a_closed_form(self):
        """Two cells of 10 with priors 1 and 4, together 10: x/(10−x)·y/(10−y) odds times."""
        both = program(np.array([[1.0, 4.0]]), np.array([[10.0, 10.0]]))
        both.add(np.array([0, 1]), 10.0, "both")
        x, y = nearest_table(both).values
        # the condition has one multiplier, so the odds keep their ratio: (1/9)/(4/6) = 1/6,
        # and y = 10 − x gives (x/(10−x))² = 1/6
        assert x / (10 - x) == pytest.approx(np.sqrt(1 / 6), rel=1e-10)
        assert x + y == pytest.approx(10.0, rel=1e-14)

    def test_a_plus_and_a_minus_in_one_cell(self):
        """The least entropy with h − z = 3 and h − f = 1 solves a cubic."""
        three = program(np.array([2.0, 1.0, 1.0]))
        three.add(np.array([0, 1]), 3.0, "first", np.array([1.0, -1.0]))
        three.add(np.array([0, 2]), 1.0, "second", np.array([1.0, -1.0]))
        h, z, f = nearest_table(three).values
        # h = 2ab, z = 1/a, f = 1/b, so h·z·f = 2
        roots = np.roots([1.0, -4.0, 3.0, -2.0])  # h(h−3)(h−1) = 2
        assert h == pytest.approx(float(max(roots.real)), rel=1e-10)
        assert (h - z, h - f) == (pytest.approx(3.0), pytest.approx(1.0))

    def test_known_cells_and_cells_without_choice_are_exact(self):
        one = program(np.ones((2, 2)))
        one.known[0] = 0.1
        cells = np.arange(4).reshape(2, 2)
        one.add(cells[0], 0.1, "row 0")  # nothing is left for the other cell
        one.add(cells[1], 7.0, "row 1")
        one.add(cells[:, 0], 2.1, "column 0")
        found = nearest_table(one).values
        assert (found[0], found[1]) == (0.1, 0.0)
        np.testing.assert_allclose(found[2:], [2.0, 5.0], rtol=1e-15)

    def test_a_table_that_exists_at_its_bounds_only_is_found(self):
        """Rows and columns leave one table: [[2, 0], [0, 3]], with zeros that no row shows."""
        upper = np.array([[2.0, 5.0, 1.0], [4.0, 3.0, 1.0]])
        found = program(upper / 2, upper)
        cells = np.arange(6).reshape(2, 3)
        found.add(cells[0], 2.5, "row 0")
        found.add(cells[1], 3.5, "row 1")
        found.add(np.array([1, 3]), 0.0, "the corners")
        found.add(np.array([0, 2]), 2.5, "row 0 again")
        found.add(np.array([0, 5]), 2.0 + 0.5, "across")
        x = nearest_table(found).values
        np.testing.assert_allclose(x[[1, 3]], 0.0, atol=1e-12)
        assert x[0] + x[2] == pytest.approx(2.5)

    def test_who_contradicts_whom_is_said_with_amounts(self):
        bad = with_margins(program(np.ones((2, 2))), np.array([[1.0, 2.0], [3.0, 4.0]]))
        bad.conditions[0] = type(bad.conditions[0])(
            np.array([0, 1]), np.ones(2), 4.0, "exports of coal"
        )
        with pytest.raises(InputError, match=r"contradict each other.*asks \d") as error:
            nearest_table(bad, "the totals")
        assert "1" in str(error.value)

    def test_more_than_there_is_names_both_amounts(self):
        bad = program(np.ones((1, 2)), np.array([[2.0, 3.0]]))
        bad.add(np.array([0, 1]), 6.0, "exports of coal")
        with pytest.raises(InputError, match=r"exports of coal should be 6, but at most 5 is"):
            nearest_table(bad)


# -- out of an aggregate -----------------------------------------------------------------
class TestOutOfAnAggregate:
    def test_what_is_left_and_the_part_are_the_whole(self):
        world = world_of()
        new = split_country(world, spec(value_added=shares(world, 0.2)))
        back = aggregate(new, {"NEW": "C01"}).reorder(world.countries)
        for key in ("flows", "input_share", "final_share", "value_added", "tariff"):
            np.testing.assert_allclose(
                getattr(back, key), getattr(world, key), rtol=1e-10, atol=1e-10
            )
        assert check(new).passed

    def test_everybody_else_is_the_same_to_the_bit(self):
        world = world_of()
        new = split_country(world, spec(value_added=shares(world, 0.2)))
        others = [n for n, code in enumerate(world.countries) if code != "C01"]
        for key in ("input_share", "value_added_share", "final_share"):
            new_array, old = getattr(new, key)[..., 1:], getattr(world, key)
            np.testing.assert_array_equal(new_array[..., others], old[..., others])
        np.testing.assert_array_equal(new.value_added[1:][others], world.value_added[others])
        flows = new.flows[:, 1:, 1:]
        np.testing.assert_array_equal(
            flows[:, others][:, :, others], world.flows[:, others][:, :, others]
        )

    def test_a_part_like_the_whole_keeps_its_technology(self):
        """The prior meets every identity once trade inside is stated, so that it stays.

        A fifth of A sells a fifth of everything to everyone and buys a fifth; between the
        parts flows what proportion says (a fifth of four fifths), and final demand follows.
        """
        world = world_of(5, tariffs=False)
        a = world.country_index("C01")
        inside = world.flows[:, a, a] * 0.2 * 0.8
        rows = [
            (flow, "C01", sector, float(value))
            for flow in ("exports", "imports")
            for sector, value in zip(world.sectors, inside, strict=True)
        ]
        given = {"value_added": shares(world, 0.2), "trade": {"least_home_sales": 0}}
        new = split_country(world, spec(table(*rows), **given))
        np.testing.assert_allclose(new.flows[:, 0, 0], world.flows[:, a, a] * 0.04, rtol=1e-9)
        np.testing.assert_allclose(
            np.delete(new.flows[:, 0], [0, 1 + a], axis=1),
            0.2 * np.delete(world.flows[:, a], a, axis=1),
            rtol=1e-9,
        )
        for key in ("input_share", "value_added_share", "final_share"):
            whole = getattr(world, key)[..., a]
            np.testing.assert_allclose(getattr(new, key)[..., 0], whole, rtol=1e-8)
            np.testing.assert_allclose(getattr(new, key)[..., 1 + a], whole, rtol=1e-8)
        assert new.meta["split"]["NEW"]["donor"]["share_of_inputs_reallocated"] < 1e-9

    def test_final_demand_and_balance_can_be_stated(self):
        world = world_of()
        given = shares(world, 0.2)
        final = given["total"] * 1.05
        new = split_country(world, spec(value_added=given, final_demand={"total": final}))
        assert new.income[0] == pytest.approx(final, rel=1e-10)
        new = split_country(
            world, spec(value_added=given, trade={"balance": -0.03 * given["total"]})
        )
        assert new.deficit[0] == pytest.approx(0.03 * given["total"], rel=1e-9)

    def test_a_sector_that_is_all_of_the_aggregates(self):
        world = world_of()
        given = shares(world, 0.1)
        whole = added_of(world, "C01")[2]
        given["values"]["s02"] = float(whole)
        given["total"] = float(sum(given["values"].values()))
        new = split_country(world, spec(value_added=given))
        left = 1 + world.country_index("C01")
        assert new.output[2, left] == 0.0
        assert new.output[2, 0] == pytest.approx(world.output[2, left - 1], rel=1e-12)
        # what is left makes none of it, and its technology stays known
        np.testing.assert_array_equal(
            new.input_share[:, 2, left], world.input_share[:, 2, left - 1]
        )
        assert check(new).passed

    def test_known_inputs_and_final_demand(self):
        world = world_of()
        given = shares(world, 0.2)
        new = split_country(
            world,
            spec(
                value_added=given,
                inputs=[
                    {"input": "s00", "sectors": "all", "except": "s01", "value": 0},
                    {"input": "s03", "sectors": "s02", "value": 0.5},
                ],
                final_demand={"values": {"s01": 40.0}, "floor": "1%"},
            ),
        )
        used = new.input_share[:, :, 0] * new.output[:, 0]
        assert not np.delete(used[0], 1).any()
        assert used[3, 2] == pytest.approx(0.5, rel=1e-12)
        final = new.final_share[:, 0] * new.income[0]
        assert final[1] == pytest.approx(40.0, rel=1e-10)

    def test_dormant_shares_and_bans_of_old_links_stay(self):
        world = world_of(4, zeros=0.3, dormant=True)
        new = split_country(world, spec(value_added=shares(world, 0.2)))
        for group in ("dormant", "coverage"):
            for key, array in getattr(world, group).items():
                found = getattr(new, group)[key]
                np.testing.assert_array_equal(found[:, 1:, 1:], array)
                assert not found[:, 0].any() and not found[:, :, 0].any()

    def test_a_tariff_of_its_own_leaves_everyones_revenue(self):
        world = world_of()
        tariffs = table(
            ("NEW", "C02", "s01", "1%"),
            ("C03", "NEW", "s00+s02", "0.02"),
            columns=["exporter", "importer", "sector", "rate"],
        )
        new = split_country(world, spec(value_added=shares(world, 0.2), tariffs=tariffs))
        at = [new.country_index(c) for c in ("C02", "C03")]
        assert new.tariff[1, 0, at[0]] == 0.01
        assert new.tariff[0, at[1], 0] == new.tariff[2, at[1], 0] == 0.02
        old = [world.country_index(c) for c in ("C02", "C03")]
        np.testing.assert_allclose(
            new.tariff_revenue[at[:1]], world.tariff_revenue[old[:1]], rtol=1e-12
        )
        both = new.tariff_revenue[0] + new.tariff_revenue[new.country_index("C01")]
        assert both == pytest.approx(world.tariff_revenue[world.country_index("C01")])
        assert check(new).passed

    def test_a_world_that_misses_its_identities_is_rebased_first(self):
        world = world_of()
        off = world.with_(value_added=world.value_added * 1.001, meta={"tolerance": 0.01})
        new = split_country(off, spec(value_added=shares(world, 0.2)))
        assert new.meta["split"]["NEW"]["rebased_first"]
        assert check(new).passed

    def test_the_country_is_a_member_of_the_aggregate_no_more(self):
        world = world_of().with_(meta={"members": {"C01": ["NEW", "OLD"], "C02": ["C02"]}})
        new = split_country(world, spec(value_added=shares(world, 0.2)))
        assert new.meta["members"] == {"C01": ["OLD"], "C02": ["C02"], "NEW": ["NEW"]}

    def test_two_splits_in_a_row_keep_both_records(self):
        world = world_of()
        one = split_country(world, spec(value_added=shares(world, 0.2)))
        two = split_country(
            one,
            spec(country={"code": "SEC"}, out_of="C02", value_added=shares(one, 0.1, "C02")),
        )
        assert set(two.meta["split"]) == {"NEW", "SEC"}
        assert two.countries[:3] == ("SEC", "NEW", "C00")


class TestMoreThanThereIs:
    def asked(self, world: World, flow: str, times: float, **data: Any) -> SplitSpec:
        a, n = world.country_index("C01"), world.country_index("C02")
        there = world.flows[1, a, n] if flow == "exports" else world.flows[1, n, a]
        row = (flow, "C02", "s01", float(times * there))
        return spec(table(row), value_added=shares(world, 0.3), **data)

    @pytest.mark.parametrize("flow", ["exports", "imports"])
    def test_a_cell_is_refused_with_both_amounts_and_a_way_out(self, flow):
        world = world_of()
        a, n = world.country_index("C01"), world.country_index("C02")
        there = world.flows[1, a, n] if flow == "exports" else world.flows[1, n, a]
        with pytest.raises(InputError) as error:
            split_country(world, self.asked(world, flow, 1.5))
        text = str(error.value)
        assert f"{flow} of s01" in text and "line 1" in text and "excess: home" in text
        assert f"{1.5 * there:,.6g}" in text
        told = float(re.search(r"(?:sells|buys) ([0-9.,]+) in all", text)[1].replace(",", ""))
        assert there * (1 - 1e-5) < told <= there  # what is printed is accepted

    @pytest.mark.parametrize("flow", ["exports", "imports"])
    def test_the_excess_comes_out_of_home_sales_where_the_spec_says_so(self, flow):
        world = world_of()
        a, n = world.country_index("C01"), world.country_index("C02")
        new = split_country(world, self.asked(world, flow, 1.5, excess="home"))
        i, j = (0, 1 + n) if flow == "exports" else (1 + n, 0)
        giver = a if flow == "exports" else n
        there = world.flows[1, a, n] if flow == "exports" else world.flows[1, n, a]
        assert new.flows[1, i, j] == 1.5 * there
        back = aggregate(new, {"NEW": "C01"}).reorder(world.countries)
        np.testing.assert_allclose(
            back.flows[1, giver, giver], world.flows[1, giver, giver] - 0.5 * there, rtol=1e-10
        )
        # outputs stay, and every identity holds
        np.testing.assert_allclose(back.output, world.output, rtol=1e-10)
        assert check(new).passed
        (listed,) = new.meta["split"]["NEW"]["excess_from_home_sales"]
        assert listed["taken_from_home_sales"] == pytest.approx(0.5 * there)
        assert listed["of"] == ["C01" if flow == "exports" else "C02"]

    def test_value_added_of_a_sector(self):
        world = world_of()
        given = shares(world, 0.2)
        given["values"]["s01"] = 2 * float(added_of(world, "C01")[1])
        given["total"] = float(sum(given["values"].values()))
        with pytest.raises(InputError, match=r"value added in s01 should be .* C01 has"):
            split_country(world, spec(value_added=given))

    @pytest.mark.parametrize(
        ("data", "told"),
        [
            ({"final_demand": {"values": {"s01": 1e9}}}, "final demand for s01"),
            ({"inputs": [{"input": "s03", "sectors": "s02", "value": 1e9}]}, "s03 in s02"),
        ],
    )
    def test_final_demand_and_inputs(self, data, told):
        world = world_of()
        with pytest.raises(InputError) as error:
            split_country(world, spec(value_added=shares(world, 0.2), **data))
        assert told in str(error.value) and "there is" in str(error.value)

    def test_sales_to_a_partner_that_buys_none(self):
        world = world_of(2, 5, 4, zeros=0.6)
        s, n = np.argwhere(world.expenditure == 0)[0]
        row = ("exports", world.countries[n], world.sectors[s], 0.001)
        total = ("exports", "all", "all", 0.002), ("imports", "all", "all", 0.002)
        made = (world.output[:, 2] > 0) & (world.value_added_share[:, 2] > 0)
        values = {c: float(m) for c, m in zip(world.sectors, made, strict=True)}
        given = {"total": sum(values.values()), "values": values}
        with pytest.raises(InputError, match=f"exports of {world.sectors[s]}"):
            split_country(
                world,
                spec(table(row, *total), out_of="none", donor="C02", value_added=given),
            )

    def test_all_of_the_aggregate(self):
        world = world_of()
        with pytest.raises(InputError, match="nothing would be left"):
            split_country(world, spec(value_added=shares(world, 1.0)))

    def test_a_part_that_is_more_than_its_whole(self):
        world = world_of()
        rows = table(("exports", "all", "all", 3.0), ("exports", "C02", "all", 5.0))
        with pytest.raises(InputError) as error:
            split_country(world, spec(rows, value_added=shares(world, 0.2)))
        assert "line 2: all exports to C02: 5 million USD" in str(error.value)
        assert "all exports are 3, line 1" in str(error.value)

    def test_sums_that_contradict_each_other(self):
        world = world_of()
        a = world.country_index("C01")
        sold = float(world.flows[1, a].sum()) / 10
        rows = table(
            ("exports", "all", "s01", sold),
            ("exports", "C02+C03", "s01", sold / 2),
            ("exports", "others", "s01", sold),
        )
        with pytest.raises(InputError, match=r"exports of s01"):
            split_country(world, spec(rows, value_added=shares(world, 0.2)))


# -- beside everyone ---------------------------------------------------------------------
class TestBeside:
    def given(self, world: World, **data: Any) -> dict[str, Any]:
        size = float(world.value_added.min()) * 1e-3
        values = dict.fromkeys(world.sectors, size / world.n_sectors)
        whole = {"total": float(sum(values.values())), "values": values}
        return {"out_of": "none", "donor": "C02", "value_added": whole} | data

    def rows(self, world: World) -> pd.DataFrame:
        size = float(world.value_added.min()) * 1e-3
        sums = [
            (flow, "all", sector, 0.1 * size / world.n_sectors)
            for flow in ("exports", "imports")
            for sector in world.sectors
        ]
        total = 0.1 * size
        weights = np.array([0.4, 0.3, 0.2, 0.1, 0.0])
        return table(
            *sums,
            *(
                (flow, code, "all", float(total * w))
                for flow in ("exports", "imports")
                for code, w in zip(world.countries, weights, strict=True)
            ),
        )

    def test_trade_with_all_sums_known_is_the_biproportional_fit(self):
        world = world_of()
        trade = self.rows(world)
        new = split_country(world, spec(trade, **self.given(world)))
        abroad = world.flows * ~np.eye(5, dtype=bool)[None]
        for flow, pattern in (("exports", abroad.sum(axis=1)), ("imports", abroad.sum(axis=2))):
            mine = trade[trade["flow"] == flow]
            sectors = mine[mine["partner"] == "all"]["value"].to_numpy()
            partners = mine[mine["sector"] == "all"]["value"].to_numpy()
            ras = balance(pattern, sectors, partners).values
            found = new.flows[:, 0, 1:] if flow == "exports" else new.flows[:, 1:, 0]
            np.testing.assert_allclose(found, ras, rtol=1e-9, atol=1e-15)

    def test_partners_keep_outputs_and_sell_less_at_home(self):
        world = world_of()
        new = split_country(world, spec(self.rows(world), **self.given(world)))
        np.testing.assert_allclose(new.output[:, 1:], world.output, rtol=1e-12)
        own = np.einsum("snn->sn", new.flows)[:, 1:]
        np.testing.assert_allclose(
            own, np.einsum("snn->sn", world.flows) - new.flows[:, 1:, 0], rtol=1e-12
        )
        assert new.flows[:, 0, -1].sum() == 0.0  # the partner with a total of nothing

    def test_donors_taste_and_technology_come_from_a_table_too(self):
        world = world_of()
        n = world.country_index("C02")
        used = (world.input_share * world.output)[:, :, n]
        rows = [
            ("input", k, s, float(used[j, i]))
            for j, k in enumerate(world.sectors)
            for i, s in enumerate(world.sectors)
        ]
        for kind, values in (
            ("value_added", added_of(world, "C02")),
            ("final", (world.final_share * world.income)[:, n]),
            ("home_sales", world.flows[:, n, n]),
        ):
            rows += [
                (kind, "", s, float(v)) for s, v in zip(world.sectors, values, strict=True)
            ]
        technology = table(*rows, columns=["kind", "input", "sector", "value"])
        named = split_country(world, spec(self.rows(world), **self.given(world)))
        given = self.given(world, donor={"file": "technology.csv"})
        tabled = split_country(world, spec(self.rows(world), technology=technology, **given))
        np.testing.assert_allclose(tabled.flows, named.flows, rtol=1e-9)
        np.testing.assert_allclose(tabled.input_share, named.input_share, rtol=1e-8)

    def test_tariffs_that_nobody_states(self):
        """What a partner charges others on average; and nothing on what is bought."""
        world = world_of()
        new = split_country(world, spec(self.rows(world), **self.given(world)))
        abroad = world.flows * ~np.eye(5, dtype=bool)[None]
        mean = (abroad * world.tariff).sum(axis=1) / abroad.sum(axis=1)
        np.testing.assert_allclose(new.tariff[:, 0, 1:], mean, rtol=1e-12)
        assert not new.tariff[:, :, 0].any()

    def test_more_than_a_partner_sells_at_home(self):
        world = world_of()
        own = float(world.flows[0, 1, 1])
        trade = table(
            ("imports", "C01", "s00", 2 * own),
            ("imports", "all", "all", 2 * own),
            ("exports", "all", "all", 2 * own),
        )
        size = 10 * own
        given = self.given(world, value_added={"total": size, "shares": {"s00": "25%"}})
        with pytest.raises(InputError) as error:
            split_country(world, spec(trade, **given))
        assert "C01" in str(error.value) and "sells" in str(error.value)

    @pytest.mark.parametrize("flow", ["exports", "imports"])
    def test_a_total_of_each_flow_is_needed(self, flow):
        world = world_of()
        rows = self.rows(world)
        rows = rows[rows["flow"] != flow]
        with pytest.raises(InputError, match=f"no total of {flow}"):
            split_country(world, spec(rows, **self.given(world)))

    def test_a_donor_is_needed_and_must_make_what_the_country_makes(self):
        world = world_of()
        given = self.given(world)
        given.pop("donor")
        with pytest.raises(InputError, match="needs a donor"):
            split_country(world, spec(self.rows(world), **given))
        technology = table(
            ("value_added", "", "s00", 1.0),
            ("final", "", "s00", 1.0),
            columns=["kind", "input", "sector", "value"],
        )
        given = self.given(world, donor={"file": "t.csv", "name": "one good"})
        with pytest.raises(InputError, match="the donor one good makes no s01"):
            split_country(world, spec(self.rows(world), technology=technology, **given))


# -- value added by sector ---------------------------------------------------------------
class TestSizes:
    def found(self, world: World, given: dict[str, Any], *rows: Any) -> np.ndarray:
        new = split_country(world, spec(table(*rows) if rows else None, value_added=given))
        return new.value_added_share[:, 0] * new.output[:, 0]

    def test_blocks_and_shares_come_out_and_the_rest_follows_the_aggregate(self):
        world = world_of()
        there = added_of(world, "C01")
        total = 0.1 * float(there.sum())
        given = {
            "total": total,
            "shares": {"s00": "30%"},
            "blocks": [{"name": "industry", "share": "20%", "sectors": ["s01", "s02"]}],
        }
        found = self.found(world, given)
        assert found[0] == pytest.approx(0.3 * total, rel=1e-10)
        assert found[1:3].sum() == pytest.approx(0.2 * total, rel=1e-10)
        assert found[1] / found[2] == pytest.approx(there[1] / there[2], rel=1e-9)
        assert found[3] == pytest.approx(0.5 * total, rel=1e-10)

    def test_known_exports_get_their_value_added_first(self):
        world = world_of()
        a = world.country_index("C01")
        there, home = added_of(world, "C01"), world.flows[:, a, a]
        total = 0.1 * float(there.sum())
        sold = 0.05 * world.flows[1:3, a].sum(axis=1)
        rows = [("exports", "all", f"s0{j + 1}", float(v)) for j, v in enumerate(sold)]
        given = {
            "total": total,
            "blocks": [{"name": "both", "share": "40%", "sectors": ["s01", "s02"]}],
        }
        found = self.found(world, given, *rows)
        rate = world.value_added_share[1:3, a]
        left = 0.4 * total - (sold * rate).sum()
        weight = (home[1:3] * rate) / (home[1:3] * rate).sum()
        np.testing.assert_allclose(found[1:3], sold * rate + left * weight, rtol=1e-9)

    def test_shares_are_scaled_for_rounding_and_refused_beyond(self):
        world = world_of()
        total = 0.1 * float(added_of(world, "C01").sum())
        parts = {"s00": "40.2%", "s01": "30.1%", "s02": "20%", "s03": "10%"}
        found = self.found(world, {"total": total, "shares": parts})
        assert found.sum() == pytest.approx(total, rel=1e-12)
        assert found[0] / found[1] == pytest.approx(40.2 / 30.1, rel=1e-9)
        parts["s00"] = "43%"
        with pytest.raises(InputError, match="add up to"):
            self.found(world, {"total": total, "shares": parts})

    def test_a_block_with_more_value_added_in_its_exports_than_it_has(self):
        world = world_of()
        a = world.country_index("C01")
        total = 0.1 * float(added_of(world, "C01").sum())
        given = {
            "total": total,
            "blocks": [{"name": "ores", "share": "0.1%", "sectors": ["s01"]}],
        }
        row = ("exports", "all", "s01", 0.5 * float(world.flows[1, a].sum()))
        with pytest.raises(InputError, match="exports of the block 'ores' hold"):
            self.found(world, given, row)


def test_thousand_usd_and_million_usd_are_the_same():
    world = world_of()
    given = shares(world, 0.2)
    a = world.country_index("C01")
    value = 0.1 * float(world.flows[1, a, 2])
    plain = split_country(
        world, spec(table(("exports", "C02", "s01", value)), value_added=given)
    )
    big = {
        "total": given["total"] * 1e3,
        "values": {k: v * 1e3 for k, v in given["values"].items()},
    }
    other = split_country(
        world,
        spec(
            table(("exports", "C02", "s01", value * 1e3)),
            value_added=big,
            unit="thousand USD",
        ),
    )
    np.testing.assert_allclose(other.flows, plain.flows, rtol=1e-10)


@pytest.mark.parametrize("size", ["un", "bok"])
@pytest.mark.parametrize("year", [2016, 2018])
def test_the_embedded_specs_make_the_dprk_of_the_embedded_worlds(year, size):
    """No original is needed: world-2022 and the specs come with detente."""
    new = split_country(load_world("world-2022"), f"prk-{year}-{size}")
    shipped = load_world("korea" if year == 2018 else "korea-before", size)
    assert new.countries == shipped.countries
    for key in ("flows", "tariff", "input_share", "value_added_share", "final_share"):
        np.testing.assert_allclose(
            getattr(new, key), getattr(shipped, key), rtol=1e-9, atol=1e-9, err_msg=key
        )
    assert not new.dormant and not new.coverage
