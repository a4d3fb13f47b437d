"""Assumptions of a scenario: what changes the reading of the world, not the policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from detente.errors import ScenarioError, nearest
from detente.openings.pace import Pace
from detente.scenario.dates import Day
from detente.scenario.measure import Source, nearest_label
from detente.scenario.numerals import number_schema, pattern, ratio_schema
from detente.scenario.opennesspath import ADJUSTMENT, BASE_RATE, OpennessPath, pace_of
from detente.scenario.quantities import (
    ALL,
    AMOUNT,
    Codes,
    Elasticity,
    Multiplier,
    Share,
    amount,
    plain_number,
    ratio,
    refuse,
)
from detente.world.core import Array, World

RULES = ("fixed", "balanced", "balanced_as_shock")
#: Years that a path may have.
LONGEST = 100
_MOST_CAPITAL = 0.9
#: Least and most capital that is used up in a year.
_WEAR = (0.001, 0.999)
_PROPORTIONAL = re.compile(r"^proportional\s*:\s*(\S+)$")
_PATH = "{path: {PRK: 2360 million USD}}"


def _rule(value: Any) -> str | dict[str, Any]:
    if isinstance(value, str):
        match = _PROPORTIONAL.match(value.strip())
        value = {"proportional": match[1]} if match else value
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(value.get("proportional"), str):
            return dict(value)
        if len(value) == 1 and isinstance(value.get("path"), Mapping):
            return {"path": _path(value["path"])}
        refuse(f"as a mapping, 'deficit_rule' is {{proportional: COUNTRY}} or {_PATH}.")
    if value == "proportional":
        refuse("the rule 'proportional' names a country: {proportional: PRK}.")
    if value == "path":
        refuse(f"the rule 'path' needs deficits, country by country: {_PATH}.")
    if value not in RULES:
        refuse(
            f"unknown deficit rule {value!r}: {', '.join(RULES)}, proportional: COUNTRY, "
            f"{_PATH}.",
            nearest(str(value), (*RULES, "proportional", "path")),
        )
    return str(value)


def _path(amounts: Mapping[Any, Any]) -> dict[str, str]:
    """Deficits by country, each an amount in words."""
    if not amounts:
        refuse(f"the rule 'path' names no country: {_PATH}.")
    for code, given in amounts.items():
        if amount(given) is None:
            number = plain_number(given)
            refuse(
                f"the deficit of {code}, {given!r}, is not an amount: a number (below zero "
                "for a surplus), million or billion, and USD.",
                None if number is None else f"{number:g} million USD",
            )
    return {str(code): " ".join(given.split()) for code, given in amounts.items()}


DeficitRule = Annotated[
    str | dict[str, str] | dict[str, dict[str, str]],
    BeforeValidator(_rule),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(RULES)},
                {"type": "string", "pattern": _PROPORTIONAL.pattern},
                {
                    "type": "object",
                    "properties": {"proportional": {"type": "string"}},
                    "required": ["proportional"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {
                        "path": {
                            "type": "object",
                            "additionalProperties": {"type": "string", "pattern": AMOUNT},
                            "minProperties": 1,
                        }
                    },
                    "required": ["path"],
                    "additionalProperties": False,
                },
            ],
            "examples": [
                "fixed",
                {"proportional": "PRK"},
                {"path": {"PRK": "2360 million USD"}},
            ],
        }
    ),
]


def _adjustment(value: Any) -> float:
    number = plain_number(value)
    if number is None or not 0 <= number <= LONGEST:
        refuse(f"{value!r} is no time to adjust: a number of years, 0 (at once) to {LONGEST}.")
    return number


def _horizon(value: Any) -> int:
    number = plain_number(value)
    if number is None or number != int(number) or not 1 <= number <= LONGEST:
        refuse(f"{value!r} is no number of years: a whole number from 1 to {LONGEST}.")
    return int(number)


def _capital(value: Any) -> Any:
    return None if value == "none" else value


def _discount_rate(value: Any) -> float:
    return ratio(value, "discount rate", 0.0, 1.0)


def _capital_share(value: Any) -> float:
    # at a share of one, capital without end would make itself
    return ratio(value, "capital share", 0.0, _MOST_CAPITAL)


def _depreciation(value: Any) -> float:
    return ratio(value, "depreciation rate", *_WEAR)


AdjustmentYears = Annotated[
    float, BeforeValidator(_adjustment), WithJsonSchema(number_schema(0, LONGEST))
]
#: Whole numbers; ``10.0`` is one.
_WHOLE = rf"^(?=\s*\+?\d+(?:\.0*)?\s*$){pattern(1, LONGEST)[1:]}"
Horizon = Annotated[
    int,
    BeforeValidator(_horizon),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": LONGEST},
                {"type": "string", "pattern": _WHOLE},
            ]
        }
    ),
]
DiscountRate = Annotated[
    float, BeforeValidator(_discount_rate), WithJsonSchema(ratio_schema(0, 1, "3%", 0.03))
]
CapitalShare = Annotated[
    float,
    BeforeValidator(_capital_share),
    WithJsonSchema(ratio_schema(0, _MOST_CAPITAL, "40%", 0.4)),
]
Depreciation = Annotated[
    float, BeforeValidator(_depreciation), WithJsonSchema(ratio_schema(*_WEAR, "6%", 0.06))
]


class Assumptions(BaseModel):
    """What a scenario assumes; a change of these changes the baseline's reading too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deficit_rule: DeficitRule = Field(
        default="fixed",
        description="What happens to trade deficits (docs/model.md, Deficits).",
    )
    psi_scale: Multiplier = Field(default=1.0, description="Multiplies every dormant share ψ.")
    openness_anchor: str | None = Field(
        default=None,
        description="Which dormant shares of the world hold; by default as_before.",
    )
    openness: Share | None = Field(
        default=None, description="ψ between as_before (0) and normal (1), linear in odds."
    )
    trade_elasticity: Elasticity | None = Field(
        default=None, description="θ: one number for every sector, or numbers by sector."
    )

    law_day: Day | None = Field(
        default=None,
        description="Day of the law that the world's trade holds; by default the world's own.",
    )
    years: Horizon | None = Field(
        default=None, description="Years of the path (docs/time.md); without it, no path."
    )
    adjustment_years: AdjustmentYears = Field(
        default=8.0,
        description=(
            "Years until 95 % of what rises is there; 0 is at once. What opens has its own "
            "path (openness_path), but where this alone is given."
        ),
    )
    openness_path: OpennessPath = Field(
        default=BASE_RATE,
        description=(
            "How far and how fast what opens is there over a path (docs/openings.md); "
            "adjustment_years where that alone is given."
        ),
    )
    discount_rate: DiscountRate = Field(
        default=0.03, description="A year, for totals over a path."
    )
    capital: Annotated[Codes | None, BeforeValidator(_capital)] = Field(
        default=None,
        description="Countries whose capital follows their income over a path: none or all.",
    )
    capital_share: CapitalShare = Field(
        default=1 / 3, description="Share α of capital in factor income: L̂ = K̂^α."
    )
    depreciation: Depreciation = Field(
        default=0.06, description="Share of capital that is used up in a year."
    )

    @model_validator(mode="before")
    @classmethod
    def _speed_alone(cls, given: Any) -> Any:
        # whoever states how long links adjust means links that open, too
        if isinstance(given, Mapping) and ADJUSTMENT in given and "openness_path" not in given:
            return {**given, "openness_path": ADJUSTMENT}
        return given

    @model_validator(mode="after")
    def _one_anchor(self) -> Assumptions:
        if self.openness_anchor is not None and self.openness is not None:
            refuse("'openness_anchor' and 'openness' both say which ψ holds; give one.")
        return self

    @property
    def rule(self) -> str:
        """The deficit rule's name, as `Shocks` has it."""
        rule = self.deficit_rule
        return rule if isinstance(rule, str) else next(iter(rule))

    @property
    def proportional_to(self) -> str | None:
        """The country that the rule ``proportional`` is for."""
        rule = self.deficit_rule
        country = None if isinstance(rule, str) else rule.get("proportional")
        return country if isinstance(country, str) else None

    @property
    def deficits(self) -> dict[str, float]:
        """Deficits of the rule ``path`` by country, million USD; empty under another."""
        rule = self.deficit_rule
        named = {} if isinstance(rule, str) else rule.get("path", {})
        given = named.items() if isinstance(named, dict) else ()
        return {code: amount(text) or 0.0 for code, text in given}

    @property
    def pace(self) -> Pace | None:
        """How far and how fast what opens is there; None: as every other link."""
        if self.openness_path == ADJUSTMENT:
            return None
        return pace_of(self.openness_path, self.adjustment_years)

    @property
    def given(self) -> dict[str, Any]:
        """What was stated, by name; the rest holds its default."""
        return {key: getattr(self, key) for key in self.model_fields_set}

    def with_(self, **changes: Any) -> Assumptions:
        """Other assumptions, validated."""
        return Assumptions.model_validate(self.given | changes)

    def to_dict(self) -> dict[str, Any]:
        """As a file holds them, defaults left out."""
        found = self.model_dump(mode="json", exclude_defaults=True)
        if ADJUSTMENT in found:  # alone it would mean links that open, too
            found["openness_path"] = self.model_dump(mode="json")["openness_path"]
        return found

    def check(self, world: World, source: Source) -> None:
        """Refuse a country of the deficit rule or of ``capital`` that the world lacks."""
        for keys, country in self._countries():
            if country not in world.countries:
                raise ScenarioError(
                    f"unknown country '{country}' in world '{world.name}'.",
                    source.place(*keys),
                    nearest_label(country, world.countries, world.country_names),
                )

    def _countries(self) -> list[tuple[tuple[str, ...], str]]:
        """Every country that an assumption names, with its place in a file."""
        one = self.proportional_to
        found: list[tuple[tuple[str, ...], str]] = []
        if one is not None:
            found.append((("deficit_rule", "proportional"), one))
        found += [(("deficit_rule", "path", code), code) for code in self.deficits]
        return found + [(("capital",), code) for code in self.capital or () if code != ALL]

    def deficit_path(self, world: World, source: Source) -> Array | None:
        """D′ of the rule ``path``, million USD, shape (N,), sum zero; None under another.

        The countries named have the deficits given. The others that trade absorb the
        difference in proportion to their income, as under the rule ``proportional``.

        Raises
        ------
        ScenarioError
            Every country that trades is named, and their deficits do not sum to zero.
        """
        if not self.deficits:
            return None
        self.check(world, source)
        new = world.deficit.copy()
        named = np.zeros(world.n_countries, dtype=bool)
        for code, deficit in self.deficits.items():
            j = world.country_index(code)
            new[j], named[j] = deficit, True
        pairs = world.flows.sum(axis=0)
        own = np.diag(pairs)
        trades = (pairs.sum(axis=1) > own) & (pairs.sum(axis=0) > own)
        others = trades & ~named
        gap = float(new.sum())
        if others.any():
            weight = np.where(others, world.income, 0.0)
            return np.asarray(new - gap * weight / weight.sum(), dtype=float)
        if abs(gap) > 1e-9 * float(np.abs(new).sum()):
            raise ScenarioError(
                f"the deficits given sum to {gap:,.6g} million USD and no other country "
                "trades: what one country lends another borrows.",
                source.place("deficit_rule", "path"),
            )
        return new

    def capital_of(self, world: World) -> NDArray[np.bool_]:
        """Countries whose capital follows their income, shape (N,)."""
        named = self.capital or ()
        return np.isin(world.countries, named) | (ALL in named)

    def applied_to(self, world: World, source: Source) -> World:
        """The world with the elasticities assumed; itself if none are."""
        assumed = self.trade_elasticity
        if assumed is None:
            return world
        theta = world.trade_elasticity.copy()
        if not isinstance(assumed, Mapping):
            theta[:] = assumed
            return world.with_(trade_elasticity=theta)
        for sector, value in assumed.items():
            if sector not in world.sectors:
                raise ScenarioError(
                    f"unknown sector '{sector}' in world '{world.name}'.",
                    source.place("trade_elasticity", sector),
                    nearest_label(sector, world.sectors, world.sector_names),
                )
            theta[world.sector_index(sector)] = value
        return world.with_(trade_elasticity=theta)

    def anchor(self, world: World, source: Source) -> str | None:
        """The name of the ψ that holds; None where the world has none."""
        anchors = world.dormant
        if self.openness is not None:
            return f"as_before + {self.openness:g}·(normal − as_before)"
        if self.openness_anchor is None:
            if "as_before" in anchors or not anchors:
                return "as_before" if anchors else None
            if len(anchors) == 1:
                return next(iter(anchors))
            has = ", ".join(anchors)
            raise ScenarioError(
                f"world '{world.name}' has several dormant shares ({has}): name one.",
                source.place("openness_anchor"),
            )
        if self.openness_anchor not in anchors:
            has = ", ".join(anchors) or "none"
            raise ScenarioError(
                f"world '{world.name}' has no dormant shares '{self.openness_anchor}'; "
                f"it has {has}.",
                source.place("openness_anchor"),
                nearest(self.openness_anchor, anchors),
            )
        return self.openness_anchor

    def dormant_share(self, world: World, source: Source) -> Array | None:
        """ψ·psi_scale, shape (S, N, N), in odds; None where the world has none."""
        name = self.anchor(world, source)
        if name is None:
            return None
        if self.openness is None:
            return world.dormant[name] * self.psi_scale
        missing = [a for a in ("as_before", "normal") if a not in world.dormant]
        if missing:
            has = ", ".join(world.dormant) or "none"
            raise ScenarioError(
                f"'openness' lies between the dormant shares as_before and normal, and world "
                f"'{world.name}' has no '{missing[0]}'; it has {has}.",
                source.place("openness"),
            )
        before, normal = world.dormant["as_before"], world.dormant["normal"]
        return (before + self.openness * (normal - before)) * self.psi_scale
