"""The law that a world's baseline holds, and what a scenario makes of it: one per target."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from detente.errors import InputError
from detente.regimes.catalogue import load_regime
from detente.regimes.coverage import target_of
from detente.regimes.kept import Shared
from detente.regimes.law import Effects, Held, Mask, TargetLaw
from detente.regimes.lawcaps import caps_of
from detente.regimes.mix import Mix, mix_for
from detente.regimes.schema import Regime
from detente.scenario.dates import parse_date
from detente.shocks import Cap
from detente.world.core import Array, World

#: Shares of a pair's trade below this are not told.
_TRACE = 0.001


@dataclass
class Laws:
    """Every target's law, as the baseline has it until a measure changes it.

    Parameters
    ----------
    world : World
        ``meta["law"]`` says, by target, the day of the law that its trade holds and which
        regimes that is.
    day : date, optional
        Assumed in place of the world's own day; where the world says nothing of a target,
        every regime that the scenario names counts as held on that day.
    named : frozenset of str
        Targets of the regimes that the scenario names: those that the day is for.
    """

    world: World
    day: date | None = None
    named: frozenset[str] = frozenset()
    targets: dict[str, TargetLaw] = field(default_factory=dict)
    lost: dict[str, InputError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for target, facts in self._recorded().items():
            try:
                law = self._law(target)
                for name in facts.get("regimes", ()):
                    law.add(self._recorded_regime(target, name))
                    self._refuse_mixed_regions(law, name)
            except InputError as error:
                # merged sectors or regions: the world's coverage tables are what is left of it
                self.targets.pop(target, None)
                self.lost[target] = error

    def _refuse_mixed_regions(self, law: TargetLaw, name: str) -> None:
        """Refuse law of which a table closes links that no sender of the world applies."""
        table = self.world.coverage.get(name)
        if table is None:
            return
        closed = (table[:, law.t] > 0).any(axis=0) | (table[:, :, law.t] > 0).any(axis=0)
        if (closed & ~(law.held[name].binds > 0)).any():
            raise InputError(
                f"in world '{self.world.name}' senders of '{name}' are merged with others into "
                "one region, so that its law cannot be told from its coverage: lift the table "
                f"(unban: {{coverage: {name}}}), or take the world before it was merged."
            )

    def _recorded(self) -> Mapping[str, Any]:
        found = self.world.meta.get("law", {})
        return {t: f for t, f in found.items() if t in self.world.countries}

    def _recorded_regime(self, target: str, name: str) -> Regime:
        facts = self._recorded()[target]
        if name not in facts.get("own", {}):
            return load_regime(name)
        return _own_regime(json.dumps(facts["own"][name], sort_keys=True))

    def regime(self, name: str) -> Regime:
        """A regime by name: as a world's law has it on record, else as detente has it.

        Raises
        ------
        InputError
            No such regime.
        """
        law = self.holding(name)
        return load_regime(name) if law is None else law.held[name].regime

    def _law(self, target: str) -> TargetLaw:
        if target not in self.targets:
            facts = self._recorded().get(target)
            own = parse_date(facts["day"]) if facts else None
            day = self.day if self.named == frozenset() or target in self.named else None
            named = set(facts.get("regimes", ())) if facts else None
            mix, shared = _kept(self.world, target, day)
            self.targets[target] = TargetLaw(
                self.world,
                target,
                mix,
                day or own,
                lambda regime: named is None or regime.regime in named,
                shared,
            )
        return self.targets[target]

    def held(self, regime: Regime) -> tuple[TargetLaw, Held]:
        """A regime and the law that it belongs to, added where it was not yet.

        Raises
        ------
        InputError
            The world does not have its target; its lines cannot be told apart here.
        """
        target = target_of(regime, self.world)
        if target in self.lost:
            raise self.lost[target]
        law = self._law(target)
        return law, law.add(regime)

    def holding(self, name: str) -> TargetLaw | None:
        """The law that holds a regime of this name."""
        return next((law for law in self.targets.values() if name in law.held), None)

    def day_of(self, law: TargetLaw) -> str:
        """The day of the law that the baseline holds, in words."""
        return "no law is on record" if law.day is None else f"law of {law.day}"

    def lift(self, name: str, cells: Mask) -> Mask:
        """Lift a whole regime from links (S, N, N); returns where it closed something."""
        law = self._one(name)
        return law.links(law.lift(name, self._all(law, name), law.lines(cells)))

    def reached(self, name: str) -> Mask:
        """Links (S, N, N) that a regime's lines and senders reach."""
        law = self._one(name)
        held = law.held[name]
        lines = law.reached(name, self._all(law, name)) & (held.binds > 0)
        return law.links(lines)

    def relieve(self, share: Array) -> Mask:
        """Take a share off what all regimes close together on links (S, N, N)."""
        found = np.zeros(share.shape, dtype=bool)
        for law in self.targets.values():
            found |= law.relieve(share)
        return found

    def impose(self, name: str, cells: Mask) -> Mask:
        """Impose what has not lapsed of a regime on links; returns where it closes anew."""
        law = self._one(name)
        rows = np.array([p.until is None for p in law.held[name].provisions], dtype=bool)
        return law.links(law.impose(name, rows, law.lines(cells)))

    def _one(self, name: str) -> TargetLaw:
        law = self.holding(name)
        if law is None:
            raise KeyError(name)
        return law

    def _all(self, law: TargetLaw, name: str) -> Mask:
        return np.ones(len(law.held[name].provisions), dtype=bool)

    def effects(self, psi: Array | None) -> Effects:
        """What all of it comes to, every array (S, N, N)."""
        shape = self.world.flows.shape
        total = Effects(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.ones(shape))
        for law in self.targets.values():
            found = law.effects(psi)
            for key in ("before", "still", "lifted"):
                np.maximum(getattr(total, key), getattr(found, key), out=getattr(total, key))
            total.link *= found.link
        if len(self.targets) > 1:
            # a link of two targets opens as far as neither's law closes it
            np.minimum(total.lifted, 1.0 - total.still, out=total.lifted)
        return total

    def caps(self) -> tuple[Cap, ...]:
        """Every quantity cap in force."""
        return tuple(cap for law in self.targets.values() for cap in caps_of(law))

    def closing(self, cells: Mask) -> dict[str, tuple[tuple[str, ...], Mask]]:
        """Regime → provisions that still close part of some links, and which of them."""
        found: dict[str, tuple[tuple[str, ...], Mask]] = {}
        for law in self.targets.values():
            found |= law.closing(cells)
        return found

    def closed_links(self, psi: Array | None) -> list[dict[str, Any]]:
        """What stays closed between a target whose law was touched and each partner.

        Parameters
        ----------
        psi : ndarray (S, N, N), optional
            ψ as before the bans, unscaled: what the links would carry. Without it nothing
            can be weighed and the list is empty.

        Returns
        -------
        list of dict
            JSON-able rows: ``target``, ``exporter``, ``importer``, ``potential`` (what all
            lines together carried before the bans, or what gravity makes of it where nobody
            knows; million USD at baseline spending), ``closed`` (share of it), ``regimes``
            (name → ``provisions`` and the share that the regime alone still closes).
        """
        if psi is None:
            return []
        rows: list[dict[str, Any]] = []
        for law in self.targets.values():
            if law.touched:
                rows += _closed(law, law.effects(psi).still, psi)
        return rows


def _closed(law: TargetLaw, still: Array, psi: Array) -> list[dict[str, Any]]:
    """Rows of the pairs of one target of which something that traded before is closed."""
    world = law.world
    # odds of several suppliers: σᵢ = ψᵢ/(1 + Σψ)
    carried = world.expenditure[:, None, :] * (psi / (1.0 + psi.sum(axis=1, keepdims=True)))
    total, closed = carried.sum(axis=0), (carried * still).sum(axis=0)
    alone = {name: (carried * law.closed_by(name)).sum(axis=0) for name in law.held}
    return [
        {
            "target": law.target,
            "exporter": world.countries[i],
            "importer": world.countries[n],
            "potential": float(total[i, n]),
            "closed": float(closed[i, n] / total[i, n]),
            "regimes": {
                name: {
                    "provisions": list(ids),
                    "closed": float(alone[name][i, n] / total[i, n]),
                }
                for name, ids in regimes.items()
            },
        }
        for (i, n), regimes in law.closing_by_pair(carried > 0).items()
        if closed[i, n] >= _TRACE * total[i, n] > 0
    ]


#: Mixes and regimes as in the baseline, of the worlds used last.
_KEPT: OrderedDict[tuple[Any, ...], tuple[Mix, Shared]] = OrderedDict()
_MOST_KEPT = 8
_LOCK = Lock()


@lru_cache(maxsize=32)
def _own_regime(record: str) -> Regime:
    """A regime that a world keeps; one object a record, so that its reach is computed once."""
    return Regime.model_validate(json.loads(record))


def _kept(world: World, target: str, day: date | None) -> tuple[Mix, Shared]:
    """What the law of worlds alike shares: flows do not matter, labels and records do."""
    facts = world.meta.get("law", {}).get(target, {})
    own = world.content_hash if "mix" in facts else json.dumps(facts, sort_keys=True)
    members = json.dumps(world.meta.get("members", {}), sort_keys=True)
    key = (target, day, world.countries, world.sectors, own, members)
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            return _KEPT[key]
    made = (mix_for(world, target), Shared())
    with _LOCK:
        found = _KEPT.setdefault(key, made)
        while len(_KEPT) > _MOST_KEPT:
            _KEPT.popitem(last=False)
    return found
