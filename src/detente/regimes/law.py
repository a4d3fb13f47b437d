"""The law on one target: what the baseline holds, what a scenario makes of it, by HS line.

A line of a pair is closed where any provision in force closes it; lines are sets, so that
regimes which name the same line do not ban it twice. Per link of a sector, with w the weight
of a product group in the sector's trade before the bans, k⁰ the share of the group that the
baseline's law closes and k the share that the scenario's law closes:

- *lifted* = Σ w·(k⁰ − k)⁺ returns towards ψ (docs/model.md, Bans: never by dividing by m);
- *newly banned* = Σ w·(k − k⁰)⁺·(1 − q)/(1 − Σ w·k⁰) of the lawful trade goes, with
  q = (1 − κ) + κ·ℓ·(1 + μ)^−θ for a sender's compliance κ, a route's leakage ℓ and the
  evasion mark-up μ;
- a provision that the baseline holds is complied with as the baseline's trade shows. Where a
  scenario states κ or ℓ for it, its lines carry q·ψ instead of what leaks today;
- what leaks today is what lawful lines cannot explain, and no more than the banned lines
  carried before: π = λ·π + (1 − λ)·π with λ·π = max(min(π, (1 − Σ w·k⁰)·ψ), π − Σ w·k⁰·ψ).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError
from detente.regimes.coverage import (
    DIRECTIONS,
    binds,
    closed_by_cap,
    inside,
    reach,
    to_sectors,
    traded,
)
from detente.regimes.kept import MOST_SHARED, Shared, digest
from detente.regimes.mix import Mix
from detente.regimes.schema import Provision, Regime
from detente.world.core import Array, World

Mask = NDArray[np.bool_]
#: Coverage below this is rounding, not law.
NOTHING = 1e-9


@dataclass
class Held:
    """One regime on the target: what each provision closes now, and did in the baseline.

    Axes: provision P, direction 2 (export, import), product group G, partner N.
    """

    regime: Regime
    provisions: tuple[Provision, ...]  # on goods
    reach: Array  # (P, 2, G)
    binds: Array  # (N,)
    base_on: Mask  # (P, N)
    base: Array  # (P, 2, G, N)
    now: Array
    capped: Mask  # (P, 2, G, N): lines that a cap in force holds
    survival: Array  # (P, 2, G, N): q where a scenario states it, NaN: as the baseline shows
    prior: Array  # what was closed before it was lifted: what snaps back
    prior_capped: Mask
    prior_survival: Array
    before: Array  # (2, G, N): what the baseline closes, by any provision

    @property
    def untouched(self) -> bool:
        """Whether the scenario leaves it as the baseline has it."""
        return self.now is self.base


@dataclass
class Effects:
    """What the law does to links, every array (S, N, N); neutral away from the target."""

    before: Array
    still: Array
    lifted: Array
    link: Array


@dataclass
class TargetLaw:
    """Every regime on one target.

    Parameters
    ----------
    world : World
    target : str
    mix : Mix
    day : date or None
        Law adopted by this day is in the baseline's trade; None: none is.
    in_baseline : callable
        Whether a regime is one that the baseline holds.
    shared : Shared, optional
        What laws of worlds alike have in common.
    """

    world: World
    target: str
    mix: Mix
    day: date | None
    in_baseline: Callable[[Regime], bool]
    shared: Shared = field(default_factory=Shared)
    held: dict[str, Held] = field(default_factory=dict)
    rent: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.codes = tuple(g.code for g in self.mix.groups)
        self.sector = np.array([g.sector for g in self.mix.groups], dtype=np.intp)
        self.t = self.world.country_index(self.target)
        self.inside = inside(self.sector, self.world.n_sectors)
        weights = (self.mix.exports, self.mix.imports)
        self.traded: Mask = np.stack(
            [traded(weight, self.sector, self.world.n_sectors) for weight in weights]
        )
        self.traded[:, :, self.t] = False
        #: By regime: a digest of all that the scenario did to it, in turn.
        self._done: dict[str, bytes] = {}

    # -- what is asked of it ---------------------------------------------------------------
    def add(self, regime: Regime) -> Held:
        """The regime as the baseline has it; once added, the same object again."""
        if regime.regime in self.held:
            held = self.held[regime.regime]
            if held.regime is not regime and held.regime != regime:
                raise InputError(
                    f"another regime called '{regime.regime}' is on record here already, and "
                    "two of one name cannot be told apart: give yours a name of its own."
                )
            return held
        if regime not in self.shared.held:
            if len(self.shared.held) >= MOST_SHARED:  # variants of one's own come and go
                self.shared.held.pop(next(iter(self.shared.held)))
            day = self.day if self.in_baseline(regime) else None
            self.shared.held[regime] = _as_in_baseline(self, regime, day)
        self.held[regime.regime] = self.shared.held[regime]
        return self.held[regime.regime]

    def lift(self, name: str, rows: Mask, cells: Mask) -> Mask:
        """Lift provisions (P,) on lines (2, G, N); returns where something was closed."""
        done = digest("lift", self._done.get(name), rows, cells)
        kept = self.shared.lifted.get((self.held[name].regime, done))
        if kept is None:
            held = self._own(name, done)
            hit = rows[:, None, None, None] & cells[None]
            closed, capped = hit & (held.now > 0), hit & held.capped
            self._remember(held, closed, capped)
            held.now[hit] = 0.0
            held.capped &= ~hit
            kept = (held, _any(closed | capped, 0))
            self.shared.lifted.put((held.regime, done), kept)
        self.held[name], self._done[name] = kept[0], done
        return kept[1].copy()

    def _remember(self, held: Held, closed: Mask, capped: Mask) -> None:
        """Keep what lines were before they were first lifted; shared arrays are left alone."""
        first = closed & (held.now >= held.prior)
        if np.any(held.prior[first] != held.now[first]):
            held.prior = np.where(first, held.now, held.prior)
        if np.any(capped & ~held.prior_capped):
            held.prior_capped = held.prior_capped | capped
        stated = (first | capped) & ~np.isnan(held.survival)
        if stated.any():
            held.prior_survival = np.where(stated, held.survival, held.prior_survival)

    def relieve(self, share: Array) -> Mask:
        """Take a share (S, N, N) off what every regime closes together on a link.

        Returns
        -------
        ndarray of bool, shape (S, N, N)
            Links of which something was closed. A link that is relieved in full loses its
            caps too.
        """
        still = self.effects(None).still
        named = (share > 0) & ((still > NOTHING) | self.links(self._any_cap()))
        if not named.any():
            return named
        left = np.divide(
            np.maximum(still - share, 0.0), still, out=np.zeros_like(still), where=still > 0
        )
        factor = np.stack([left[self.sector, self.t], left[self.sector, :, self.t]])
        lines = self.lines(named)
        done = digest("relieve", *self._done.values(), share)
        for name in self.held:
            held = self._own(name, digest(name, done))
            closed = (held.now > 0) & lines[None]
            capped = held.capped & lines[None] & (factor <= NOTHING)[None]
            self._remember(held, closed, capped)
            held.now *= np.where(lines, factor, 1.0)[None]
            held.capped &= ~capped
        return named

    def _any_cap(self) -> Mask:
        found = np.zeros((2, len(self.codes), self.world.n_countries), dtype=bool)
        for held in self.held.values():
            found |= _any(held.capped, 0)
        return found

    def restore(self, name: str, rows: Mask, cells: Mask) -> Mask:
        """Put back what was lifted: as the baseline, or the scenario before, had it."""
        held = self._own(name, digest("restore", self._done.get(name), rows, cells))
        hit = rows[:, None, None, None] & cells[None]
        closed = hit & (held.now < held.prior)
        capped = hit & held.prior_capped & ~held.capped
        held.survival = np.where(closed | capped, held.prior_survival, held.survival)
        held.now[closed] = held.prior[closed]
        held.capped |= capped
        return _any(closed | capped, 0)

    def impose(
        self,
        name: str,
        rows: Mask,
        cells: Mask,
        survival: Array | None = None,
        told: Mask | None = None,
    ) -> Mask:
        """Impose provisions on lines; returns the lines that close anew.

        Parameters
        ----------
        name : str
        rows : ndarray of bool, shape (P,)
        cells : ndarray of bool, shape (2, G, N)
        survival : ndarray (G, N), optional
            q of the covered lines; nothing survives where none is given.
        told : ndarray of bool (N,), optional
            Partners whose q is stated: there it also replaces what the baseline shows of
            provisions that it holds already.
        """
        n = self.world.n_countries
        told = np.zeros(n, dtype=bool) if told is None else told
        done = digest("impose", self._done.get(name), rows, cells, survival, told)
        held = self._own(name, done)
        named = rows[:, None] & (held.binds > 0)[None]
        lines = (held.reach[..., None] > 0) & cells[None] & named[:, None, None, :]
        before, was_capped = held.now.copy(), held.capped.copy()
        known = lines & (held.base_on & ~told[None])[:, None, None, :]
        back = known & (held.now < held.base)
        held.now[back] = held.base[back]
        held.capped |= lines & _capped(held)[:, None, None, None]
        q = np.zeros((len(self.codes), n)) if survival is None else survival
        fresh = lines & ~known
        # a cap that the baseline does not hold closes nothing: the solver holds the quantity
        most = np.where(_capped(held)[:, None, None, None], held.base, held.reach[..., None])
        held.now[fresh] = np.minimum(held.reach[..., None], most)[fresh]
        if back.any() or fresh.any():
            stated = np.where(back, np.nan, held.survival)
            # what is closed at a stated q keeps it where this measure states none
            own = fresh & (told | (before <= 0) | np.isnan(held.survival))
            held.survival = np.where(own, q[None, None], stated)
        anew = lines & (held.now > before)
        return _any(anew | (held.capped & ~was_capped), 0)

    # -- what it comes to ------------------------------------------------------------------
    @property
    def touched(self) -> bool:
        """Whether the scenario changes anything of it."""
        return any(not held.untouched for held in self.held.values())

    def effects(self, psi: Array | None) -> Effects:
        """Lifted, newly banned and leaking shares of every link of the target.

        Parameters
        ----------
        psi : ndarray (S, N, N), optional
            ψ as before the bans, unscaled: tells what of today's trade leaks.
        """
        if not self.touched:
            return self._neutral()
        key = self.key(psi)
        found = None if key is None else self.shared.effects.get(key)
        if found is None:
            found = self._effects(psi)
            if key is not None:
                self.shared.effects.put(key, found)
        return Effects(*(array.copy() for array in vars(found).values()))

    def key(self, psi: Array | None = None, *more: object) -> tuple[object, ...] | None:
        """What tells its state from others; None where ψ is no array of the world's own."""
        own = self.world.dormant.items()
        name = "" if psi is None else next((k for k, v in own if v is psi), None)
        if name is None:
            return None
        done = tuple((held.regime, self._done.get(n)) for n, held in self.held.items())
        return (self.world.content_hash, name, done, *more)

    def _effects(self, psi: Array | None) -> Effects:
        parts = self._by_group()
        world, shape = self.world, self.world.flows.shape
        found = Effects(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.ones(shape))
        for d, weight in enumerate((self.mix.exports, self.mix.imports)):
            at = (slice(None), self.t) if d == 0 else (slice(None), slice(None), self.t)
            before, still, lifted, newly, cut = (
                to_sectors(part[d], weight, self.sector, world.n_sectors) for part in parts
            )
            lawful = _lawful(world.trade_share[at], None if psi is None else psi[at], before)
            open_before = np.where(before < 1.0 - NOTHING, 1.0 - before, 1.0)
            leaking = np.where(before > NOTHING, before, 1.0)
            link = lawful * (1.0 - np.minimum(newly / open_before, 1.0))
            link += (1.0 - lawful) * (1.0 - np.minimum(cut / leaking, 1.0))
            found.before[at], found.still[at] = before, still
            found.lifted[at], found.link[at] = lifted, link
        for array in (found.before, found.still, found.lifted):
            array[:, self.t, self.t] = 0.0
        found.link[:, self.t, self.t] = 1.0
        return found

    def _neutral(self) -> Effects:
        """As the baseline has it: what is closed stays so, and nothing else changes."""
        shape, names = self.world.flows.shape, tuple(self.held)
        if names not in self.shared.before:
            before = np.zeros(shape)
            closed = np.zeros((2, len(self.codes), self.world.n_countries))
            for held in self.held.values():
                np.maximum(closed, held.before, out=closed)
            for d, weight in enumerate((self.mix.exports, self.mix.imports)):
                at = (slice(None), self.t) if d == 0 else (slice(None), slice(None), self.t)
                before[at] = to_sectors(closed[d], weight, self.sector, self.world.n_sectors)
            before[:, self.t, self.t] = 0.0
            self.shared.before[names] = before
        before = self.shared.before[names]
        return Effects(before.copy(), before.copy(), np.zeros(shape), np.ones(shape))

    def _by_group(self) -> tuple[Array, Array, Array, Array, Array]:
        """Closed before, closed still, lifted, newly banned, leak cut: each (2, G, N)."""
        shape = (2, len(self.codes), self.world.n_countries)
        before, observed, stated, blocked = (np.zeros(shape) for _ in range(4))
        for held in self.held.values():
            np.maximum(before, held.before, out=before)
            told = ~np.isnan(held.survival) & (held.now > 0) if not held.untouched else None
            if told is None or not told.any():
                now = held.before if held.untouched else _largest(held.now, shape)
                np.maximum(observed, now, out=observed)
                continue
            np.maximum(observed, _largest(np.where(told, 0.0, held.now), shape), out=observed)
            closed = np.where(told, held.now, 0.0)
            np.maximum(stated, _largest(closed, shape), out=stated)
            effective = np.where(told, held.now * (1.0 - held.survival), 0.0)
            np.maximum(blocked, _largest(effective, shape), out=blocked)
        some = stated > 0
        leak = np.zeros(shape)
        leak[some] = 1.0 - blocked[some] / stated[some]
        old_observed, old_stated = np.minimum(before, observed), np.minimum(before, stated)
        alone = np.maximum(old_stated - old_observed, 0.0)
        lifted = before - np.maximum(old_observed, old_stated) + alone * leak
        newly = np.maximum(stated - before, 0.0) * (1.0 - leak)
        cut = alone + np.minimum(old_stated, old_observed) * (1.0 - leak)
        return before, np.maximum(observed, blocked), lifted, newly, cut

    def closing(self, cells: Mask) -> dict[str, tuple[tuple[str, ...], Mask]]:
        """Regime → the provisions that still close some of these links, and which (S, N, N)."""
        found: dict[str, tuple[tuple[str, ...], Mask]] = {}
        lines = self.lines(cells)
        for name, held, hit in self._closed_now(lines):
            ids = _ids(held, _any(hit, (1, 2, 3)))
            found[name] = (ids, self.links(_any(hit, 0)))
        return found

    def closed_by(self, name: str) -> Array:
        """Share of each link that one regime alone still closes, (S, N, N)."""
        held, world = self.held[name], self.world
        now = _largest(held.now, held.now.shape[1:])
        found = np.zeros(world.flows.shape)
        found[:, self.t] = to_sectors(now[0], self.mix.exports, self.sector, world.n_sectors)
        found[:, :, self.t] = to_sectors(now[1], self.mix.imports, self.sector, world.n_sectors)
        found[:, self.t, self.t] = 0.0
        return found

    def closing_by_pair(self, cells: Mask) -> dict[tuple[int, int], dict[str, tuple[str, ...]]]:
        """(exporter, importer) → regime → the provisions that still close some of its links."""
        found: dict[tuple[int, int], dict[str, tuple[str, ...]]] = {}
        for name, held, hit in self._closed_now(self.lines(cells)):
            by_pair = _any(hit, 2)  # (P, 2, N)
            for d, n in np.argwhere(_any(by_pair, 0)):
                pair = (self.t, int(n)) if d == 0 else (int(n), self.t)
                found.setdefault(pair, {})[name] = _ids(held, by_pair[:, d, n])
        return found

    def _closed_now(self, lines: Mask) -> list[tuple[str, Held, Mask]]:
        """Regimes that close some of these lines, and which provision closes which."""
        found = []
        for name, held in self.held.items():
            hit = (held.now > NOTHING) & (self.traded & lines)[None]
            if hit.any():
                found.append((name, held, hit))
        return found

    def reached(self, name: str, rows: Mask) -> Mask:
        """Lines (2, G, N) that some provisions (P,) of a regime name."""
        hit: Mask = _any(self.held[name].reach[rows] > 0, 0)
        return np.repeat(hit[..., None], self.world.n_countries, axis=2)

    def lines(self, cells: Mask) -> Mask:
        """Links (S, N, N) as lines (2, G, N) of the target."""
        return np.stack([cells[self.sector, self.t, :], cells[self.sector, :, self.t]])

    def links(self, lines: Mask) -> Mask:
        """Lines (2, G, N) as links (S, N, N): those where such lines trade."""
        found = np.zeros(self.world.flows.shape, dtype=bool)
        weighed = lines & self.traded
        found[:, self.t, :] |= self.inside @ weighed[0] > 0
        found[:, :, self.t] |= self.inside @ weighed[1] > 0
        return found

    def _own(self, name: str, done: bytes) -> Held:
        """The regime with arrays that may be changed; ``done`` tells what it will be."""
        held = self.held[name]
        own = {"now": held.now.copy(), "capped": held.capped.copy()}
        held = Held(**{**vars(held), **own})
        self.held[name], self._done[name] = held, done
        return held


def _any(mask: Mask, axis: int | tuple[int, ...]) -> Mask:
    return np.asarray(mask.any(axis=axis))


def _largest(closed: Array, shape: tuple[int, ...]) -> Array:
    largest: Array = closed.max(axis=0) if len(closed) else np.zeros(shape)
    return largest


def _lawful(share: Array, psi: Array | None, before: Array) -> Array:
    """λ: the part of today's trade that lines which are not banned explain, (S, N).

    What leaks is at most what the banned lines carried before, k⁰·ψ: growth beyond that is
    of lines that nobody bans.
    """
    closed = before >= 1.0 - NOTHING
    if psi is None or not psi.any():
        return np.where(closed, 0.0, 1.0)
    lawful = np.maximum(np.minimum(share, (1.0 - before) * psi), share - before * psi)
    part = np.divide(lawful, share, out=np.ones_like(share), where=share > 0)
    return np.where(closed, 0.0, np.where(before > NOTHING, part, 1.0))


def _as_in_baseline(law: TargetLaw, regime: Regime, day: date | None) -> Held:
    key = (regime, law.codes, law.mix.revision)
    provisions, reached = _reached(*key)
    bound = binds(regime, law.world, law.target)
    holds = np.array([day is not None and p.holds_on(day) for p in provisions], dtype=bool)
    on = holds[:, None] & (bound > 0)[None]
    part = np.array([closed_by_cap(p) if p.cap else 1.0 for p in provisions])
    base = reached[..., None] * part[:, None, None, None] * on[:, None, None, :]
    capped = np.array([p.cap is not None for p in provisions], dtype=bool)
    lines = (reached[..., None] > 0) & (on & capped[:, None])[:, None, None, :]
    survival = np.full(base.shape, np.nan)
    shared = {"base_on": on, "base": base, "capped": lines}
    shared |= {"survival": survival, "before": _largest(base, base.shape[1:])}
    for array in shared.values():
        array.flags.writeable = False  # kept between scenarios: a change would be everyone's
    return Held(
        regime=regime,
        provisions=provisions,
        reach=reached,
        binds=bound,
        now=base,
        prior=base,
        prior_capped=lines,
        prior_survival=survival,
        **shared,
    )


def _ids(held: Held, rows: Mask) -> tuple[str, ...]:
    return tuple(p.id for p, r in zip(held.provisions, rows, strict=True) if r)


def _capped(held: Held) -> Mask:
    return np.array([p.cap is not None for p in held.provisions], dtype=bool)


@lru_cache(maxsize=64)
def _reached(
    regime: Regime, codes: tuple[str, ...], revision: str
) -> tuple[tuple[Provision, ...], Array]:
    goods = tuple(p for p in regime.provisions if p.effect in ("ban", "cap"))
    found = np.zeros((len(goods), len(DIRECTIONS), len(codes)))
    for p, provision in enumerate(goods):
        found[p] = reach(provision, regime.hs_revision, codes, revision)
    found.flags.writeable = False
    return goods, found


def rows_of(held: Held, chosen: Mapping[str, object] | tuple[Provision, ...]) -> Mask:
    """Which provisions on goods are among those chosen, (P,)."""
    ids = {p.id for p in chosen} if isinstance(chosen, tuple) else set(chosen)
    return np.array([p.id in ids for p in held.provisions], dtype=bool)
