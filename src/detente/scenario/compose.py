"""How measures compose: the one documented rule.

Measures in force on the day shown are applied to a builder, `State`, in order of their
``on`` (undated ones first), then of the file. A measure that has snapped back is left out,
so that the state is the one that the others alone would give. Then:

- *tariffs*: ``rate`` replaces; ``cap``, ``cut``, ``swiss`` and ``add`` act on what is there;
- *trade costs*, *productivity* and *labour* multiply; *transfers* add;
- *bans made by the scenario* are layers on a link, each with the covered share c of its
  baseline trade and the share q = ℓ·(1 + μ)^−θ of it that survives. The narrower ban is taken
  to lie within the wider, so that none bans twice; where several cover a line the smallest q
  holds. Sorted by falling c, with c[K+1] = 0:
  m = (1 − c[1]) + Σⱼ (c[j] − c[j+1])·min(q[1], …, q[j]).
  Lifting a share takes it off every layer; one layer gives docs/model.md's
  m = (1 − c) + c·ℓ·(1 + μ)^−θ, and a ban lifted in full gives m = 1 exactly;
- *bans that the baseline holds* are the world's coverage tables. What they close at a link
  is the largest coverage of any of them (the narrower within the wider, again). An ``unban``
  takes a table, or a share of every table, away; lifted is
  (largest coverage before) − (largest coverage that remains). The lifted lines return with
  their share of ψ beside the lines that trade already: b = min(π + lifted·ψ, max(π, ψ)), so
  link_open = min(lifted·ψ/(ψ − π), 1). A link that two regimes ban stays closed where the
  one not lifted covers it;
- *regimes* of ``world.meta["law"]``, and those that a measure imposes, are law by HS line
  (:mod:`detente.regimes.law`): lines are sets, so that no two regimes ban one twice. The law
  gives each link a lifted share, a share still closed and a multiplier m; its m multiplies
  that of the scenario's other bans. Quantity caps in force go to the solver. A coverage table
  that has a regime's name is that regime's, and ``ban`` and ``unban`` act on the law;
- an ``unban`` of a link that neither the scenario nor a table bans opens it by the coverage
  that the measure states, where the world has no tables at all or shows the link empty. A
  link that trades unbanned in a world with tables has nothing to be lifted;
- a share that an ``unban`` lifts of several regimes is a share of what they close together at
  that point of the file, so that beside lifts of the same day the file's order counts;
- of several ``openness`` that ``open`` gives one link the last in force holds;
- *openings* (``open``, ``unban``) of a link do not add: the largest holds, and ``open`` goes
  no further than the lines that nothing bans: towards (1 − still closed)·ψ;
- *trade that a measure adds* (a pipeline's, a zone's, tied aid's) and factors on links come
  last: :mod:`detente.scenario.additions`;
- a ban by the scenario on a link that also opens leaves the share m of what the link would
  carry: π·m + link_open·max(ψ − π·m, 0) = m·(π + opening·max(ψ − π, 0)).

Tables that ``world.meta["coverage_not_in_force"]`` lists are law that the baseline year does
not know: a ``ban`` that names one is an ordinary layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from detente.errors import Place, ScenarioError, nearest
from detente.scenario.additions import Additions
from detente.scenario.assumptions import Assumptions
from detente.scenario.laws import Laws
from detente.scenario.measure import Mask, Measure, Source, nearest_label
from detente.shocks import Cap
from detente.world.core import Array, World

#: Coverage below this is rounding, not law.
_NOTHING = 1e-12


def covered(measure: Measure, world: World, coverage: float | str | dict[str, float]) -> Array:
    """Coverage as an array that broadcasts to (S, N, N)."""
    if isinstance(coverage, str):
        return world.coverage[coverage]
    if isinstance(coverage, Mapping):
        share = np.zeros(world.n_sectors)
        for sector, value in coverage.items():
            here = ("coverage", sector)
            if sector not in world.sectors:
                hint = nearest_label(sector, world.sectors, world.sector_names)
                what = f"unknown sector '{sector}' in world '{world.name}'."
                measure.fail(here, what, hint)
            share[world.sector_index(sector)] = value
        return share[:, None, None]
    return np.full((1, 1, 1), float(coverage))


@dataclass
class _Layer:
    """A ban by the scenario: covered share and what of it survives, both (S, N, N)."""

    coverage: Array
    survival: Array


@dataclass
class Opening:
    """What the bans and openings of a scenario come to, every array (S, N, N)."""

    link: Array
    link_open: Array
    still_covered: Array


@dataclass
class State:
    """The builder that measures change, from the baseline on.

    Parameters
    ----------
    world : World
        The baseline, its elasticities as the scenario assumes them.
    assumptions : Assumptions
        Anchor and scale of ψ.
    source : Source
        Where the assumptions stand, for messages.
    day : date, optional
        The day that is shown; None where the scenario has no dates.
    named : frozenset of str
        Targets of the regimes that the scenario names: those that ``law_day`` is for.
    """

    world: World
    assumptions: Assumptions = field(default_factory=Assumptions)
    source: Source = field(default_factory=Source)
    day: date | None = None
    named: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        world = self.world
        shape = world.flows.shape
        self.tariff: Array = world.tariff.copy()
        self.cost_hat: Array = np.ones(shape)
        self.productivity_hat: Array = np.ones(shape[:2])
        self.labour_hat: Array = np.ones(world.n_countries)
        self.transfer: Array = np.zeros(world.n_countries)
        self.payment: Array = np.zeros(world.n_countries)
        self.hired: Array = np.zeros((world.n_countries, world.n_countries))
        #: Quantity caps beside those of the law.
        self.caps: list[Cap] = []
        #: Room that measures of one kind share while the state is made.
        self.pad: dict[str, Any] = {}
        self.additions = Additions(world)
        self._told: dict[int, list[str]] = {}
        self.laws = Laws(world, self.assumptions.law_day, self.named)
        no_table = {
            *world.meta.get("coverage_not_in_force", ()),
            *(name for law in self.laws.targets.values() for name in law.held),
        }
        self.remaining: dict[str, Array] = {
            name: table.copy() for name, table in world.coverage.items() if name not in no_table
        }
        self.layers: dict[str, _Layer] = {}
        self.opened: Array = np.zeros(shape)
        self.covered_before: Array = _largest(self.remaining.values(), shape)
        self._ever_banned: Mask = np.zeros(shape, dtype=bool)

    # -- what measures tell ------------------------------------------------------------
    def tell(self, measure: Measure, remark: str) -> None:
        """Keep what a measure found out while it was applied, for its remarks."""
        found = self._told.setdefault(id(measure), [])
        if remark not in found:
            found.append(remark)

    def told_of(self, measure: Measure) -> list[str]:
        """What a measure found out."""
        return list(self._told.get(id(measure), []))

    # -- bans ------------------------------------------------------------------------
    def table(self, measure: Measure, name: str) -> Array:
        """A coverage table of the world; an unknown name is refused at the measure's line."""
        tables = self.world.coverage
        if name not in tables and self.laws.holding(name) is None:
            has = f"it has {', '.join(sorted(tables))}" if tables else "it has none"
            what = f"world '{self.world.name}' has no coverage table '{name}': {has}."
            measure.fail("coverage", what, nearest(name, tables))
        if name in tables:
            return tables[name]
        # a regime that closes nothing in the baseline: its links, as far as it reaches them
        return self.laws.reached(name).astype(np.float64)

    def ban(self, name: str | None, share: Array, survival: Array) -> None:
        """Add a layer: the share covered (S, N, N), and what of it survives (S,)."""
        cells = share > 0
        key = name or f"ban {len(self.layers) + 1} of the scenario"
        blank = _Layer(np.zeros(share.shape), np.ones(share.shape))
        layer = self.layers.setdefault(key, blank)
        layer.coverage[cells] = share[cells]
        layer.survival[cells] = np.broadcast_to(survival[:, None, None], share.shape)[cells]
        self._ever_banned |= cells

    def reimpose(self, name: str, cells: Mask) -> Mask:
        """Put a table of the baseline back on some links; returns where it was lifted."""
        if name not in self.remaining:
            return self.laws.impose(name, cells)
        left, whole = self.remaining[name], self.world.coverage[name]
        back = cells & (left < whole)
        left[back] = whole[back]
        return back

    def lift_table(self, name: str, cells: Mask) -> Mask:
        """Lift one named table from some links; returns the links that it covered."""
        found: Mask = np.zeros(cells.shape, dtype=bool)
        if self.laws.holding(name) is not None:
            found |= self.laws.lift(name, cells)
        for left in self._coverages(name):
            here = cells & (left > 0)
            left[here] = 0.0
            found |= here
        return found

    def lift(self, share: Array, stated: bool) -> Mask:
        """Lift a share (S, N, N) from every ban on a link; returns the links that open.

        ``stated`` says that the user gave the share, so that it stands for a ban where the
        world shows an empty link and no table.
        """
        by_law = self.laws.relieve(share)
        before = np.maximum(self.covered_before, self._law_before)
        bare = (share > 0) & ~self._ever_banned & (before == 0)
        if self.remaining or self.laws.targets:
            bare &= (self.world.flows == 0) & stated
        found: Mask = bare | by_law
        for left in self._coverages():
            new = np.where(left - share > _NOTHING, left - share, 0.0)
            found |= new < left
            left[...] = new
        self.open(bare, share)
        return found

    @cached_property
    def _law_before(self) -> Array:
        return self.laws.effects(None).before

    def _coverages(self, name: str | None = None) -> list[Array]:
        """Coverage still banned, of every table and layer or of the one named."""
        found = self.remaining | {k: layer.coverage for k, layer in self.layers.items()}
        return [left for key, left in found.items() if name in (None, key)]

    # -- openings --------------------------------------------------------------------
    def open(self, cells: Mask, share: float | Array) -> None:
        """Open links by a share; the largest opening of a link holds."""
        np.maximum(self.opened, np.where(cells, share, 0.0), out=self.opened)

    @cached_property
    def dormant_share(self) -> Array | None:
        """ψ as assumed, shape (S, N, N); None where the world has none."""
        psi = self.assumptions.dormant_share(self.world, self.source)
        return None if psi is None else psi.copy()

    def set_openness(self, cells: Mask, openness: float, source: Source) -> None:
        """Take ψ of some links from between the anchors as_before and normal."""
        local = self.assumptions.with_(openness_anchor=None, openness=openness)
        psi = local.dormant_share(self.world, source)
        if psi is not None and self.dormant_share is not None:
            self.dormant_share[cells] = psi[cells]

    # -- additions -------------------------------------------------------------------
    def add_trade(self, extra: Array) -> None:
        """Add shipments (S, N, N), million USD at baseline prices, beyond what links carry."""
        self.additions.add(extra)

    def scale_links(self, factor: Array) -> None:
        """Multiply link weights b by a factor (S, N, N): a reduced-form effect."""
        self.additions.scale(factor)

    # -- the end ---------------------------------------------------------------------
    @cached_property
    def opening(self) -> Opening:
        """Bans and openings together, once every measure has been applied."""
        law = self.laws.effects(self.as_before())
        tables = _largest(self.remaining.values(), self.opened.shape)
        still = np.maximum(tables, law.still)
        lifted = np.maximum(self.covered_before - tables, law.lifted)
        kept = self.world.trade_share * law.link
        wanted = np.maximum(self._returned(lifted, kept), self._opened(still, kept))
        layers = self.survival()
        return Opening(layers * law.link, self._under_bans(wanted, layers, kept), still)

    def as_before(self) -> Array | None:
        """ψ as before the bans, unscaled: what the law's lines traded."""
        anchors = self.world.dormant
        return anchors.get("as_before", next(iter(anchors.values()), None))

    def _opened(self, still: Array, kept: Array) -> Array:
        """The link_open of openings: towards (1 − still)·ψ, the lines that no ban covers."""
        most = 1.0 - still
        if self.opened.any() and self.dormant_share is not None:
            psi = self.dormant_share
            gap, room = psi - kept, np.maximum((1.0 - still) * psi - kept, 0.0)
            most = np.divide(room, gap, out=most, where=gap > 0)
        return np.minimum(self.opened, most)

    def _returned(self, lifted: Array, kept: Array) -> Array:
        """The link_open that adds the lifted lines' share of ψ to what the law keeps of π."""
        if not lifted.any() or self.dormant_share is None:
            return lifted
        psi = self.dormant_share
        gap = psi - kept
        share = np.divide(lifted * psi, gap, out=lifted.copy(), where=gap > 0)
        return np.minimum(share, 1.0)

    def survival(self) -> Array:
        """What scenario bans leave of each link, m: the formula of the module's docstring."""
        if not self.layers:
            return np.ones(self.opened.shape)
        share = np.stack([layer.coverage for layer in self.layers.values()])
        survival = np.stack([layer.survival for layer in self.layers.values()])
        order = np.argsort(-share, axis=0, kind="stable")
        share = np.take_along_axis(share, order, axis=0)
        survival = np.take_along_axis(survival, order, axis=0)
        strictest = np.minimum.accumulate(survival, axis=0)
        band = share - np.concatenate([share[1:], np.zeros((1, *share.shape[1:]))])
        left: Array = (1.0 - share[0]) + (band * strictest).sum(axis=0)
        return left

    def _under_bans(self, wanted: Array, layers: Array, kept: Array) -> Array:
        """The link_open that leaves the share m of what a banned link would carry."""
        banned = (layers < 1.0) & (wanted > 0)
        if not banned.any() or self.dormant_share is None:
            return wanted
        psi = self.dormant_share
        carried = layers * wanted * np.maximum(psi - kept, 0.0)
        room = psi - kept * layers
        open_to = np.divide(carried, room, out=np.zeros_like(room), where=room > 0)
        return np.where(banned, np.clip(open_to, 0.0, 1.0), wanted)

    def still_banned(self, cells: Mask) -> list[str]:
        """Which bans still cover some of these links, in words."""
        layers = {name: layer.coverage for name, layer in self.layers.items()}
        closed = {name: cells & (left > 0) for name, left in (self.remaining | layers).items()}
        by_law = self.laws.closing(cells)
        named = dict.fromkeys(closed, "") | {
            name: f" ({_few(ids)})" for name, (ids, _) in by_law.items() if len(ids) > 1
        }
        closed |= {name: links for name, (_, links) in by_law.items()}
        return [
            f"{int(here.sum())} of these links stay banned by '{name}'{named.get(name, '')}, "
            f"in whole or in part: {self._pairs(here)}"
            for name, here in closed.items()
            if here.any()
        ]

    def closed_links(self) -> list[dict[str, Any]]:
        """What the law still closes, by pair: see :meth:`Laws.closed_links`."""
        return self.laws.closed_links(self.as_before())

    def _pairs(self, here: Mask) -> str:
        pairs, codes = np.argwhere(here.any(axis=0)), self.world.countries
        named = ", ".join(f"{codes[i]}→{codes[n]}" for i, n in pairs[:4])
        return named + (f" and {len(pairs) - 4} more pairs" if len(pairs) > 4 else "")

    def without_dormant(self, cells: Mask) -> list[str]:
        """Links that open towards no more than what they trade already, in words."""
        opens = cells & (self.opening.link_open > 0)
        if self.dormant_share is None or not opens.any():
            return []
        idle = opens & (self.dormant_share <= self.world.trade_share * self.opening.link)
        if not idle.any():
            return []
        return [
            f"{int(idle.sum())} of these links have no dormant share above what they trade, "
            "and stay as they are"
        ]


def _few(ids: tuple[str, ...], most: int = 6) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more


def _largest(tables: Any, shape: tuple[int, ...]) -> Array:
    largest: Array = np.zeros(shape)
    for table in tables:
        largest = np.maximum(largest, table)
    return largest


def arrays_of(state: State) -> dict[str, Array]:
    """The arrays of `Shocks` that differ from the baseline, by name.

    Raises
    ------
    ScenarioError
        Links open and the world has no dormant shares to open them to.
    """
    world, opening = state.world, state.opening
    # which ψ holds matters, and is asked for, only where something opens
    psi = state.dormant_share if opening.link_open.any() else None
    if psi is None and opening.link_open.any():
        raise ScenarioError(
            f"links open here, and world '{world.name}' has no dormant shares that say "
            "what they would carry.",
            Place(state.source.file, None, "measures"),
        )
    links = state.additions.put(opening.link, opening.link_open, psi)
    neutral: Sequence[tuple[str, Array, Array | float]] = (
        ("tariff_new", state.tariff, world.tariff),
        ("cost_hat", state.cost_hat, 1.0),
        ("link", links["link"], 1.0),
        ("link_open", links["link_open"], 0.0),
        ("at_once", links.get("at_once", np.zeros(1)), 0.0),
        ("productivity_hat", state.productivity_hat, 1.0),
        ("labour_hat", state.labour_hat, 1.0),
        ("transfer", state.transfer, 0.0),
        ("payment", state.payment, 0.0),
        ("hired", state.hired, 0.0),
    )
    found = {name: array for name, array, none in neutral if np.any(array != none)}
    if "opened" in links:  # also where it is all zero: what is added is not opened
        found["opened"] = links["opened"]
    if "link_open" in found:
        found["dormant_share"] = links["dormant_share"]
    return found
