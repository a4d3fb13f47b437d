"""Pipelines whatever the numbers: accounts, homogeneity, monotone gains, units of account."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.corridors.pipelineentry import entry
from detente.corridors.pipelineparties import break_even, interruption
from detente.corridors.pipelines import Link, Segment, Stop, economics
from detente.corridors.pipelinescale import sized
from detente.corridors.pipelineunits import Fee
from detente.equilibrium import solve_equilibrium
from detente.scenario import Scenario
from detente.world import World
from hypothesis_profiles import examples
from worlds import random_world

amounts = st.floats(0.1, 1000.0)
shares = st.floats(0.0, 1.0)


@st.composite
def links(draw: st.DrawFn) -> Link:
    payers = st.sampled_from([{"A": 1.0}, {"B": 0.5, "C": 0.5}, {"C": 0.3, "D": 0.7}])
    segments = tuple(
        Segment(c, draw(amounts), draw(amounts), draw(payers), draw(payers)) for c in "ABC"
    )
    everyone = draw(st.booleans())
    weights = {"A": draw(amounts), "C": draw(amounts)}
    if everyone:
        weights["B"] = draw(amounts)
    fee = draw(st.sampled_from([Fee(2.0, "USD/1000m3/100km"), Fee(5.0, "%"), Fee(0.0, "%")]))
    return Link(
        seller="A",
        buyer="C",
        via=("B",),
        carrier="gas",
        capacity=draw(amounts),
        segments=segments,
        supply_cost=draw(amounts),
        alternative=draw(amounts),
        fee=fee,
        weights=weights,
        opex=draw(st.floats(0.0, 0.2)),
        fuel=draw(st.floats(0.0, 0.5)),
        rate=draw(st.floats(0.0, 0.3)),
        life=draw(st.floats(1.0, 60.0)),
        construction=draw(st.floats(0.0, 10.0)),
        closed=draw(st.floats(0.0, 300.0)),
        stop=Stop(draw(st.floats(0.0, 365.0)), 0.1, draw(shares), draw(shares), draw(amounts)),
    )


@settings(max_examples=examples(200))
@given(links())
def test_what_one_pays_another_gets(link: Link) -> None:
    found = economics(link)
    scale = found.value + found.cost
    assert sum(found.gains.values()) == pytest.approx(found.surplus, abs=1e-9 * scale)
    lost = interruption(found)
    whole = economics(replace(link, closed=0.0))
    if not whole.deal:
        assert lost.total == lost.fees == lost.expected == 0.0
        return
    volume = link.capacity * lost.days / 365.0
    stop = link.stop
    assert stop is not None
    instead = stop.replaceable * link.alternative * (1.0 + stop.spot_premium)
    instead += (1.0 - stop.replaceable) * stop.lost_load
    # prices and fees cancel: what is bought instead, less what stays in the ground
    expected = volume * (instead - link.supply_cost / (1.0 - link.fuel))
    size = 1e-9 * (scale + volume * (abs(instead) + link.supply_cost))
    # a bargain's price may be far above the worth of what flows
    size *= 1.0 + sum(abs(x) for x in lost.losses.values()) / max(scale, 1e-9)
    assert lost.total == pytest.approx(expected, abs=size)


@settings(max_examples=examples(100))
@given(links(), st.floats(0.01, 100.0))
def test_twice_the_link_at_twice_the_capital_is_twice_the_gain(link: Link, by: float) -> None:
    segments = tuple(replace(s, capex=s.capex * by) for s in link.segments)
    one, other = economics(link), economics(
        replace(link, capacity=link.capacity * by, segments=segments)
    )  # fmt: skip
    scale = (one.value + one.cost) * by
    assert other.surplus == pytest.approx(by * one.surplus, abs=1e-9 * scale)
    for code, gain in one.gains.items():
        assert other.gains[code] == pytest.approx(by * gain, abs=1e-8 * scale)
    assert other.ratio == pytest.approx(one.ratio)


@settings(max_examples=examples(100))
@given(links(), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_capital_of_another_size_is_one_of_the_way_there(
    link: Link, by: float, again: float
) -> None:
    """A power: in two steps as in one; length in proportion; a stated capital as stated."""
    twice = sized(sized(link, link.capacity * by)[0], link.capacity * by * again)[0]
    once, words = sized(link, link.capacity * by * again)
    assert twice.capex == pytest.approx(once.capex)
    assert once.capex == pytest.approx(link.capex * (by * again) ** 0.7)
    longer = sized(link, km={c: by * link.km(c) for c in "ABC"})[0]
    assert longer.capex == pytest.approx(by * link.capex)
    assert sized(link, link.capacity * by, capex=77.0)[0].capex == pytest.approx(77.0)
    assert sized(link) == (link, "")
    assert words or by * again == pytest.approx(1.0)


@settings(max_examples=examples(100))
@given(links(), st.floats(1.01, 3.0))
def test_a_dearer_alternative_makes_nobody_worse_off_in_a_bargain(
    link: Link, by: float
) -> None:
    one, other = economics(link), economics(replace(link, alternative=link.alternative * by))
    scale = other.value + other.cost
    assert other.surplus >= one.surplus
    for code in ("B", "C"):
        if link.bargained or link.fee.unit != "%":
            assert other.gains[code] >= one.gains[code] - 1e-9 * scale


@settings(max_examples=examples(100))
@given(links(), st.floats(0.0, 5.0))
def test_a_contract_between_the_break_evens_suits_both(link: Link, by_distance: float) -> None:
    link = replace(link, weights={"A": 1.0, "C": 1.0}, fee=Fee(by_distance, link.fee.unit))
    cost = economics(link).unit_cost + by_distance * 10.0
    link = replace(link, alternative=1.2 * cost)
    edge = break_even(economics(link))
    assert edge.seller < edge.buyer
    found = economics(replace(link, price=0.5 * (edge.seller + edge.buyer)))
    assert found.gains["A"] > 0 < found.gains["C"]


@settings(max_examples=examples(200))
@given(links(), st.floats(0.0, 1e5), st.booleans())
def test_the_rent_in_the_model_is_what_the_parties_gain(
    link: Link, flow: float, financed: bool
) -> None:
    found = economics(link)
    enters = entry(found, financed=financed)
    capital = found.capital if financed else {}
    rent = found.surplus + sum(capital.values())
    if enters is None:
        assert rent <= 1e-9 * found.value or found.volume == 0 or not found.deal
        return
    # who has to agree to a bargain loses by none
    assert min(found.gains[c] for c in link.bargainers) >= -1e-6 * (found.value + found.cost)
    assert enters.rent == pytest.approx(rent, abs=1e-9 * found.value)
    assert 0.0 < enters.ratio < 1.0
    assert sum(share for _, share in enters.owners) == pytest.approx(1.0)
    own = dict(enters.owners)
    size = 1e-6 * (found.value + sum(abs(g) for g in found.gains.values()))
    for code, gain in found.gains.items():
        part = own.get(code, 0.0) * enters.rent + enters.transfers.get(code, 0.0)
        assert part == pytest.approx(gain + capital.get(code, 0.0), abs=size)
    # at baseline prices the mark-up makes up for d̂, and its rent is the surplus
    d = enters.cost_hat(flow)
    assert (1.0 - d) * (flow + enters.worth) == pytest.approx(
        enters.rent, abs=1e-9 * (flow + enters.worth)
    )


def _scaled(world: World, by: float) -> World:
    return replace(
        world,
        flows=world.flows * by,
        value_added=world.value_added * by,
        deficit=world.deficit * by,
    )


@settings(max_examples=examples(12))
@given(st.integers(0, 10_000), st.floats(0.01, 0.2), st.floats(0.2, 0.95))
def test_a_world_a_thousand_times_as_large_with_its_pipe_has_the_same_hats(
    seed: int, size: float, ratio: float
) -> None:
    world = random_world(seed, 4, 2)
    spent = float(world.expenditure[0, 1])
    worth = (
        size
        * spent
        * (1.0 - float(world.trade_share[0, 0, 1]))
        / (1.0 + float(world.tariff[0, 0, 1]))
    )
    hats = []
    for by in (1.0, 1000.0):
        fields = {
            "from": "C00",
            "via": "C02",
            "to": "C01",
            "capacity": f"{worth * by / 100.0:.12f} bcm/year",
            "supply_cost": f"{100.0 * ratio:.9f} USD/1000m3",
            "alternative_price": "100 USD/1000m3",
            "transit_fee": "3%",
            "sector": "s00",
        }
        scenario = Scenario.from_dict({"scenario": "x", "measures": [{"pipeline": fields}]})
        large = _scaled(world, by)
        eq = solve_equilibrium(large, scenario.to_shocks(large))
        hats.append(eq.welfare_hat)
        assert eq.certificate.converged
    np.testing.assert_allclose(hats[1], hats[0], rtol=1e-8)
    assert np.abs(hats[0] - 1.0).max() > 1e-6
