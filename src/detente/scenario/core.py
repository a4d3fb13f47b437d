"""The Scenario: dated measures and assumptions, frozen and content-hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, TypeVar, cast, get_args

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detente.errors import InputError, ScenarioError, nearest
from detente.scenario.assumptions import Assumptions
from detente.scenario.compose import State, arrays_of
from detente.scenario.dates import end_of, in_order, parse_date, status
from detente.scenario.measure import Keys, Measure, Source
from detente.scenario.registry import kinds
from detente.shocks import Shocks, validate_shocks
from detente.world.core import World


class Header(BaseModel):
    """What a scenario is called and which world it is about."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    scenario: str = Field(description="Title, printed with the result.", min_length=1)
    world: str = Field(default="korea", description="A world's name or the path of its file.")
    description: str = Field(default="", description="What the scenario is about.")


M = TypeVar("M", bound=BaseModel)
#: Words of a measure that rests on a part of a package which is not there.
_LACKS = "nothing: it needs "
TOP_KEYS = (*Header.model_fields, *Assumptions.model_fields, "measures")


@dataclass(frozen=True, eq=False)
class Scenario:
    """A path of dated measures, and the assumptions under which it is read.

    Parameters
    ----------
    title : str
        Printed with every result.
    world : str
        Name or path of the world that it was written for.
    description : str
        What it is about.
    assumptions : Assumptions
        Deficit rule, dormant shares, elasticities.
    measures : tuple of Measure
        In the order of the file.
    source : Source
        The file and its lines, for messages; no part of the content.
    """

    title: str
    world: str = "korea"
    description: str = ""
    assumptions: Assumptions = field(default_factory=Assumptions)
    measures: tuple[Measure, ...] = ()
    source: Source = field(default_factory=Source)

    @classmethod
    def from_dict(
        cls,
        data: Mapping[str, Any],
        lines: Mapping[Keys, int] | None = None,
        file: str | None = None,
    ) -> Scenario:
        """A scenario from plain data, as a YAML or JSON file holds it.

        Parameters
        ----------
        data : mapping
            Keys as in a scenario file.
        lines : mapping of key path to line, optional
            For messages.
        file : str, optional
            For messages.

        Raises
        ------
        ScenarioError
            An unknown key, kind or value, with its place and the nearest valid one.
        """
        source = Source(file, lines or {})
        _expect_mapping(data, source, "a scenario")
        for key in data:
            if key not in TOP_KEYS:
                raise ScenarioError(
                    f"unknown key '{key}'; a scenario has {', '.join(TOP_KEYS)}.",
                    source.place(key),
                    nearest(str(key), TOP_KEYS),
                )
        header = _validated(Header, _part(data, Header), source, "a scenario")
        found = cls(
            title=header.scenario,
            world=header.world,
            description=header.description,
            assumptions=_validated(Assumptions, _part(data, Assumptions), source, "a scenario"),
            measures=_measures(data.get("measures"), source.below("measures")),
            source=source,
        )
        _refuse_unknown_parts(found.measures)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back to the same content; defaults left out."""
        found: dict[str, Any] = {"scenario": self.title, "world": self.world}
        if self.description:
            found["description"] = self.description
        found |= self.assumptions.to_dict()
        return found | {"measures": [m.to_dict() for m in self.measures]}

    def to_yaml(self) -> str:
        """The scenario as a file."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, width=88)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the canonical JSON: the same content, the same hash, in any file."""
        canonical = json.dumps(
            self.to_dict(), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def file(self) -> str | None:
        """The file that it was read from."""
        return self.source.file

    def with_(self, **changes: Any) -> Scenario:
        """A copy with other assumptions or fields, e.g. ``with_(psi_scale=0.1)``.

        Raises
        ------
        ScenarioError
            A name that is neither a field nor an assumption; a value that is not valid.
        """
        fields = ("title", "world", "description", "measures")
        valid = (*fields, *Assumptions.model_fields)
        for key in changes:
            if key not in valid:
                raise ScenarioError(
                    f"'{key}' is no field or assumption of a scenario.",
                    nearest=nearest(key, valid),
                )
        assumed = {k: v for k, v in changes.items() if k in Assumptions.model_fields}
        others = {k: v for k, v in changes.items() if k in fields}
        if assumed:
            given = self.assumptions.given | assumed
            others["assumptions"] = _validated(Assumptions, given, Source(), "an assumption")
        return replace(self, **others)

    @property
    def end(self) -> date | None:
        """The day after the last date mentioned; None where no date is."""
        return end_of(self.measures)

    def prepare(self, world: World) -> World:
        """The world as the scenario assumes it (its trade elasticities); often itself."""
        return self.assumptions.applied_to(world, self.source)

    def to_shocks(self, world: World, at: date | str | None = None) -> Shocks:
        """The shocks of the state at the scenario's end, or on a day.

        Parameters
        ----------
        world : World
            The baseline, as ``prepare`` gives it: elasticities that the scenario assumes
            have to enter the model as they enter the shocks.
        at : date or str, optional
            A day; by default the day after the last date that the scenario mentions.

        Raises
        ------
        ScenarioError
            A country, sector, coverage table or anchor that the world does not have; a
            world with other elasticities than the scenario assumes.
        """
        self._refuse_unprepared(world)
        self.assumptions.check(world, self.source)
        day = self.end if at is None else _day(at)
        state = self._state(world, day)
        # A measure that is not in force is tried on the side: its mistakes are refused too.
        aside: State | None = None
        touched: dict[int, str | None] = {}
        missing = self._missing(day)
        for m in self._in_turn():
            active = status(m, day) == "active"
            idle = not active or id(m) in missing
            if idle:
                aside = aside or self._state(world, day)
            words = m.apply(cast("State", aside) if idle else state)
            touched[id(m)] = words if not idle else missing.get(id(m)) if active else None
        done = (m for m in self._in_turn() if touched[id(m)] is not None)
        for m in (m for m in done if m.last and id(m) not in missing):
            touched[id(m)] = f"{touched[id(m)]}{m.apply_last(state)}"
        shocks = Shocks(
            deficit_rule=self.assumptions.rule,
            proportional_to=self.assumptions.proportional_to,
            deficit_path=self.assumptions.deficit_path(world, self.source),
            caps=(*state.laws.caps(), *state.caps),
            label=self.title,
            notes=self._notes(state, touched, day, at is None),
        )
        shocks = replace(shocks, **cast("dict[str, Any]", arrays_of(state)))
        validate_shocks(world, shocks)
        return shocks

    def _missing(self, day: date | None) -> dict[int, str]:
        """Measures in force whose ``needs`` are not, and in words what they lack.

        A part that is missing itself is none that another can rest on.
        """
        active = [m for m in self.measures if status(m, day) == "active"]
        found: dict[int, str] = {}
        while True:
            rest = [m for m in active if id(m) not in found]
            there = {m.part for m in rest}
            lacks = {id(m): [p for p in m.needs or () if p not in there] for m in rest}
            more = {
                key: f"{_LACKS}{' and '.join(parts)}, and no measure of that part is in force"
                for key, parts in lacks.items()
                if parts
            }
            if not more:
                return found
            found |= more

    def _in_turn(self) -> list[Measure]:
        """Measures by first day, those that read the state of the others after them."""
        ordered = in_order(self.measures)
        return [m for m in ordered if not m.last] + [m for m in ordered if m.last]

    def _state(self, world: World, day: date | None) -> State:
        """The baseline, with every regime known that some measure names, in force or not."""
        named = frozenset(target for m in self.measures for target in m.targets())
        state = State(world, self.assumptions, self.source, day, named)
        for m in self.measures:
            m.register(state)
        return state

    def _refuse_unprepared(self, world: World) -> None:
        """Shocks with one θ solved on a model with another would be silently wrong."""
        assumed = self.prepare(world).trade_elasticity
        if not np.array_equal(assumed, world.trade_elasticity):
            raise ScenarioError(
                "the scenario assumes other trade elasticities than the world has: solve it "
                "on scenario.prepare(world).",
                self.source.place("trade_elasticity"),
            )

    def _notes(
        self, state: State, touched: Mapping[int, str | None], day: date | None, end: bool
    ) -> dict[str, Any]:
        """JSON-able facts that travel with the result."""
        used = bool((state.opening.link_open > 0).any())
        asked = self.assumptions.openness_anchor or self.assumptions.openness is not None
        needed = used or (asked and state.dormant_share is not None)
        anchor = self.assumptions.anchor(state.world, self.source) if needed else None
        provisional = bool(state.world.meta.get("provisional")) or anchor == "provisional"
        return {
            "scenario": self.title,
            "at": day.isoformat() if day else None,
            "end_of_scenario": end,
            "measures": [_note(m, state, touched.get(id(m)), day) for m in self.measures],
            "assumptions": self.assumptions.model_dump(mode="json"),
            "closed": state.closed_links(),
            "added": _added(state),
            "dormant_share": {
                "anchor": anchor,
                "psi_scale": self.assumptions.psi_scale,
                "provisional": provisional,
                "used": used,
                "by_measure": any(
                    getattr(m, "openness", None) is not None
                    for m in self.measures
                    if touched.get(id(m)) is not None
                ),
            },
        }

    def __repr__(self) -> str:
        return f"Scenario({self.title!r}, {len(self.measures)} measures, world {self.world!r})"


def _added(state: State) -> list[dict[str, Any]]:
    """Pairs whose trade a measure adds to, million USD at baseline prices."""
    extra, codes = state.additions.extra.sum(axis=0), state.world.countries
    return [
        {"exporter": codes[i], "importer": codes[n], "extra": float(extra[i, n])}
        for i, n in np.argwhere(extra > 0)
    ]


def _note(
    measure: Measure, state: State, touched: str | None, day: date | None
) -> dict[str, Any]:
    return {
        "kind": measure.kind,
        "line": measure.source.place().line,
        "on": measure.on.isoformat() if measure.on else None,
        "until": measure.until.isoformat() if measure.until else None,
        "status": status(measure, day),
        "touched": touched,
        "remarks": []
        if touched is None or touched.startswith(_LACKS)
        else measure.remarks(state),
    }


def _day(at: date | str) -> date:
    try:
        return parse_date(at)
    except ValueError as error:  # PydanticCustomError is one
        context = getattr(error, "context", None) or {}
        what = context.get("what", str(error))
        raise ScenarioError(what, nearest=context.get("nearest")) from None


def _part(data: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    return {key: data[key] for key in model.model_fields if key in data}


def _expect_mapping(value: Any, source: Source, what: str) -> None:
    if not isinstance(value, Mapping):
        kind = {list: "a list", str: "text", type(None): "nothing"}.get(type(value))
        raise ScenarioError(
            f"{what} is a mapping of keys to values; this is {kind or repr(value)}.",
            source.place(),
        )


def _measures(value: Any, source: Source) -> tuple[Measure, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ScenarioError(
            "'measures' is a list: each measure on a line that starts with '- '.",
            source.place(),
        )
    return tuple(_measure(item, source.below(j)) for j, item in enumerate(value))


def _refuse_unknown_parts(measures: tuple[Measure, ...]) -> None:
    """A part that a measure needs is the part of another."""
    parts = sorted({m.part for m in measures if m.part is not None})
    for m in measures:
        for name in m.needs or ():
            if name not in parts:
                has = f"there are {', '.join(parts)}" if parts else "no measure has one"
                m.fail(
                    "needs",
                    f"no measure belongs to a part '{name}'; {has}.",
                    nearest(name, parts),
                )


def _measure(item: Any, source: Source) -> Measure:
    """One list item, ``{kind: {fields}}``, as a measure."""
    _expect_mapping(item, source, "a measure")
    if len(item) != 1:
        raise ScenarioError(
            f"a measure has one key, its kind; this has {', '.join(map(str, item)) or 'none'}. "
            "Fields stand below the kind, further in.",
            source.place(),
            nearest=None,
        )
    ((kind, fields),) = item.items()
    if kind not in kinds():
        raise ScenarioError(
            f"unknown measure '{kind}'; there are {', '.join(kinds())}.",
            source.place(kind),
            nearest(str(kind), kinds()),
        )
    below = source.below(kind)
    fields = {} if fields is None else fields
    _expect_mapping(fields, below, f"'{kind}'")
    return _validated(kinds()[kind], fields, below, f"'{kind}'").at(below)


def _validated(model: type[M], fields: Mapping[str, Any], source: Source, what: str) -> M:
    """A pydantic model, or its first error in the file's order as an error for people."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        details = error.errors()
        # a mistyped key explains the missing one that it was meant to be
        unknown = [d for d in details if d["type"] == "extra_forbidden"]
        found = [_friendly(detail, model, source, what) for detail in unknown or details]
        raise min(found, key=_line) from None


def _line(error: InputError) -> float:
    line = error.place.line if error.place else None
    return float("inf") if line is None else line


#: Kinds of pydantic's errors in our words.
_PLAINLY = {
    "dict_type": "a mapping of keys to values, as in {PRK: …}",
    "string_type": "one text, and no list",
    "string_too_short": "empty, and has to say something",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a mapping of keys to values",
}


def _inside(
    model: type[BaseModel], keys: tuple[Any, ...], what: str
) -> tuple[type[BaseModel], str]:
    """The model that a key belongs to, and its name: ``finance`` of a measure, say."""
    for key in keys:
        field = next((f for n, f in model.model_fields.items() if key in (n, f.alias)), None)
        inner = [field.annotation, *get_args(field.annotation)] if field else []
        models = [t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)]
        found = models[0] if models else None
        if found is not None:
            model, what = found, f"'{key}'"
    return model, what


def _friendly(detail: Any, model: type[BaseModel], source: Source, what: str) -> ScenarioError:
    """One pydantic error, with its place and the nearest valid thing."""
    keys = detail["loc"]
    context = detail.get("ctx", {})
    place = source.place(*keys)
    if detail["type"] == "extra_forbidden":
        inner, what = _inside(model, keys[:-1], what)
        valid = [f.alias or name for name, f in inner.model_fields.items()]
        return ScenarioError(
            f"unknown key '{keys[-1]}'; {what} has {', '.join(valid)}.",
            place,
            nearest(str(keys[-1]), valid),
        )
    if detail["type"] == "missing":
        return ScenarioError(f"{_inside(model, keys[:-1], what)[1]} needs '{keys[-1]}'.", place)
    if detail["type"] == "detente":
        return ScenarioError(context["what"], place, context["nearest"])
    plain = _PLAINLY.get(detail["type"])
    if plain is not None:
        given = detail["input"]
        return ScenarioError(f"'{keys[-1]}' is {plain}; it is {given!r}.", place)
    return ScenarioError(f"{detail['msg']}; it is {detail['input']!r}.", place)
