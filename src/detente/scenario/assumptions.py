"""Assumptions of a scenario: what changes the reading of the world, not the policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from detente.errors import ScenarioError, nearest
from detente.scenario.measure import Source, nearest_label
from detente.scenario.quantities import Elasticity, Multiplier, Share, refuse
from detente.world.core import Array, World

RULES = ("fixed", "balanced", "balanced_as_shock")
_PROPORTIONAL = re.compile(r"^proportional\s*:\s*(\S+)$")


def _rule(value: Any) -> str | dict[str, str]:
    if isinstance(value, str):
        match = _PROPORTIONAL.match(value.strip())
        value = {"proportional": match[1]} if match else value
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(value.get("proportional"), str):
            return dict(value)
        refuse("as a mapping, 'deficit_rule' is {proportional: COUNTRY}.")
    if value == "proportional":
        refuse("the rule 'proportional' names a country: {proportional: PRK}.")
    if value == "path":
        refuse("the rule 'path' needs numbers; give them in Python, as Shocks.deficit_path.")
    if value not in RULES:
        refuse(
            f"unknown deficit rule {value!r}: {', '.join(RULES)}, proportional: COUNTRY.",
            nearest(str(value), (*RULES, "proportional")),
        )
    return str(value)


DeficitRule = Annotated[
    str | dict[str, str],
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
            ],
            "examples": ["fixed", {"proportional": "PRK"}],
        }
    ),
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

    @model_validator(mode="after")
    def _one_anchor(self) -> Assumptions:
        if self.openness_anchor is not None and self.openness is not None:
            refuse("'openness_anchor' and 'openness' both say which ψ holds; give one.")
        return self

    @property
    def rule(self) -> str:
        """The deficit rule's name, as `Shocks` has it."""
        return self.deficit_rule if isinstance(self.deficit_rule, str) else "proportional"

    @property
    def proportional_to(self) -> str | None:
        """The country that the rule ``proportional`` is for."""
        rule = self.deficit_rule
        return None if isinstance(rule, str) else rule["proportional"]

    def with_(self, **changes: Any) -> Assumptions:
        """Other assumptions, validated."""
        given = {key: getattr(self, key) for key in type(self).model_fields}
        return Assumptions.model_validate(given | changes)

    def to_dict(self) -> dict[str, Any]:
        """As a file holds them, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def check(self, world: World, source: Source) -> None:
        """Refuse a country of the deficit rule that the world does not have."""
        country = self.proportional_to
        if country is not None and country not in world.countries:
            raise ScenarioError(
                f"unknown country '{country}' in world '{world.name}'.",
                source.place("deficit_rule", "proportional"),
                nearest_label(country, world.countries, world.country_names),
            )

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
