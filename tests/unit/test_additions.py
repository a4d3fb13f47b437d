"""Trade that a measure adds to links enters as weight, and gives what it says."""

from __future__ import annotations

import numpy as np
import pytest

import detente as dt
from detente import model
from detente.scenario.additions import Additions


@pytest.fixture(scope="module")
def world() -> dt.World:
    return dt.load_world("korea")


def _shares(world: dt.World, found: dict[str, np.ndarray]) -> np.ndarray:
    base = model.link_base(
        world.trade_share, found["link"], found["link_open"], found["dormant_share"]
    )
    return base / base.sum(axis=1, keepdims=True)


def _neutral(world: dt.World) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(world.flows.shape), np.zeros(world.flows.shape)


def test_added_trade_is_what_the_buyer_spends_at_baseline_costs(world: dt.World) -> None:
    s = world.sector_index("oil-gas")
    rus, kor, usa = (world.country_index(c) for c in ("RUS", "KOR", "USA"))
    extra = np.zeros(world.flows.shape)
    extra[s, rus, kor], extra[s, usa, kor] = 3000.0, 500.0
    additions = Additions(world)
    additions.add(extra)
    share = _shares(world, dict(additions.put(*_neutral(world), None)))
    spent = world.expenditure[s, kor]
    for i in (rus, usa):
        flow = share[s, i, kor] * spent / (1 + world.tariff[s, i, kor])
        assert flow == pytest.approx(world.flows[s, i, kor] + extra[s, i, kor], rel=1e-12)
    # the others give way in proportion
    others = [i for i in range(world.n_countries) if i not in (rus, usa)]
    ratio = share[s, others, kor] / np.where(
        world.trade_share[s, others, kor] > 0, world.trade_share[s, others, kor], np.nan
    )
    assert np.nanmax(ratio) == pytest.approx(np.nanmin(ratio), rel=1e-12)
    assert np.nanmax(ratio) < 1


def test_a_link_that_carries_nothing_opens(world: dt.World) -> None:
    s, prk, kor = (
        world.sector_index("textiles"),
        world.country_index("PRK"),
        world.country_index("KOR"),
    )
    assert world.flows[s, prk, kor] == 0
    extra = np.zeros(world.flows.shape)
    extra[s, prk, kor] = 700.0
    additions = Additions(world)
    additions.add(extra)
    share = _shares(world, dict(additions.put(*_neutral(world), None)))
    flow = share[s, prk, kor] * world.expenditure[s, kor] / (1 + world.tariff[s, prk, kor])
    assert flow == pytest.approx(700.0, rel=1e-12)


def test_nothing_added_changes_nothing(world: dt.World) -> None:
    link, link_open = _neutral(world)
    found = Additions(world).put(link, link_open, None)
    assert found["link"] is link and found["link_open"] is link_open
    assert "dormant_share" not in found


def test_a_factor_scales_the_weight(world: dt.World) -> None:
    factor = np.ones(world.flows.shape)
    rus, prk = world.country_index("RUS"), world.country_index("PRK")
    factor[:, rus, prk], factor[:, prk, rus] = 1.09, 0.92
    additions = Additions(world)
    additions.scale(factor)
    found = additions.put(*_neutral(world), None)
    base = model.link_base(
        world.trade_share, found["link"], found["link_open"], found["dormant_share"]
    )
    np.testing.assert_allclose(base, world.trade_share * factor, rtol=1e-14)


def test_more_than_the_buyer_spends_is_refused(world: dt.World) -> None:
    extra = np.zeros(world.flows.shape)
    s, rus, prk = (
        world.sector_index("oil-gas"),
        world.country_index("RUS"),
        world.country_index("PRK"),
    )
    extra[s, rus, prk] = 1e6
    with pytest.raises(dt.ScenarioError, match="all that it spends"):
        Additions(world).add(extra)


def test_neutral_trade_is_what_it_says_and_leaves_the_buyers_price_alone(
    world: dt.World,
) -> None:
    """Target carried exactly, Σb·ĉ^−θ as without it, also beside openings and other trade."""
    s, t = world.sector_index("textiles"), world.sector_index("food")
    prk, kor, chn = (world.country_index(c) for c in ("PRK", "KOR", "CHN"))
    link, link_open = _neutral(world)
    link_open[s, prk, kor] = 0.5
    psi = np.where(link_open > 0, 0.2, 0.0)
    extra, other = np.zeros(world.flows.shape), np.zeros(world.flows.shape)
    extra[s, kor, prk], extra[s, prk, kor], extra[t, kor, prk] = 100.0, 700.0, 20.0
    other[s, chn, prk] = 30.0
    plain, both = Additions(world), Additions(world)
    plain.add(other)
    both.add(extra, neutral=True)
    both.add(other)
    costs = np.ones(world.flows.shape[:2])
    costs[:, prk] = 1.1
    both.costs = costs
    power = costs ** -world.trade_elasticity[:, None]

    def worth(additions: Additions) -> np.ndarray:
        found = additions.put(link, link_open, psi)
        base = model.link_base(
            world.trade_share, found["link"], found["link_open"], found["dormant_share"]
        )
        return (base * power[:, :, None]).sum(axis=1)

    np.testing.assert_allclose(worth(both), worth(plain), rtol=1e-12)
    share = _shares(world, dict(both.put(link, link_open, psi)))
    spent = world.expenditure[t, prk] / (1 + world.tariff[t, kor, prk])
    assert share[t, kor, prk] * spent == pytest.approx(20 + world.flows[t, kor, prk], rel=1e-12)
    # all others, the own country too, give way in proportion
    others = np.array([i for i in range(world.n_countries) if i != kor])
    left = share[t, others, prk] / np.maximum(world.trade_share[t, others, prk], 1e-300)
    left = left[world.trade_share[t, others, prk] > 0]
    assert left.max() == pytest.approx(left.min(), rel=1e-12)


def test_without_neutral_trade_weights_are_as_they_were(world: dt.World) -> None:
    extra = np.zeros(world.flows.shape)
    s, rus, kor = world.sector_index("oil-gas"), 0, 1
    extra[s, rus, kor] = 10.0
    one, other = Additions(world), Additions(world)
    one.add(extra)
    other.add(extra, neutral=False)
    other.costs = np.full(world.flows.shape[:2], 1.3)
    found, same = (dict(a.put(*_neutral(world), None)) for a in (one, other))
    for name in found:
        np.testing.assert_array_equal(found[name], same[name])
