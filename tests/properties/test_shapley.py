"""The Shapley value against its axioms, all orders one by one, and games with known values."""

from __future__ import annotations

import math
from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.outcomes.packages import MATERIAL, WORDS, additive, strength, together, verdicts
from detente.outcomes.shapley import (
    MOST_PLAYERS,
    Game,
    dividends,
    interactions,
    members,
    shapley,
    table,
    value_weights,
)
from hypothesis_profiles import examples

NAMES = "abcdefghijkl"
WORTH = st.floats(-1e3, 1e3, allow_nan=False)


def names(n):
    return tuple(NAMES[:n])


@st.composite
def games(draw, fewest=1, most=5):
    n = draw(st.integers(fewest, most))
    return Game(names(n), np.array(draw(st.lists(WORTH, min_size=2**n, max_size=2**n))))


def as_mapping(game):
    sets = (members(game.players, mask) for mask in range(game.worth.size))
    return {frozenset(s): float(v) for s, v in zip(sets, game.worth, strict=True)}


def by_orders(game):
    """What each player adds in each of the n! orders, and who came before."""
    worth = as_mapping(game)
    found = {p: [] for p in game.players}
    for order in permutations(game.players):
        for position, player in enumerate(order):
            before = frozenset(order[:position])
            found[player].append((worth[before | {player}] - worth[before], before))
    return found


@settings(max_examples=examples(60))
@given(games())
def test_values_and_extremes_are_those_of_all_orders_one_by_one(game):
    got = shapley(as_mapping(game), game.players)
    worth, scale = as_mapping(game), 1.0 + np.abs(game.worth).max()
    for player, added in by_orders(game).items():
        row, amounts = got.loc[player], np.array([amount for amount, _ in added])
        assert len(amounts) == factorial(len(game.players))
        assert row["value"] == pytest.approx(amounts.mean(), abs=1e-11 * scale)
        assert (row["lowest"], row["highest"]) == (amounts.min(), amounts.max())
        assert row["alone"] == worth[frozenset({player})] - worth[frozenset()]
        every = frozenset(game.players)
        assert row["last"] == worth[every] - worth[every - {player}]
        for end in ("lowest", "highest"):
            named = frozenset(filter(None, row[f"{end}_after"].split(" + ")))
            added_then = worth[named | {player}] - worth[named]
            assert added_then == pytest.approx(row[end], abs=1e-8 * scale)


@settings(max_examples=examples(60))
@given(games(most=9))
def test_efficiency_the_values_sum_to_the_total(game):
    got = table(game)
    scale = 1.0 + np.abs(game.worth).max()
    assert got["value"].sum() == pytest.approx(game.total, abs=1e-10 * scale)
    if abs(game.total) > 0.051 * got["value"].abs().sum():  # below a twentieth: no shares
        assert got["share"].sum() == pytest.approx(1.0)


@settings(max_examples=examples(40))
@given(games(fewest=2), st.data())
def test_symmetry_names_and_order_of_players_do_not_matter(game, data):
    order = data.draw(st.permutations(game.players))
    plain, turned = shapley(as_mapping(game), game.players), shapley(as_mapping(game), order)
    scale = 1.0 + np.abs(game.worth).max()
    for key in ("value", "lowest", "highest", "alone", "last"):
        np.testing.assert_allclose(turned.loc[plain.index, key], plain[key], atol=1e-10 * scale)


@settings(max_examples=examples(40))
@given(st.lists(WORTH, min_size=4, max_size=4))
def test_symmetry_players_who_do_the_same_get_the_same(by_size):
    worth = np.array([by_size[mask.bit_count()] for mask in range(8)])
    got = table(Game(names(3), worth))
    assert np.ptp(got["value"]) <= 1e-12 * (1.0 + np.abs(worth).max())


@settings(max_examples=examples(40))
@given(games(most=4), WORTH)
def test_dummy_who_adds_the_same_to_every_set_gets_that_and_needs_nobody(game, own):
    n = len(game.players)
    worth = np.concatenate([game.worth, game.worth + own])  # player n, the highest bit
    bigger = Game(names(n + 1), worth)
    got, scale = table(bigger), 1.0 + np.abs(worth).max()
    assert got.loc[NAMES[n], "value"] == pytest.approx(own, abs=1e-11 * scale)
    before = table(game)
    np.testing.assert_allclose(got["value"].iloc[:n], before["value"], atol=1e-11 * scale)
    pairs = interactions(bigger)
    of_dummy = pairs[pairs["with"] == NAMES[n]]["interaction"]
    assert of_dummy.abs().max() <= 1e-10 * scale


@settings(max_examples=examples(40))
@given(games(fewest=3, most=3), games(fewest=3, most=3), st.floats(-5, 5))
def test_additivity_two_games_played_at_once_give_the_sum(one, other, times):
    together = Game(one.players, one.worth + times * other.worth)
    scale = 1.0 + np.abs(one.worth).max() + 5 * np.abs(other.worth).max()
    np.testing.assert_allclose(
        table(together)["value"],
        table(one)["value"] + times * table(other)["value"],
        atol=1e-10 * scale,
    )
    np.testing.assert_allclose(
        interactions(together)["interaction"],
        interactions(one)["interaction"] + times * interactions(other)["interaction"],
        atol=1e-10 * scale,
    )


@settings(max_examples=examples(40))
@given(games(fewest=2))
def test_interaction_is_a_players_value_with_the_other_there_less_without(game):
    """Grabisch & Roubens (1999), the recursive axiom: an independent way to the index."""
    worth = as_mapping(game)
    scale = 1.0 + np.abs(game.worth).max()
    for _, row in interactions(game).iterrows():
        j, k = row["player"], row["with"]
        others = tuple(p for p in game.players if p != k)
        without = {s: v for s, v in worth.items() if k not in s}
        there = {s: worth[s | {k}] for s in without}
        expected = (
            shapley(there, others).loc[j, "value"] - shapley(without, others).loc[j, "value"]
        )
        assert row["interaction"] == pytest.approx(expected, abs=1e-10 * scale)


@settings(max_examples=examples(25))
@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=MOST_PLAYERS))
def test_the_airport_game_has_its_published_values(costs):
    """Littlechild & Owen (1973, Management Science 20): each length is shared by its users."""
    costs = sorted(costs)
    n = len(costs)
    sets = [[costs[j] for j in range(n) if mask >> j & 1] for mask in range(2**n)]
    got = table(Game(names(n), np.array([max(s, default=0.0) for s in sets])))
    steps = np.diff([0.0, *costs]) / np.arange(n, 0, -1)
    np.testing.assert_allclose(got["value"], np.cumsum(steps), atol=1e-9)


def test_the_glove_game_has_its_published_values():
    """One right glove, two left: a pair is worth one. Shapley: 2/3, 1/6, 1/6."""
    worth = np.array([float(mask & 1 and mask > 1) for mask in range(8)])
    got = table(Game(names(3), worth))
    np.testing.assert_allclose(got["value"], [2 / 3, 1 / 6, 1 / 6])
    assert got.loc["b", ["lowest_after", "highest_after"]].tolist() == ["", "a"]
    pairs = interactions(Game(names(3), worth)).set_index(["player", "with"])["interaction"]
    # substitutes are below zero, complements above
    np.testing.assert_allclose(pairs.to_list(), [0.5, 0.5, -0.5])


def test_where_nothing_is_to_be_shared_shares_are_no_numbers():
    got = table(Game(names(2), np.array([0.0, 1.0, -1.0, 0.0])))
    assert got["value"].tolist() == [1.0, -1.0]
    assert got["share"].isna().all()


@pytest.mark.parametrize(
    ("worth", "players", "words"),
    [
        ({}, (), "no player"),
        ({frozenset(): 0.0}, ("a",), "the worth of {a} is not given"),
        ({frozenset("a"): 0.0}, ("a",), "the worth of the empty set is not given"),
        ({frozenset(): 0.0, frozenset("a"): np.nan}, ("a",), "the worth of {a} is nan"),
        ({}, ("a", "a"), "named twice"),
        ({}, tuple(map(str, range(13))), "13 players are 8,192 equilibria"),
        (
            {frozenset(): 0.0, frozenset({"unsc-dprk"}): 1.0, frozenset({"unscc"}): 1.0},
            ("unsc-dprk",),
            "Did you mean 'unsc-dprk'",
        ),
    ],
)
def test_what_is_no_game_is_refused(worth, players, words):
    with pytest.raises(InputError, match=words):
        shapley(worth, players)


# -- many games at once, dividends, complementarity ------------------------------------------
@settings(max_examples=examples(40))
@given(games(most=7))
def test_the_weights_of_all_games_at_once_give_each_games_values(game):
    n, scale = len(game.players), 1.0 + np.abs(game.worth).max()
    got = value_weights(n) @ np.column_stack([game.worth, 2.0 * game.worth + 5.0])
    expected = np.array([game.value(j) for j in range(n)])
    np.testing.assert_allclose(got[:, 0], expected, atol=1e-11 * scale)
    # linear in the worths; what everybody starts from is nobody's
    np.testing.assert_allclose(got[:, 1], 2.0 * expected, atol=1e-10 * scale)
    np.testing.assert_allclose(got[:, 0].sum(), game.total, atol=1e-10 * scale)


@settings(max_examples=examples(40))
@given(games(most=6))
def test_dividends_sum_to_worths_and_share_out_to_values(game):
    """Harsanyi: V(S) = Σ Δ(T) over T ⊆ S, and φᵢ = Σ Δ(S)/|S| over the S that i is in."""
    n, scale = len(game.players), 1.0 + np.abs(game.worth).max()
    found = dividends(game.worth)
    for mask in range(2**n):
        inside = [t for t in range(2**n) if t & mask == t]
        assert found[inside].sum() == pytest.approx(game.worth[mask], abs=1e-10 * scale)
    for j in range(n):
        mine = [t for t in range(2**n) if t >> j & 1]
        shared = sum(found[t] / t.bit_count() for t in mine)
        assert shared == pytest.approx(game.value(j), abs=1e-10 * scale)


@settings(max_examples=examples(40))
@given(games(fewest=2, most=6))
def test_what_all_do_beyond_their_sum_is_the_dividends_of_two_and_more(game):
    n, scale = len(game.players), 1.0 + np.abs(game.worth).max()
    found = dividends(game.worth)
    beyond = sum(float(found[t]) for t in range(2**n) if t.bit_count() >= 2)
    assert together(game.worth) == pytest.approx(beyond, abs=1e-10 * scale)
    assert additive(game.worth, range(n))[0] == pytest.approx(beyond, abs=1e-10 * scale)
    pair, *_ = additive(game.worth, (0, 1))
    assert pair == pytest.approx(found[3], abs=1e-10 * scale)


@settings(max_examples=examples(40))
@given(st.lists(st.floats(-50, 50, allow_nan=False), min_size=2, max_size=6), WORTH)
def test_a_game_that_adds_up_has_no_complementarity(each, nobody):
    n = len(each)
    worth = np.array(
        [nobody + sum(each[j] for j in range(n) if m >> j & 1) for m in range(2**n)]
    )
    value, *effects = additive(worth, range(n))
    assert abs(value) <= 1e-10 * (1.0 + np.abs(worth).max())
    floor = np.array(1e-9 * (1.0 + np.abs(worth).max()))
    assert verdicts(strength(value, *effects, floor)) == [WORDS[0]]
    assert np.abs(dividends(worth)[[m for m in range(2**n) if m.bit_count() > 1]]).max() <= 1e-9


def word(*games):
    """The word on the two first players of some games, each of them one unit."""
    kinds = (strength(*additive(np.array(g), (0, 1)), np.zeros(())) for g in games)
    return verdicts(*kinds)[0]


def test_a_pair_of_gloves_reinforces_and_two_keys_to_one_door_overlap():
    """A left and a right glove are worth something as a pair only; two keys open one door."""
    assert word([0.0, 0.0, 0.0, 1.0]) == "reinforce"
    assert word([0.0, 1.0, 1.0, 1.0]) == "overlap"
    assert word([0.0, 1.0, 1.0, 2.0 + 1e-7]) == "independent"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_trifle_is_measured_by_the_smaller_of_two_effects(sign):
    """1 % of the smaller of 10 and 1 is 0.01."""
    less, more = (11.0 + sign * x for x in (0.99 * MATERIAL, 1.01 * MATERIAL))
    assert word([0.0, 10.0, 1.0, less]) == "too small to tell"
    assert word([0.0, 10.0, 1.0, more]) == ("reinforce" if sign > 0 else "overlap")
    # what is worth nothing alone has no trifle: any part of the other's effect is much of it
    assert word([0.0, 10.0, 0.0, 10.0 + sign * MATERIAL]) != "too small to tell"


@settings(max_examples=examples(60))
@given(st.floats(0.02, 2.0), st.floats(0.02, 2.0), st.sampled_from(["add", "multiply"]))
def test_amounts_that_add_and_factors_that_multiply_have_no_sign(a, b, how):
    """Neutral in one unit is below zero in logarithms, or above zero in money."""
    both = a + b if how == "add" else (1 + a) * (1 + b) - 1
    money = np.array([0.0, a, b, both])
    value, *_ = additive(np.log1p(money), (0, 1))
    expected = math.log((1 + a + b) / ((1 + a) * (1 + b))) if how == "add" else 0.0
    assert value == pytest.approx(expected, abs=1e-12)
    assert word(np.log1p(money), 1000.0 * money) == "sign depends on the unit"
    assert word(1000.0 * money, np.log1p(money)) == "sign depends on the unit"


@settings(max_examples=examples(60))
@given(games(fewest=2, most=4), st.integers(-20, 20))
def test_a_unit_that_is_a_multiple_never_changes_the_word(game, power):
    """Money that is in proportion to percent says what percent says; exact by powers of 2."""
    factor, players = 2.0**power, range(len(game.players))
    floor = np.array(1e-9 * (1.0 + np.abs(game.worth).max()))
    first = strength(*additive(game.worth, players), floor)
    second = strength(*additive(factor * game.worth, players), factor * floor)
    assert first == second
    assert verdicts(first, second) == verdicts(first)


def test_units_of_one_sign_say_it_only_where_both_say_more_than_a_trifle():
    much, little = [0.0, 1.0, 1.0, 2.5], [0.0, 1.0, 1.0, 2.001]
    assert word(much, much) == "reinforce"
    assert word(much, little) == word(little, little) == "too small to tell"
    less = [0.0, 1.0, 1.0, 1.999]
    assert word(little, less) == "too small to tell"
    assert word(much, less) == "sign depends on the unit"
