"""A project: edges that it opens, improves or adds, what it costs, what it is shown with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from detente.corridors.network import GAUGES, Change, Key, Mode, key_of, layer_of, make_edge

Verification = Literal["verified", "unverified", "assumed"]


def _number(value: Any) -> float:
    """A number, not text that needs a unit; ``unlimited`` is infinite."""
    if isinstance(value, str) and value.strip() == "unlimited":
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number; the key's name says the unit")
    if math.isnan(value):
        raise ValueError("NaN is not a number")
    return float(value)


def _from_zero(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise ValueError(f"{number:g} is negative")
    return number


def _above_zero(value: Any) -> float:
    number = _number(value)
    if number <= 0:
        raise ValueError(f"{number:g} is not above zero")
    return number


def _finite(value: Any) -> float:
    number = _from_zero(value)
    if math.isinf(number):
        raise ValueError("it has to be finite")
    return number


def _gauge(value: Any) -> Any:
    if value is not None and value not in GAUGES:
        raise ValueError(f"{value!r} is no gauge: 1435 or 1520 (a dual gauge is two edges)")
    return value


FromZero = Annotated[float, BeforeValidator(_from_zero)]
AboveZero = Annotated[float, BeforeValidator(_above_zero)]
Finite = Annotated[float, BeforeValidator(_finite)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _Values(_Part):
    """What a project states of an edge; what it leaves out it does not state."""

    use: Literal["all", "own"] | None = Field(
        default=None, description="own: no transit of other countries' shipments."
    )
    kmh: AboveZero | None = Field(default=None, description="Km per hour.")
    wait_h: Finite | None = Field(default=None, description="Hours, once per crossing.")
    usd_teu_km: Finite | None = Field(default=None, description="USD per TEU and km.")
    usd_t_km: Finite | None = Field(default=None, description="USD per tonne and km, bulk.")
    usd_teu: Finite | None = Field(default=None, description="USD per TEU and crossing.")
    usd_t: Finite | None = Field(default=None, description="USD per tonne and crossing.")
    capacity_mt: FromZero | None = Field(
        default=None, description="Million tonnes a year, both ways; or 'unlimited'."
    )
    electrified: bool | None = None


class SetValues(_Values):
    """Values of an edge that is there."""

    km: Finite | None = Field(default=None, description="Km, where the line is straightened.")
    state: Literal["open"] | None = Field(
        default=None, description="A project opens; it closes nothing."
    )

    def stated(self) -> dict[str, Any]:
        """Attributes of `Edge` and their values."""
        found = {k: v for k, v in self.model_dump().items() if v is not None}
        bulk = found.pop("usd_t_km", None)
        if bulk is not None:
            found |= {"usd_t_km_dry": bulk, "usd_t_km_liquid": bulk}
        return found


class AddValues(_Values):
    """An edge that is not there yet; blanks are the mode's defaults."""

    km: Finite = Field(description="Km.")
    owner: str = Field(default="", description="Whose shipments it carries, where use is own.")


class EdgeChange(_Part):
    """One edge of a project."""

    a: str
    b: str
    mode: Literal["sea", "rail", "road"]
    gauge: Annotated[int | None, BeforeValidator(_gauge)] = None
    set: SetValues | None = None
    add: AddValues | None = None
    source: str = ""
    verification: Verification = "assumed"
    note: str = ""

    @model_validator(mode="after")
    def _whole(self) -> EdgeChange:
        if (self.set is None) == (self.add is None):
            raise ValueError("an edge of a project has either 'set' or 'add'")
        if (self.mode == "rail") != (self.gauge is not None):
            need = "needs a gauge, 1435 or 1520" if self.mode == "rail" else "has no gauge"
            raise ValueError(f"an edge with mode {self.mode} {need}")
        if self.a == self.b:
            raise ValueError(f"an edge from {self.a} to itself is none")
        return self

    @property
    def layer(self) -> str:
        """sea, rail1435, rail1520 or road."""
        return layer_of(self.mode, self.gauge)

    @property
    def key(self) -> Key:
        """The key of the edge in a network."""
        return key_of(self.a, self.b, self.layer)

    def change(self, modes: Mapping[str, Mode], speed: float | None = None) -> Change:
        """What it states; ``speed`` km per hour in place of its own where it is no sea lane."""
        override = {"kmh": speed} if speed is not None and self.mode != "sea" else {}
        if self.set is not None:
            return Change(None, self.set.stated() | override)
        assert self.add is not None  # the validator saw to it
        values = self.add.model_dump() | override
        km = values.pop("km")
        words = {n: getattr(self, n) for n in ("source", "verification", "note")}
        a, b = sorted((self.a, self.b))
        return Change(make_edge(modes, a, b, self.mode, km, self.gauge, **values, **words))


class Capex(_Part):
    """What a project costs to build, those that it includes not counted."""

    low: FromZero = Field(description="Million USD.")
    central: FromZero = Field(description="Million USD.")
    high: FromZero = Field(description="Million USD.")
    in_: dict[str, FromZero] = Field(
        default_factory=dict, alias="in", description="Where it is spent: shares, sum 1."
    )
    note: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Capex:
        if not self.low <= self.central <= self.high < math.inf:
            raise ValueError("low, central and high are not in this order")
        if self.in_ and abs(sum(self.in_.values()) - 1) > 1e-9:
            raise ValueError(f"the shares under 'in' sum to {sum(self.in_.values()):g}, not 1")
        return self


class Told(_Part):
    """A source: what it says, and whether it was read."""

    what: str
    verification: Verification


class Project(_Part):
    """A named project of the catalogue.

    ``closure`` lists the projects that it includes, each once, and itself last.
    """

    project: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="Its name.")
    title: str = Field(min_length=1)
    what: str = Field(default="", description="What it is, in a sentence or two.")
    status: str = Field(default="", description="Built, under way, planned, proposed …")
    includes: tuple[str, ...] = Field(default=(), description="Names of other projects.")
    edges: tuple[EdgeChange, ...] = ()
    capex: Capex | None = None
    show: tuple[tuple[str, str, str], ...] = Field(
        default=(), description="[origin, destination, sector] that 'corridors show' prints."
    )
    sources: tuple[Told, ...] = ()
    _included: tuple[Project, ...] = PrivateAttr(default=())

    @property
    def included(self) -> tuple[Project, ...]:
        """The projects that ``includes`` names."""
        return self._included

    def including(self, projects: tuple[Project, ...]) -> Project:
        """Itself, knowing the projects that it names."""
        self._included = projects
        return self

    @property
    def closure(self) -> tuple[Project, ...]:
        """Every project that it includes, at any depth, each once; itself last."""
        found: dict[str, Project] = {}
        for part in self._included:
            for each in part.closure:
                found.setdefault(each.project, each)
        return (*found.values(), self)

    def changes(
        self, modes: Mapping[str, Mode], speed: float | None = None
    ) -> Iterator[tuple[Key, Change]]:
        """What it states itself, edge by edge, without the projects that it includes."""
        for edge in self.edges:
            yield edge.key, edge.change(modes, speed)
