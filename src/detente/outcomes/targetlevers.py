"""Levers: families of measures with one number, on the countries of a goal.

At any number a lever is a list of measures that a scenario file could hold, so that an answer
can be run, changed and added to. As its number rises, each lever makes links cheaper or opens
them, and never the reverse, which :mod:`detente.outcomes.targetproof` relies on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from detente.corridors.catalogue import load_network, load_project
from detente.corridors.cost import cost_change
from detente.errors import InputError, nearest
from detente.outcomes.targetgoal import Goal
from detente.regimes.lawcaps import caps_of
from detente.scenario.compose import State
from detente.scenario.measure import Mask, nearest_label
from detente.world.core import Array, World

#: Projects that the whole of a corridor is made of (:mod:`detente.corridors`).
PROJECTS = ("trans-korean-railway", "khasan-rajin", "tumen-bridge")
#: How far trade costs fall at most unless another range is given; an assumption.
TRADE_COST = 0.30
#: A project's saving below this share of cost is none.
_NO_SAVING = 1e-9
_NOTHING = 1e-12
_NAMED = re.compile(r"^\s*(\w+)\s*(?:\(\s*(\w+)\s*\))?\s*$")
_LOOSE = re.compile(r"^\s*(\w+)(?:\s*\(\s*\w+\s*\))?\s*(?:[=:]\s*)?(.*)$")
_BOUND = re.compile(r"(?:\d+\.?\d*|\.\d+)%?")
_RANGE = re.compile(r"^\s*(\w+)\s*=\s*([^.\s]\S*?|\.\d+)\s*\.\.\s*(\S+)\s*$")

Fields = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A family of measures.

    Attributes
    ----------
    meaning : str
        What its number is.
    low, high : float
        Range unless another is given.
    least, most : float
        What has a meaning at all.
    """

    meaning: str
    low: float
    high: float
    least: float
    most: float


KINDS: dict[str, Kind] = {
    "tariff": Kind("share by which today's tariffs between the pair fall", 0, 1, 0, 1),
    "trade_cost": Kind("share by which the pair's trade costs fall", 0, TRADE_COST, 0, 0.9),
    "corridor": Kind(f"part of what {', '.join(PROJECTS)} save the pair", 0, 1, 0, 1),
    "relief": Kind("share of trade freed from all bans on record", 0, 1, 0, 1),
    "opening": Kind("how far links of the pair go back to what they carried", 0, 1, 0, 1),
    "reform": Kind("how far links of the pair go to a normal border", 0, 1, 0, 1),
    "aid": Kind("billion USD a year", 0, 10, 0, 1000),
    "productivity": Kind("total factor productivity, a factor", 1, 2, 1, 5),
}
ALIASES = {"transfer": "aid", "tfp": "productivity"}


@dataclass(frozen=True)
class Lever:
    """A lever on a goal's countries.

    Attributes
    ----------
    name : str
        As it was asked for.
    kind : Kind
    low, high : float
        The range searched, in the lever's own unit.
    build : callable
        Measures at a number, as a scenario file holds them.
    words : callable
        What the number comes to.
    about : str
        On whom it acts.
    """

    name: str
    kind: Kind
    low: float
    high: float
    build: Callable[[float], list[Fields]]
    words: Callable[[float], str]
    about: str

    def at(self, intensity: float) -> float:
        """The lever's own number at a common intensity in [0, 1]."""
        return self.low + intensity * (self.high - self.low)


def levers(
    goal: Goal, world: World, using: str | Sequence[str], ranges: Sequence[str] = ()
) -> tuple[Lever, ...]:
    """The levers asked for.

    Parameters
    ----------
    goal : Goal
        Its countries are those that the levers are on.
    world : World
    using : str or sequence of str
        Names, between commas in one text: ``tariff,corridor,relief``. ``relief(PRK)``,
        ``aid(KOR)``, ``productivity(PRK)`` say on whom, ``tariff(PRK)`` who levies them, and
        ``trade_cost(RUS)``, ``corridor(RUS)``, ``opening(RUS)``, ``reform(RUS)`` whose
        shipments alone.
    ranges : sequence of str
        ``corridor=0..0.5`` each, in the lever's unit; per cent of a share may be written.

    Raises
    ------
    InputError
        An unknown lever, country or range, a range reversed or outside what has a meaning.
    """
    asked = using.split(",") if isinstance(using, str) else list(using)
    found: dict[str, Lever] = {}
    for text in (part for part in asked if part.strip()):
        lever = _lever(goal, world, text)
        if lever.name in found:
            raise InputError(f"--using: '{lever.name}' is named twice.")
        found[lever.name] = lever
    if not found:
        raise InputError(f"--using: it names no lever; there are {', '.join(KINDS)}.")
    given = [_range(text, found) for text in ranges]
    for name, low, high in given:
        found[name] = replace(found[name], low=low, high=high)
    return tuple(found.values())


def _lever(goal: Goal, world: World, text: str) -> Lever:
    match = _NAMED.match(text)
    word = match[1] if match else text.strip()
    key = ALIASES.get(word, word)
    if match is None or key not in KINDS:
        what = f"--using: unknown lever '{word}'; there are {', '.join(KINDS)}."
        raise InputError(what, nearest=nearest(word, [*KINDS, *ALIASES]))
    whom = match[2]
    if whom is not None and whom not in world.countries:
        near = nearest_label(whom, world.countries, world.country_names)
        what = f"--using: unknown country '{whom}' in world '{world.name}'."
        raise InputError(what, nearest=near)
    kind = KINDS[key]
    name = key if whom is None else f"{key}({whom})"
    build, words, about = _MAKERS[key](goal, world, whom)
    return Lever(name, kind, kind.low, kind.high, build, words, about)


def _range(text: str, found: Mapping[str, Lever]) -> tuple[str, float, float]:
    """One ``--range``: whose, and both ends."""
    match = _RANGE.match(text)
    if match is None:
        what = f"--range: '{text}' is no range: write LEVER=LOW..HIGH."
        raise InputError(what, nearest=_meant(text, found))
    word, ends = match[1], (match[2], match[3])
    key = ALIASES.get(word, word)
    named = [name for name in found if name == key or name.startswith(f"{key}(")]
    if not named:
        raise InputError(
            f"--range: '{word}' is not among the levers of --using.",
            nearest=nearest(word, found),
        )
    low, high = (_end(text, end, found) for end in ends)
    kind = KINDS[key]
    if high < low:
        what = f"--range: {text} is reversed: {high:g} lies below {low:g}."
        raise InputError(what, nearest=f"{word}={ends[1]}..{ends[0]}")
    if low < kind.least or high > kind.most:
        what = f"--range: {text} leaves {kind.least:g} to {kind.most:g} ({kind.meaning})."
        near = f"{word}={max(low, kind.least):g}..{min(high, kind.most):g}"
        raise InputError(what, nearest=near)
    return named[0], low, high


def _meant(text: str, found: Mapping[str, Lever]) -> str:
    """A range of the lever that a text names, else of the first, with its two ends if any."""
    match = _LOOSE.match(text)
    word = match[1] if match else ""
    key = ALIASES.get(word, word)
    if not any(name.split("(")[0] == key for name in found):
        word = key = next(iter(found)).split("(")[0]
    ends = _BOUND.findall(match[2]) if match else []
    low, high = ends if len(ends) == 2 else (f"{KINDS[key].low:g}", f"{KINDS[key].high:g}")
    return f"{word}={low}..{high}"


def _end(text: str, end: str, found: Mapping[str, Lever]) -> float:
    scale = 0.01 if end.endswith("%") else 1.0
    try:
        value = float(end.removesuffix("%")) * scale
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        what = f"--range: '{end}' in {text} is no number."
        raise InputError(what, nearest=_meant(text, found))
    return value


# -- what they are made of -------------------------------------------------------------------
Maker = tuple[Callable[[float], list[Fields]], Callable[[float], str], str]


def _sides(goal: Goal) -> tuple[str, str]:
    """The pair; a goal of one country is about all of its links."""
    return goal.countries[0], goal.countries[1] if len(goal.countries) == 2 else "all"


def _directions(goal: Goal, only: str | None, lever: str) -> list[Fields]:
    """Exporter and importer of each direction, or of the one that a country ships."""
    a, b = _sides(goal)
    both = [{"exporter": a, "importer": b}, {"exporter": b, "importer": a}]
    if only is None:
        return both
    chosen = [d for d in both if d["exporter"] == only]
    if not chosen:
        raise InputError(
            f"--using: {lever}({only}): {only} is not of this goal.",
            nearest=f"{lever}({a})",
        )
    return chosen


def _pair_words(goal: Goal, only: str | None) -> str:
    a, b = _sides(goal)
    if only is None:
        return f"{a}–{b}" if b != "all" else f"{a} and all others"
    return f"{only}→{b if only == a else a}".replace("→all", "→all others")


def _tariff(goal: Goal, world: World, whom: str | None) -> Maker:
    """Tariffs scaled from today's towards zero; of a country named, those that it levies."""
    ways = _directions(goal, whom, "tariff")
    if whom is not None:  # who levies is who buys
        ways = [{"exporter": d["importer"], "importer": d["exporter"]} for d in ways]

    def build(x: float) -> list[Fields]:
        return [{"tariff": {**d, "cut": x}} for d in ways] if x > 0 else []

    about = f"levied by {whom}" if whom else _pair_words(goal, None)
    return build, lambda x: f"tariffs {_percent(x)} lower", about


def _trade_cost(goal: Goal, world: World, whom: str | None) -> Maker:
    ways = _directions(goal, whom, "trade_cost")

    def build(x: float) -> list[Fields]:
        return [{"trade_cost": {**d, "change": -x}} for d in ways] if x > 0 else []

    about = _pair_words(goal, whom)
    return build, lambda x: f"trade costs {_percent(x)} lower", about


def _corridor(goal: Goal, world: World, whom: str | None) -> Maker:
    """What projects save on routes of the pair, by sector, in the same part everywhere."""
    ways = _directions(goal, whom, "corridor")
    groups = [group for d in ways for group in _savings(world, d["exporter"], d["importer"])]
    best = max((saving for _, saving in groups), default=0.0)

    def build(x: float) -> list[Fields]:
        return [{"trade_cost": {**g, "change": -x * s}} for g, s in groups] if x > 0 else []

    about = f"{_pair_words(goal, whom)}, by up to {_percent(best)} of cost"
    return build, lambda x: f"{_percent(x)} of what the projects save", about


def _savings(world: World, exporter: str, importer: str) -> list[tuple[Fields, float]]:
    """Links as few measures, and by which share their cost falls: 1 − d̂."""
    cost = _projects(world)
    found: dict[tuple[str, str, float], list[str]] = {}
    sides = [world.countries if code == "all" else (code,) for code in (exporter, importer)]
    for one in sides[0]:
        for other in sides[1]:
            i, n = world.country_index(one), world.country_index(other)
            for sector, factor in zip(world.sectors, cost[:, i, n].tolist(), strict=True):
                if i != n and 1.0 - factor > _NO_SAVING:
                    key = (one, other, round(1.0 - factor, 12))
                    found.setdefault(key, []).append(sector)
    return [
        ({"exporter": one, "importer": other, "sectors": sectors}, saving)
        for (one, other, saving), sectors in found.items()
    ]


@lru_cache(maxsize=4)
def _projects(world: World) -> Array:
    """d̂ of all the projects together, (S, N, N), at today's volumes: lines may be full."""
    before = after = load_network()
    for name in PROJECTS:
        after = after.with_project(load_project(name, before))
    return cost_change(world, before, after, world.flows).cost_hat


def _openings(goal: Goal, lever: str, whom: str | None, **more: Any) -> Maker:
    ways = _directions(goal, whom, lever)
    to = "a normal border" if more else "what was there before"

    def build(x: float) -> list[Fields]:
        return [{"open": {**d, "share": x, **more}} for d in ways]

    return build, lambda x: f"{_percent(x)} of the way to {to}", _pair_words(goal, whom)


def _opening(goal: Goal, world: World, whom: str | None) -> Maker:
    return _openings(goal, "opening", whom)


def _reform(goal: Goal, world: World, whom: str | None) -> Maker:
    return _openings(goal, "reform", whom, openness=1.0)


def _relief(goal: Goal, world: World, whom: str | None) -> Maker:
    """Every ban on record against one country, lifted by a share of each link's trade."""
    recorded = [c for c in reversed(goal.countries) if _closed(world, c).any()]
    target = whom or (recorded[0] if recorded else goal.countries[-1])
    groups = _groups(world, target)

    def build(x: float) -> list[Fields]:
        return [{"unban": {**g, "coverage": x}} for g in groups] if x > 0 else []

    about = f"bans on {target}" if groups else f"no bans on {target} are on record"
    return build, lambda x: f"{_percent(x)} of each link freed of bans", about


def _closed(world: World, target: str) -> Mask:
    """Links (S, N, N) of a country that law on it, or tables, close in part or cap."""
    state = State(world)
    n = world.country_index(target)
    closed = state.covered_before > _NOTHING
    law = state.laws.targets.get(target)
    if law is not None:
        closed = closed | (law.effects(None).before > _NOTHING)
        for cap in caps_of(law):  # a cap on what trades goes with the bans
            i, j = (np.isin(world.countries, x) for x in (cap.exporters, cap.importers))
            links = world.sector_index(cap.sector), i[:, None] & j[None, :]
            closed[links] |= world.flows[links] > 0
    mine = np.zeros(closed.shape, dtype=bool)
    mine[:, n, :] = mine[:, :, n] = True
    mine[:, n, n] = False
    found: Mask = closed & mine
    return found


def _groups(world: World, target: str) -> list[Fields]:
    """These links as few measures: partners of the same closed sectors together."""
    closed, n = _closed(world, target), world.country_index(target)
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for way, cells in (("exporter", closed[:, n, :]), ("importer", closed[:, :, n])):
        for j, code in enumerate(world.countries):
            sectors = tuple(s for s, c in zip(world.sectors, cells[:, j], strict=True) if c)
            if sectors:
                found.setdefault((way, sectors), []).append(code)
    other = {"exporter": "importer", "importer": "exporter"}
    return [
        {way: target, other[way]: partners, "sectors": list(sectors)}
        for (way, sectors), partners in found.items()
    ]


def _aid(goal: Goal, world: World, whom: str | None) -> Maker:
    """A gift from the first country of the goal, or one named, to the last."""
    to = goal.countries[-1]
    payer = whom or goal.countries[0]
    if payer == to:
        other = next(c for c in (goal.countries[0], *world.countries) if c != to)
        what = f"who pays it to {to}? A goal of one country says nothing of that."
        if whom is not None:
            what = f"aid({whom}) is paid by {whom}, and to {to}, which the goal names last: "
            what += "name who pays it."
        raise InputError(f"--using: aid: {what}", nearest=f"aid({other})")

    def build(x: float) -> list[Fields]:
        amount = f"{1000.0 * x!r} million USD"
        return [{"transfer": {"from": payer, "to": to, "amount": amount}}] if x > 0 else []

    return build, lambda x: f"USD {x:.4g} billion a year", f"{payer}→{to}"


def _productivity(goal: Goal, world: World, whom: str | None) -> Maker:
    country = whom or goal.countries[-1]

    def build(x: float) -> list[Fields]:
        return [{"productivity": {"country": country, "tfp": x}}] if x != 1.0 else []

    return build, lambda x: f"productivity {_percent(x - 1.0)} higher", country


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


_MAKERS: dict[str, Callable[[Goal, World, str | None], Maker]] = {
    "tariff": _tariff,
    "trade_cost": _trade_cost,
    "corridor": _corridor,
    "relief": _relief,
    "opening": _opening,
    "reform": _reform,
    "aid": _aid,
    "productivity": _productivity,
}
