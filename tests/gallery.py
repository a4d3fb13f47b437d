"""Scenarios of the gallery, their expectations, and how the two are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import detente as dt

GALLERY = Path(__file__).parent.parent / "scenarios"
EXPECTED = sorted((GALLERY / "expectations").glob("*.yaml"))
#: Percent or million USD below this is no change.
NOTHING = 1e-6


@dataclass(frozen=True)
class Figure:
    """One figure of a run: what of whom, on which day."""

    what: str
    country: str
    partner: str | None = None
    at: str | None = None

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Figure:
        day = line.get("at")
        return cls(
            line["what"],
            line["country"],
            line.get("partner"),
            None if day is None else str(day),
        )


@cache
def solved(file: str, at: str | None) -> dt.Result:
    scenario = dt.load_scenario(GALLERY / file)
    return dt.solve(dt.load_world(scenario.world), scenario, at=at)


def value(file: str, figure: Figure) -> float:
    """Welfare and own earnings in percent; exports, imports, trade as change in million USD."""
    result = solved(file, figure.at)
    row = result.welfare.loc[figure.country]
    if figure.what in ("welfare", "own_earnings"):
        return 100 * float(row[figure.what])
    eq, world = result.equilibrium, result.world
    c = world.country_index(figure.country)
    change = eq.flows.sum(axis=0) - world.flows.sum(axis=0)
    change[c, c] = 0.0
    others = slice(None) if figure.partner is None else [world.country_index(figure.partner)]
    sold, bought = float(change[c, others].sum()), float(change[others, c].sum())
    return {"exports": sold, "imports": bought, "trade": sold + bought}[figure.what]


def holds(file: str, line: Mapping[str, Any]) -> bool:
    """Whether one line of an expectation came true."""
    figure = Figure.of(line)
    found = value(file, figure)
    if "sign" in line:
        sign = 0 if abs(found) < NOTHING else (1 if found > 0 else -1)
        return sign == {"+": 1, "-": -1, 0: 0}[line["sign"]]
    (key,) = {"more_than", "less_than", "smaller_than", "same_as"} & set(line)
    other = value(line[key], Figure(figure.what, figure.country, figure.partner))
    return {
        "more_than": found > other,
        "less_than": found < other,
        "smaller_than": abs(found) < abs(other),
        "same_as": abs(found - other) < NOTHING,
    }[key]


def figures(file: str, expectation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every figure that an expectation speaks of, as the run has it."""
    wanted = dict.fromkeys(Figure.of(line) for line in expectation["expect"])
    return [
        {k: v for k, v in vars(f).items() if v is not None} | {"is": round(value(file, f), 4)}
        for f in wanted
    ]


def read(path: Path) -> dict[str, Any]:
    told = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    for line in told.get("found", ()):
        if "at" in line:
            line["at"] = str(line["at"])
    return told


def write_found() -> None:
    """Put the run's figures into every expectation; what was expected stays as it is."""
    for path in EXPECTED:
        text = path.read_text(encoding="utf-8").split("\nfound:")[0].rstrip() + "\n"
        told = dict(yaml.safe_load(text))
        lines = ["found:"]
        for figure in figures(told["scenario"], told):
            fields = ", ".join(f"{k}: {v}" for k, v in figure.items())
            lines.append(f"  - {{{fields}}}")
        path.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_found()
