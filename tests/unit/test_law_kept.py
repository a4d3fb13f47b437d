"""What is kept of the law between scenarios: never of another state, never changed later."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from detente import load_world
from detente.regimes.kept import Kept, digest
from detente.scenario import Scenario
from detente.scenario.compose import State

WORLD = load_world("korea")
ACTS = (
    {"lift": {"regime": "unsc-dprk", "provisions": [2371]}},
    {"lift": {"regime": "unsc-dprk"}},
    {"lift": {"regime": "rok-may-24"}},
    {"lift": {"regime": "unsc-dprk", "senders": ["CHN"]}},
    {"impose": {"regime": "unsc-dprk", "provisions": [2375], "compliance": {"CHN": 0.5}}},
    {"impose": {"regime": "unsc-dprk", "provisions": [2397], "rent": "CHN"}},
    {"unban": {"exporter": "PRK", "importer": "CHN", "coverage": 0.3}},
    {"snapback": {"regime": "unsc-dprk"}},
)


def shocks(*acts):
    made = Scenario.from_dict({"scenario": "s", "measures": list(acts)})
    return made.to_shocks(WORLD)


def told(found):
    arrays = ("link", "link_open", "dormant_share", "cost_hat", "tariff_new")
    parts = [None if (a := getattr(found, key)) is None else a.tobytes() for key in arrays]
    return (*parts, found.caps)


def cold(*acts):
    """The same with nothing kept."""
    from detente.scenario import laws

    with laws._LOCK:
        laws._KEPT.clear()
    return told(shocks(*acts))


@pytest.mark.parametrize("first", ACTS, ids=str)
def test_what_is_kept_is_what_is_worked_out_anew(first):
    for second in ACTS:
        expected = cold(first, second)
        cold(second)  # now other states are kept, and then this one
        assert told(shocks(first)) == cold(first)
        assert told(shocks(first, second)) == expected
        assert told(shocks(first, second)) == expected


def test_orders_of_measures_are_states_of_their_own():
    for order in permutations(ACTS[1:2] + ACTS[4:6]):
        assert told(shocks(*order)) == cold(*order)


def test_a_change_to_what_is_given_back_is_nobody_elses():
    state = State(WORLD)
    (law,) = (state.laws.targets[t] for t in ("PRK",))
    everything = np.ones((2, len(law.codes), WORLD.n_countries), dtype=bool)
    rows = np.ones(len(law.held["unsc-dprk"].provisions), dtype=bool)
    law.lift("unsc-dprk", rows, everything)
    first = law.effects(None)
    was = first.still.copy()
    first.still[...] = 2.0
    np.testing.assert_array_equal(law.effects(None).still, was)


def test_another_psi_is_not_kept():
    """ψ that is no array of the world's own may be anything next time."""
    state = State(WORLD)
    law = state.laws.targets["PRK"]
    assert law.key(np.zeros(WORLD.flows.shape)) is None
    assert law.key(next(iter(WORLD.dormant.values()))) is not None


def test_digests_tell_types_shapes_and_limits_apart():
    some = [
        digest("a", "b"),
        digest("ab"),
        digest("ab", None),
        digest(None, "ab"),
        digest(b"ab"),
        digest(np.zeros(2)),
        digest(np.zeros((1, 2))),
        digest(np.zeros(4, dtype=np.float32)),
        digest(np.zeros(16, dtype=bool)),
    ]
    assert len(set(some)) == len(some)


def test_what_was_used_longest_ago_goes():
    kept: Kept[int] = Kept(2)
    for key in "abc":
        kept.put(key, ord(key))
        kept.get("a")
    assert kept.get("b") is None
    assert kept.get("a") == ord("a")
    assert kept.get("c") == ord("c")
