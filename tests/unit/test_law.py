"""The law on a target by HS line: what it lifts, bans anew and lets through."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.regimes.law import TargetLaw
from detente.regimes.mix import Group, Mix
from detente.regimes.schema import Regime
from detente.scenario import Scenario
from detente.world import load_world
from hypothesis_profiles import examples
from small_korea import CHN, COAL, FOOD, JPN, KOR, PRK, TEXTILES, small_korea

#: Chapters as groups: two of coal, three of textiles, one of food.
CODES = ("25*", "27*", "50*", "52*", "62*", "07*")
SECTOR = (COAL, COAL, TEXTILES, TEXTILES, TEXTILES, FOOD)
WEIGHT = np.array([0.25, 0.75, 0.5, 0.3, 0.2, 1.0])
DAY = date(2018, 7, 1)
WORLD = small_korea(coverage={})


def provision(name, chapters, covered=1.0, adopted="2010-01-01", **more):
    products = {"hs": list(chapters), "covered": covered, "verification": "verified"}
    given_ = {
        "id": name,
        "instrument": name,
        "paragraph": "1",
        "adopted": adopted,
        "what": "a ban",
        "effect": "ban",
        "direction": "export",
        "products": [products],
        "source": "text",
        "verification": "verified",
    }
    return given_ | more


def regime(*provisions, name="law", senders="all"):
    return Regime.model_validate(
        {
            "regime": name,
            "title": name,
            "target": "PRK",
            "senders": senders,
            "hs_revision": "HS07",
            "sources": {"text": {"title": "a text", "read": "text"}},
            "provisions": list(provisions),
        }
    )


def law_of(*regimes, held=(), world=WORLD):
    n = world.n_countries
    groups = tuple(Group(c, s) for c, s in zip(CODES, SECTOR, strict=True))
    weight = np.repeat(WEIGHT[:, None], n, axis=1)
    mix = Mix("PRK", groups, weight, weight, {"exports": "", "imports": ""}, "HS07")
    law = TargetLaw(world, "PRK", mix, DAY, lambda r: r.regime in held)
    for r in regimes:
        law.add(r)
    return law


def everything(law):
    return np.ones((2, len(CODES), law.world.n_countries), dtype=bool)


def rows(law, name, *ids):
    held = law.held[name]
    return np.array([not ids or p.id in ids for p in held.provisions])


chapters = st.lists(
    st.sampled_from([c[:2] for c in CODES]), min_size=1, max_size=4, unique=True
)


@settings(max_examples=examples(80), deadline=None)
@given(
    old=st.lists(chapters, min_size=1, max_size=3),
    new=st.lists(chapters, min_size=0, max_size=3),
    dropped=st.sets(st.integers(0, 2)),
    seed=st.integers(0, 1000),
)
def test_effects_are_what_counting_lines_gives(old, new, dropped, seed):
    """Line by line: closed before, closed now, by hand; π and ψ drawn anew each time."""
    before_law = regime(*(provision(f"o{k}-1", c) for k, c in enumerate(old)), name="old")
    law = law_of(before_law, held=("old",))
    gone = [f"o{k}-1" for k in dropped if k < len(old)]
    if gone:
        law.lift("old", rows(law, "old", *gone), everything(law))
    if new:
        law.add(regime(*(provision(f"n{k}-1", c) for k, c in enumerate(new)), name="new"))
        law.impose("new", rows(law, "new"), everything(law))
    psi = np.random.default_rng(seed).uniform(0.01, 0.5, WORLD.flows.shape)
    got = law.effects(psi)
    was = {c for chapter in old for c in chapter}
    left = {c for k, chapter in enumerate(old) if f"o{k}-1" not in gone for c in chapter}
    now = left | {c for chapter in new for c in chapter}
    fresh = {c for chapter in new for c in chapter}
    for s in range(3):
        lines = [(c[:2], w) for c, at, w in zip(CODES, SECTOR, WEIGHT, strict=True) if at == s]
        share = {
            key: sum(w for c, w in lines if c in key_set)
            for key, key_set in (
                ("before", was),
                ("still", now),
                ("lifted", was - now),
                ("anew", now - was),
                ("stopped", was & fresh),
            )
        }
        for key in ("before", "still", "lifted"):
            assert getattr(got, key)[s, PRK, CHN] == pytest.approx(share[key], abs=1e-12)
        pi = WORLD.trade_share[s, PRK, CHN]
        lawful = 1.0
        if share["before"] > 1 - 1e-9:
            lawful = 0.0
        elif share["before"] > 0 and pi > 0:
            potential = psi[s, PRK, CHN]
            open_lines = min((1 - share["before"]) * potential, pi)
            lawful = max(open_lines, pi - share["before"] * potential) / pi
        kept = lawful * (1 - share["anew"] / max(1 - share["before"], 1e-300))
        leak = (1 - lawful) * (1 - share["stopped"] / max(share["before"], 1e-300))
        assert got.link[s, PRK, CHN] == pytest.approx(kept + leak, abs=1e-12)
    assert not got.before[:, CHN, PRK].any() and (got.link[:, CHN, PRK] == 1).all()


def test_an_untouched_law_does_nothing():
    law = law_of(regime(provision("a-1", ["27"])), held=("law",))
    got = law.effects(np.full(WORLD.flows.shape, 0.3))
    assert not got.lifted.any() and (got.link == 1).all() and not law.touched


def test_two_regimes_ban_a_line_once_and_both_have_to_lift_it():
    un = regime(provision("a-1", ["27"]), name="un")
    rok = regime(provision("b-1", ["27", "25"]), name="rok", senders=["KOR"])
    law = law_of(un, rok, held=("un", "rok"))
    psi = np.full(WORLD.flows.shape, 0.3)
    assert law.effects(psi).before[COAL, PRK, [KOR, CHN]] == pytest.approx([1.0, 0.75])
    law.lift("un", rows(law, "un"), everything(law))
    assert law.effects(psi).lifted[COAL, PRK, [KOR, CHN]] == pytest.approx([0.0, 0.75])
    cells = np.ones(WORLD.flows.shape, dtype=bool)
    assert {k: ids for k, (ids, _) in law.closing(cells).items()} == {"rok": ("b-1",)}
    law.lift("rok", rows(law, "rok"), everything(law))
    assert law.effects(psi).lifted[COAL, PRK, [KOR, CHN]] == pytest.approx([1.0, 0.75])
    assert law.closing(cells) == {}


def test_snapback_brings_back_what_was_lifted_and_nothing_else():
    law = law_of(regime(provision("a-1", ["27"]), provision("b-1", ["50"])), held=("law",))
    psi = np.full(WORLD.flows.shape, 0.3)
    asked = law.effects(psi)
    law.lift("law", rows(law, "law", "a-1"), everything(law))
    back = law.restore("law", rows(law, "law"), everything(law))
    assert back[0, 1, CHN] and back.sum() == 3  # coal, towards each of three partners
    again = law.effects(psi)
    for key in ("before", "still", "lifted", "link"):
        np.testing.assert_array_equal(getattr(again, key), getattr(asked, key))


@settings(max_examples=examples(30), deadline=None)
@given(kappa=st.floats(0, 1), leak=st.floats(0, 1))
def test_compliance_and_leakage_leave_q_of_what_is_covered(kappa, leak):
    """q = (1 − κ) + κ·ℓ of a new ban; of an old one, q·ψ in place of what leaked."""
    q = np.full((len(CODES), 4), (1 - kappa) + kappa * leak)
    told = np.ones(4, dtype=bool)
    fresh = law_of(regime(provision("a-1", ["27"])))
    fresh.impose("law", rows(fresh, "law"), everything(fresh), q, told)
    got = fresh.effects(np.full(WORLD.flows.shape, 0.3))
    assert got.link[COAL, PRK, CHN] == pytest.approx(0.25 + 0.75 * q[0, 0])
    old = law_of(regime(provision("a-1", ["27", "25"])), held=("law",))
    old.impose("law", rows(old, "law"), everything(old), q, told)
    got = old.effects(np.full(WORLD.flows.shape, 0.3))
    assert got.lifted[COAL, PRK, CHN] == pytest.approx(q[0, 0])
    assert got.link[COAL, PRK, CHN] == pytest.approx(0.0, abs=1e-12)


def test_no_compliance_is_as_if_the_sender_had_left():
    world = load_world("korea")

    def opened(measure):
        asked = {"scenario": "x", "world": "korea", "measures": [measure]}
        shocks = Scenario.from_dict(asked).to_shocks(world)
        kept = world.trade_share * (1.0 if shocks.link is None else shocks.link)
        return kept + shocks.link_open * np.maximum(shocks.dormant_share - kept, 0)

    left = opened({"lift": {"regime": "unsc-dprk", "senders": ["CHN"]}})
    kept = opened({"impose": {"regime": "unsc-dprk", "compliance": {"CHN": 0}}})
    prk, chn = world.country_index("PRK"), world.country_index("CHN")
    psi = world.dormant["as_before"]
    # where today's trade is no more than ψ the two are one; a leak beyond ψ is kept by a lift
    cells = world.trade_share[:, prk, chn] <= psi[:, prk, chn]
    np.testing.assert_allclose(left[cells, prk, chn], kept[cells, prk, chn], rtol=1e-12)


def test_a_region_is_a_sender_where_half_of_it_is():
    meta = {"provisional": True, "members": {"JPN": ["AAA", "BBB", "CCC"]}}
    world = small_korea(coverage={}, meta=meta)
    for senders, binds in ((["AAA"], 0.0), (["AAA", "BBB"], 1.0)):
        law = law_of(regime(provision("a-1", ["27"]), senders=senders), world=world)
        assert law.held["law"].binds[JPN] == binds
