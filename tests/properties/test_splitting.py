"""Splits of random worlds: known cells exact, identities, no negative flow, nothing lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.assembly.split import split_country
from detente.assembly.splitspec import SplitSpec
from detente.world import World
from detente.world.aggregate import aggregate
from detente.world.checks import check
from hypothesis_profiles import examples
from worlds import random_world

COLUMNS = ["flow", "partner", "sector", "value"]
ARRAYS = ("flows", "tariff", "input_share", "value_added_share", "final_share")


@dataclass(frozen=True)
class Case:
    """A world, what is known of a country in it, and the truth where there is one."""

    world: World
    data: dict[str, Any]
    trade: pd.DataFrame
    truth: World | None = None

    def spec(self, **changes: Any) -> SplitSpec:
        trade = changes.pop("trade", self.trade)
        return SplitSpec.from_dict(self.data | changes, trade=trade)

    def split(self, **changes: Any) -> World:
        return split_country(self.world, self.spec(**changes))


@st.composite
def parts_of_an_aggregate(draw: st.DrawFn) -> Case:
    """Two countries merged, and one of them asked back from what is known of it: feasible."""
    n, s = draw(st.integers(3, 7)), draw(st.integers(1, 5))
    whole = random_world(
        draw(st.integers(0, 2**32 - 1)),
        n,
        s,
        zeros=draw(st.sampled_from([0.0, 0.1, 0.3])),
        tariffs=False,
        services=draw(st.integers(0, s - 1)),
    )
    new, rest = whole.countries[:2]
    world = aggregate(whole, {new: rest})
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = _known(rng, whole, draw(st.floats(0.0, 1.0)), draw(st.floats(0.0, 0.5)))
    added = whole.value_added_share[:, 0] * whole.output[:, 0]
    data = {
        "country": {"code": new},
        "out_of": rest,
        "value_added": {
            "total": float(added.sum()),
            "values": dict(zip(whole.sectors, added.tolist(), strict=True)),
        },
    }
    return Case(world, data, pd.DataFrame(rows, columns=COLUMNS), whole)


def _known(rng: np.random.Generator, whole: World, sums: float, cells: float) -> list[Any]:
    """True sums by sector and by partner, and true cells, each with a probability."""
    partners, rows = whole.countries[1:], []
    for flow, table in (("exports", whole.flows[:, 0, 1:]), ("imports", whole.flows[:, 1:, 0])):
        for s, sector in enumerate(whole.sectors):
            if rng.random() < sums:
                rows.append((flow, "all", sector, float(table[s].sum())))
            rows += [
                (flow, partner, sector, float(table[s, j]))
                for j, partner in enumerate(partners)
                if rng.random() < cells
            ]
        rows += [
            (flow, partner, "all", float(table[:, j].sum()))
            for j, partner in enumerate(partners)
            if rng.random() < sums
        ]
    return rows


@st.composite
def new_countries(draw: st.DrawFn) -> Case:
    """A country that a world lacks, small enough for everyone to trade with it."""
    n, s = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    world = random_world(
        draw(st.integers(0, 2**32 - 1)),
        n,
        s,
        zeros=draw(st.sampled_from([0.0, 0.2])),
        tariffs=draw(st.booleans()),
        services=draw(st.integers(0, s - 1)),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    donor = int(rng.integers(n))
    made = (world.output[:, donor] > 0) & (world.value_added_share[:, donor] > 1e-6)
    own = np.einsum("snn->sn", world.flows)
    abroad = world.flows * ~np.eye(n, dtype=bool)[None]
    size = 1e-3 * float(world.value_added.min())
    added = np.where(made, rng.uniform(0.5, 1.5, s) * size / s, 0.0)
    exports = abroad.sum(axis=1) * rng.uniform(0.2, 1.0, (s, n)) * made[:, None]
    imports = np.where(own > 0, abroad.sum(axis=2) * rng.uniform(0.2, 1.0, (s, n)), 0.0)
    exports *= 0.2 * added.sum() / max(float(exports.sum()), 1e-300)
    imports *= 0.3 * added.sum() / max(float(imports.sum()), 1e-300)
    exports = np.minimum(exports, 0.5 * added[:, None] / n)
    imports = np.minimum(imports, 0.1 * own)
    rows: list[Any] = []
    for flow, table in (("exports", exports), ("imports", imports)):
        rows += [
            (flow, "all", code, float(x))
            for code, x in zip(world.sectors, table.sum(axis=1), strict=True)
        ]
        rows += [
            (flow, code, "all", float(x))
            for code, x in zip(world.countries, table.sum(axis=0), strict=True)
            if rng.random() < 0.5
        ]
        rows += [
            (flow, world.countries[j], world.sectors[k], float(table[k, j]))
            for k in range(s)
            for j in range(n)
            if rng.random() < 0.2
        ]
    data = {
        "country": {"code": "NEW"},
        "out_of": "none",
        "donor": world.countries[donor],
        "value_added": {
            "total": float(added.sum()),
            "values": dict(zip(world.sectors, added.tolist(), strict=True)),
        },
    }
    return Case(world, data, pd.DataFrame(rows, columns=COLUMNS))


def stated(case: Case, new: World) -> None:
    """Every row of the table comes out: cells to the bit, sums to rounding."""
    code = case.data["country"]["code"]
    c = new.country_index(code)
    for flow, partner, sector, value in case.trade.itertuples(index=False):
        s = slice(None) if sector == "all" else new.sector_index(sector)
        if partner == "all":
            j = [k for k in range(new.n_countries) if k != c]
        else:
            j = new.country_index(partner)
        table = new.flows[:, c, :] if flow == "exports" else new.flows[:, :, c]
        if sector != "all" and partner != "all":
            assert table[s, j] == value
        else:
            assert abs(table[s][..., j].sum() - value) <= 1e-10 * max(value, 1e-300)


def same(a: World, b: World, rtol: float = 1e-8) -> None:
    for key in (*ARRAYS, "value_added", "deficit"):
        x, y = getattr(a, key), getattr(b, key)
        size = b.value_added.max() if key == "deficit" else np.abs(y).max()
        np.testing.assert_allclose(x, y, rtol=rtol, atol=1e-10 * size, err_msg=key)


@settings(max_examples=examples(60))
@given(parts_of_an_aggregate())
def test_a_part_of_an_aggregate(case: Case) -> None:
    new = case.split()
    stated(case, new)
    assert check(new).passed
    assert min(new.flows.min(), new.final_share.min(), new.input_share.min()) >= 0
    code = case.data["country"]["code"]
    added = new.value_added_share[:, 0] * new.output[:, 0]
    wanted = [case.data["value_added"]["values"][sector] for sector in new.sectors]
    np.testing.assert_allclose(added, wanted, rtol=1e-9)
    assert new.countries == (code, *case.world.countries)


@settings(max_examples=examples(60))
@given(parts_of_an_aggregate())
def test_the_part_and_what_is_left_are_the_aggregate(case: Case) -> None:
    new = case.split()
    back = aggregate(new, {case.data["country"]["code"]: case.data["out_of"]})
    back = back.reorder(case.world.countries)
    # what the world makes nothing of has no technology to compare
    made = case.world.output > 0
    size = case.world.value_added.max()
    for key in ("flows", "value_added", "deficit", "tariff", "final_share"):
        x, y = getattr(back, key), getattr(case.world, key)
        atol = 1e-12 * (size if key == "deficit" else np.abs(y).max())
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=atol, err_msg=key)
    for key in ("input_share", "value_added_share"):
        x, y = getattr(back, key), getattr(case.world, key)
        gap = np.abs(x - y) * made
        assert gap.max() < 1e-9, key


@settings(max_examples=examples(30))
@given(parts_of_an_aggregate())
def test_everything_known_is_the_truth(case: Case) -> None:
    """With every cell of trade known, flows with others come back; the rest is estimated."""
    whole = case.truth
    assert whole is not None
    rows = _known(np.random.default_rng(0), whole, 0.0, 1.1)
    trade = pd.DataFrame(rows, columns=COLUMNS)
    new = case.split(trade=trade)
    c = [whole.country_index(code) for code in new.countries]
    true = whole.flows[:, c][:, :, c]
    np.testing.assert_array_equal(new.flows[:, 0, 1:], true[:, 0, 1:])
    np.testing.assert_array_equal(new.flows[:, 1:, 0], true[:, 1:, 0])
    others = slice(2, None)
    np.testing.assert_allclose(new.flows[:, others], true[:, others], rtol=1e-9, atol=1e-9)


@settings(max_examples=examples(60))
@given(new_countries())
def test_a_country_that_the_world_lacks(case: Case) -> None:
    new = case.split()
    stated(case, new)
    assert check(new).passed
    assert new.flows.min() >= 0
    # outputs of partners do not move, nor what they pay each other
    np.testing.assert_allclose(new.output[:, 1:], case.world.output, rtol=1e-12)
    n = case.world.n_countries
    abroad = ~np.eye(n, dtype=bool)
    np.testing.assert_array_equal(new.flows[:, 1:, 1:][:, abroad], case.world.flows[:, abroad])
    np.testing.assert_array_equal(new.trade_elasticity, case.world.trade_elasticity)


@settings(max_examples=examples(25))
@given(st.one_of(parts_of_an_aggregate(), new_countries()), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_is_irrelevant(case: Case, seed: int) -> None:
    shuffled = case.trade.sample(frac=1.0, random_state=seed % 2**32)
    same(case.split(trade=shuffled), case.split())


@settings(max_examples=examples(25))
@given(st.one_of(parts_of_an_aggregate(), new_countries()))
def test_the_unit_of_money_is_irrelevant(case: Case) -> None:
    """A world and a spec in thousandths: the same shares, money a thousand times as large."""
    big = Case(
        case.world.scale(1000.0),
        case.data | {"unit": "billion USD"},
        case.trade,
    ).split()
    same(big, case.split().scale(1000.0))


@settings(max_examples=examples(15))
@given(parts_of_an_aggregate())
def test_labels_in_another_order_change_nothing(case: Case) -> None:
    world = case.world.reorder(case.world.countries[::-1], case.world.sectors[::-1])
    found = Case(world, case.data, case.trade).split()
    plain = case.split()
    same(found.reorder(plain.countries, plain.sectors), plain)
