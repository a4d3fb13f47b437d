"""Special economic zones: what their workers turn over, what law and relief leave to add.

A zone with W workers whose plants turn over q USD a worker and year sells W·q and buys inputs,
by sector and partner as stated. The sizes are Kaesong's of 2014 unless the user says otherwise:
2,338 million USD both ways over 53,000 workers.

- *Law.* A plant of a sector runs as far as the law in force lets its goods out and its inputs
  of the same sector in: run = min(1 − closed out, 1 − closed in), with the share closed by
  every provision but those that except the zone.
- *Relief.* Where a link trades without the zone, observed or because bans were lifted, the
  share ``returning`` of that trade is taken to be the zone's own, and the zone adds only what
  exceeds it: with ``returning`` 1 a link carries the larger of the two, with 0 their sum.
- *Weight.* What is added enters as link weight such that, at baseline costs and with all else
  that the scenario opens, the link carries the target exactly (:func:`extra_for`). Unless
  variety counts, prices stay (:mod:`detente.scenario.additions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from detente import model
from detente.errors import InputError, nearest
from detente.regimes.catalogue import load_regime, regime_names
from detente.regimes.coverage import to_sectors
from detente.regimes.law import TargetLaw
from detente.regimes.schema import Regime
from detente.scenario.compose import State
from detente.scenario.debt import Figure
from detente.scenario.measure import Mask
from detente.scenario.quantities import ratio, refuse
from detente.sources.yamlfile import parse_yaml
from detente.world.core import Array, World

#: Shares of a mix sum to one up to this.
_SUM = 1e-6


def _mix(value: Any) -> dict[str, float] | tuple[str, ...]:
    """Sectors with shares that sum to 100 %, or sectors alone."""
    if isinstance(value, Mapping):
        if not value:
            refuse("an empty mapping names no sector.")
        found = {str(code): ratio(share, "share", 0.0, 1.0) for code, share in value.items()}
        total = sum(found.values())
        if abs(total - 1.0) > _SUM:
            refuse(f"the shares sum to {100 * total:g} %, not to 100 %.")
        return found
    codes = value if isinstance(value, list | tuple) else [value]
    if not codes or not all(isinstance(c, str) and c.strip() for c in codes):
        refuse(
            f"{value!r} names no sectors: [textiles, food], or {{textiles: 60%, food: 40%}}."
        )
    if len(set(codes)) < len(codes):
        refuse("a sector stands twice.")
    return tuple(c.strip() for c in codes)


_SHARE: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
Mix = Annotated[
    dict[str, float] | tuple[str, ...],
    BeforeValidator(_mix),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\S"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {"type": "object", "minProperties": 1, "additionalProperties": _SHARE},
            ],
            "examples": [["textiles", "electronics"], {"textiles": "60%", "food": "40%"}],
        }
    ),
]


# -- the catalogue ---------------------------------------------------------------------------
class KnownZone(BaseModel):
    """A zone of the catalogue: shares sum to one, investment in million USD."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    in_: str = Field(alias="in")
    with_: dict[str, float] = Field(alias="with")
    province: str
    focus: str
    workers: float
    investment: float
    sales_per_worker: float | None = None
    inputs_per_worker: float | None = None
    sales: dict[str, float]
    inputs: dict[str, float] | None = None
    staff: dict[str, float] | None = None
    firms: int | None = None
    tariff_free: bool = False
    returning: float = 0.0
    excepted_from: tuple[str, ...] = ()
    law: str = ""
    figures: tuple[Figure, ...] = ()


class PerWorker(BaseModel):
    """A worker of Kaesong in 2014: turnover, USD a year; wage a month; what was invested."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sales: float
    inputs: float
    wage: float
    investment: float
    low: float
    high: float
    figures: tuple[Figure, ...] = ()


class Workforce(BaseModel):
    """People at work in a country."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    persons: float
    year: int
    source: str
    verification: str
    note: str = ""


@dataclass(frozen=True)
class Zones:
    """The catalogue: zones and workforces by name, and what a worker turns over."""

    zones: Mapping[str, KnownZone]
    per_worker: PerWorker
    workforce: Mapping[str, Workforce]


@cache
def catalogue() -> Zones:
    """The zones that come with detente."""
    text = (files("detente") / "data" / "zones.yaml").read_text(encoding="utf-8")
    data: Any
    data, _ = parse_yaml(text, "zones.yaml")
    return Zones(
        {name: KnownZone.model_validate(z) for name, z in data["zones"].items()},
        PerWorker.model_validate(data["per_worker"]),
        {code: Workforce.model_validate(w) for code, w in data["workforce"].items()},
    )


def known_zone(name: str) -> KnownZone:
    """One zone by its name.

    Raises
    ------
    InputError
        There is none of that name; the nearest is told.
    """
    zones = catalogue().zones
    if name not in zones:
        raise InputError(
            f"there is no zone '{name}'; there are {', '.join(zones)}.",
            nearest=nearest(name, zones),
        )
    return zones[name]


# -- pure computations -----------------------------------------------------------------------
def turnover(workers: float, per_worker: float, mix: Array) -> Array:
    """Million USD a year by sector, (S,): workers times USD a worker, by a mix (S,)."""
    found: Array = workers * per_worker / 1e6 * mix
    return found


def sector_workforce(world: World, country: str, persons: float) -> Array:
    """People at work by sector, (S,): a country's by its shares of value added (assumed)."""
    n = world.country_index(country)
    made = world.value_added_share[:, n] * world.output[:, n]
    found: Array = persons * made / made.sum()
    return found


def sector_tfp(zone_workers: Array, workforce: Array, tfp: float) -> Array:
    """Factor on a sector's productivity, (S,): 1 + (zone's share of its workers)·(p − 1)."""
    share = np.divide(
        zone_workers, workforce, out=np.zeros(zone_workers.shape), where=workforce > 0
    )
    found: Array = 1.0 + share * (tfp - 1.0)
    return found


def running(closed_out: Array, closed_in: Array, has_inputs: Mask) -> Array:
    """Share of a sector's plants that law lets run, (S,).

    Parameters
    ----------
    closed_out, closed_in : ndarray, shape (S,)
        Share of its goods, and of inputs of the same sector, that law closes.
    has_inputs : ndarray of bool, shape (S,)
        Whether the zone buys inputs of the sector.
    """
    found: Array = np.minimum(1.0 - closed_out, np.where(has_inputs, 1.0 - closed_in, 1.0))
    return found


def beyond(trade: Array, returning: float, without: Array, claimed: Array) -> Array:
    """What a zone's trade adds to a link, and not less than nothing.

    Parameters
    ----------
    trade : ndarray
        The zone's, million USD.
    returning : float
        Share of the link's trade without zones that is this zone's own.
    without : ndarray
        What the link carries without zones.
    claimed : ndarray
        What of it earlier zones have counted as theirs already.
    """
    own = np.maximum(returning * without - claimed, 0.0)
    return np.maximum(trade - own, 0.0)


def closed_by(law: TargetLaw, excepted: frozenset[str]) -> Array:
    """Share of each link (S, N, N) that a target's law closes, some provisions aside."""
    world = law.world
    shape = (2, len(law.codes), world.n_countries)
    closed = np.zeros(shape)
    for held in law.held.values():
        rows = [j for j, p in enumerate(held.provisions) if p.id not in excepted]
        if rows:
            now, survival = held.now[rows], held.survival[rows]
            kept = np.where(np.isnan(survival), 1.0, 1.0 - survival)
            np.maximum(closed, (now * kept).max(axis=0), out=closed)
    found = np.zeros(world.flows.shape)
    found[:, law.t] = to_sectors(closed[0], law.mix.exports, law.sector, world.n_sectors)
    found[:, :, law.t] = to_sectors(closed[1], law.mix.imports, law.sector, world.n_sectors)
    found[:, law.t, law.t] = 0.0
    return found


def closed_to_zone(state: State, excepted: frozenset[str]) -> Array:
    """Share of each link that all law and bans close to a zone, (S, N, N).

    Law by HS line, the world's coverage tables where it has no law, and the scenario's bans;
    provisions and tables in ``excepted`` are left out.
    """
    kept: dict[frozenset[str], Array] = state.pad.setdefault("closed to zones", {})
    if excepted not in kept:
        kept[excepted] = _closed(state, excepted)
    return kept[excepted]


def _closed(state: State, excepted: frozenset[str]) -> Array:
    closed: Array = np.zeros(state.world.flows.shape)
    for law in state.laws.targets.values():
        np.maximum(closed, closed_by(law, excepted), out=closed)
    for name, table in state.remaining.items():
        if name not in excepted:
            closed = np.maximum(closed, table)
    # what the scenario's own bans leave of a link, m, they leave of the zone's trade
    found: Array = 1.0 - (1.0 - closed) * state.survival()
    return found


def excepted(state: State, names: Iterable[str]) -> frozenset[str]:
    """Provisions and tables that some names mean: ids, resolutions (2375), whole regimes.

    Raises
    ------
    InputError
        A name that no regime on record, or of the catalogue, knows; the nearest is told.
    """
    regimes: dict[str, Regime] = {name: load_regime(name) for name in regime_names()}
    for law in state.laws.targets.values():
        regimes |= {name: held.regime for name, held in law.held.items()}
    known: dict[str, set[str]] = {name: {name} for name in state.world.coverage}
    for name, regime in regimes.items():
        for p in regime.provisions:
            for word in (name, p.id, p.id.split("-")[0]):
                known.setdefault(word, set()).add(p.id)
    found: set[str] = set()
    for name in names:
        if name not in known:
            short = name.rpartition("/")[2]
            raise InputError(
                f"no law on record has a provision '{name}': write its id (2375-16), its "
                "resolution (2375) or the regime (unsc-dprk).",
                nearest=short if short in known else nearest(short, known),
            )
        found |= known[name]
    return frozenset(found)


def closing(state: State, cells: Mask) -> dict[str, tuple[str, ...]]:
    """What closes part of some links (S, N, N): regimes with provisions, tables, own bans."""
    found = {name: ids for name, (ids, _) in state.laws.closing(cells).items()}
    tables = dict(state.remaining)
    for name, layer in state.layers.items():
        tables[name] = layer.coverage * (layer.survival < 1.0)
    for name, table in tables.items():
        if (cells & (table > 0)).any():
            found.setdefault(name, ())
    return found


@dataclass(frozen=True)
class Carried:
    """Link weights at baseline costs, (S, N, N), and what they carry in million USD.

    Attributes
    ----------
    base : ndarray
        b without what measures add.
    now : ndarray
        b with it.
    without : ndarray
        Million USD at baseline costs that ``base`` carries, net of tariff.
    """

    base: Array
    now: Array
    without: Array


def carried(state: State) -> Carried:
    """What links weigh and carry in the state so far, at baseline costs and spending."""
    world = state.world
    # of a copy, and kept: every measure has been applied when zones add to links
    opening = state.pad.setdefault("opening", None) or copy(state).opening
    state.pad["opening"] = opening
    psi = state.dormant_share
    known = np.zeros(world.flows.shape) if psi is None else psi
    base = model.link_base(world.trade_share, opening.link, opening.link_open, known)
    base = base * state.additions.factor
    put = state.additions.put(opening.link, opening.link_open, psi)
    now = model.link_base(
        world.trade_share, put["link"], put["link_open"], put.get("dormant_share")
    )
    spent = world.expenditure[:, None, :] / (1.0 + state.tariff)
    total = base.sum(axis=1, keepdims=True)
    share = np.divide(base, total, out=np.zeros(base.shape), where=total > 0)
    return Carried(base, now, share * spent)


def extra_for(state: State, links: Carried, i: int, n: int, gain: Array) -> Array:
    """What to hand to ``State.add_trade`` so that a link carries ``gain`` more, (S,).

    With σ the share of the buyer's spending that the link should take in the end, b⁰ its
    weight without additions, B⁰ = Σ b⁰ over suppliers, A the suppliers that measures add to
    (this one too), P = Σ_A π, U what the other members of A take (π + Δσ), the weights of
    :mod:`detente.scenario.additions` give the share σ where 1/left = z,
    z = [σ·(B⁰ − 1) − b⁰ + π + 1 − P]/[(1 − P)(1 − U − σ)], and so π + Δσ = 1 − U − 1/z.

    Parameters
    ----------
    state : State
    links : Carried
        As the state is now.
    i, n : int
        Exporter and importer.
    gain : ndarray, shape (S,)
        Million USD at baseline prices, net of tariff.

    Returns
    -------
    ndarray, shape (S,)
        Million USD; nan where the buyer would have to spend more than it does.
    """
    world, added = state.world, state.additions.extra[:, :, n]
    spent, pi = world.expenditure[:, n], world.trade_share[:, :, n]
    safe = np.where(spent > 0, spent, 1.0)
    now = links.now[:, i, n] / np.maximum(links.now[:, :, n].sum(axis=1), 1e-300)
    goal = now + gain * (1.0 + state.tariff[:, i, n]) / safe
    taken = np.where(added > 0, pi + added * (1.0 + world.tariff[:, :, n]) / safe[:, None], 0.0)
    gains = added > 0
    gains[:, i] = True
    others = 1.0 - (gains * pi).sum(axis=1)
    rest, base, own = taken.sum(axis=1) - taken[:, i], links.base[:, i, n], pi[:, i]
    room = others * (1.0 - rest - goal)
    top = goal * (links.base[:, :, n].sum(axis=1) - 1.0) - base + own + others
    z = np.divide(top, room, out=np.full(gain.shape, np.nan), where=room > 0)
    wanted = (1.0 - rest - 1.0 / z - own) * spent / (1.0 + world.tariff[:, i, n])
    extra = np.where(gain > 0, np.maximum(wanted - added[:, i], 0.0), 0.0)
    return np.where((gain > 0) & ~(spent > 0), np.nan, extra)
