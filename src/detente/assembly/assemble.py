"""From a published input-output table, tariffs and elasticities to a world.

``build_world`` does it in memory. :mod:`detente.assembly.files` reads and writes files, stores
every stage that is done, and takes an interrupted build up again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente.assembly.aggregation import AggregationMap, Groups, aggregate_table, read_map
from detente.assembly.changes import Change
from detente.assembly.describe import describe
from detente.assembly.finaldemand import (
    TOLERANCE,
    Deficits,
    Money,
    clean_table,
    refuse_numbers,
    to_deficits,
    with_tariffs,
)
from detente.assembly.stages import (
    Stages,
    Stored,
    record_of,
    stored_table,
    table_of,
    without_names,
)
from detente.assembly.tariffs import aggregate_tariffs, table_tariffs
from detente.assembly.thetas import CALIENDO_PARRO, Choice, Thetas, read_choice, world_thetas
from detente.errors import InputError, nearest
from detente.sources.iotable import IOTable
from detente.sources.record import Sourced, SourceRecord
from detente.sources.wits import read_tariffs
from detente.world.core import World
from detente.world.tables import world_from_arrays

#: The largest violation of an identity that a built world may show.
EXACT = 1e-9

STAGES = ("read", "tariffs", "aggregate", "elasticities", "balance", "calibrate")


@dataclass(frozen=True)
class Built:
    """A world that was built, and how.

    Attributes
    ----------
    world : World
    changes : tuple of Change
        What was balanced, clipped, imputed, assumed or left out, with amounts.
    sources : tuple of SourceRecord
    stages : tuple of (str, bool)
        Each stage, and whether an earlier build had finished it.
    path : Path or None
        Where it was written.
    """

    world: World
    changes: tuple[Change, ...]
    sources: tuple[SourceRecord, ...]
    stages: tuple[tuple[str, bool], ...]
    path: Path | None = None


def build_world(
    table: IOTable,
    *,
    tariffs: Sourced | pd.DataFrame | str | Path | None = None,
    elasticities: Choice = CALIENDO_PARRO,
    aggregate: AggregationMap | str | Path | None = None,
    deficits: Mapping[str, float] | None = None,
    name: str = "my world",
    title: str = "",
    tolerance: float = TOLERANCE,
) -> World:
    """Build a world from an input-output table.

    Parameters
    ----------
    table : IOTable
        As every parser of input-output tables gives it.
    tariffs : Sourced, DataFrame or path, optional
        Columns importer, exporter, product or sector, rate; none: zero tariffs, flagged.
    elasticities : str, number, path, mapping, DataFrame or Sourced
        ``caliendo-parro``, one θ for all, or θ by sector or HS product.
    aggregate : str, path or AggregationMap, optional
        A map's name (``korea``, ``eu27``), its YAML file, or a map.
    deficits : mapping of str to float, optional
        Imports less exports by country, million USD; the table's own where not given.
    name, title : str
    tolerance : float
        Largest share of the table that may be negative or misfit.

    Returns
    -------
    World
        Every identity holds to 1e-9; ``meta["build"]`` lists what was changed.

    Raises
    ------
    InputError, WorldError
        What is wrong, where, and the nearest valid thing.
    """
    inputs = Inputs(
        table=lambda: table,
        tariffs=_given_tariffs(tariffs, table.year),
        thetas=read_choice(elasticities),
        map=read_map(aggregate) if isinstance(aggregate, str | Path) else aggregate,
        deficits=deficits,
        keys={},
    )
    return assemble(inputs, Stages(None), name, title, tolerance).world


def _given_tariffs(
    tariffs: Sourced | pd.DataFrame | str | Path | None, year: int
) -> Callable[[int], Sourced | None]:
    """Tariffs as a function of the table's year, read when they are needed."""
    if isinstance(tariffs, pd.DataFrame):
        source = SourceRecord("own table", "tariffs", "", "given", "the user's own", True, "")
        found = Sourced(tariffs, source)
        return lambda _: found
    if isinstance(tariffs, str | Path):
        path = tariffs
        return lambda y: read_tariffs(path, year=y, closest=True)
    return lambda _: tariffs


@dataclass(frozen=True)
class Inputs:
    """What the stages work on; ``keys`` tells stages' inputs apart."""

    table: Callable[[], IOTable]
    tariffs: Callable[[int], Sourced | None]
    thetas: float | Sourced | str
    map: AggregationMap | None
    deficits: Mapping[str, float] | None
    keys: Mapping[str, Mapping[str, Any]]

    def key(self, stage: str) -> Mapping[str, Any]:
        """Inputs of a stage that its predecessors do not have."""
        return self.keys.get(stage, {})


def assemble(inputs: Inputs, stages: Stages, name: str, title: str, tolerance: float) -> Built:
    """Every stage in order."""
    read = stages.run("read", inputs.key("read"), lambda: _read(inputs))
    table = table_of(read)
    groups = inputs.map.groups(table) if inputs.map else _as_it_is(table)
    levied = stages.run(
        "tariffs", inputs.key("tariffs"), lambda: _tariffs(inputs, table, groups)
    )
    added = stages.run(
        "aggregate",
        inputs.key("aggregate"),
        lambda: _aggregated(table, groups, levied.arrays["rate"]),
    )
    chosen = stages.run(
        "elasticities", inputs.key("elasticities"), lambda: _thetas(inputs, table, groups)
    )
    small = table_of(added)
    balanced = stages.run(
        "balance",
        inputs.key("balance"),
        lambda: _balanced(small, inputs.deficits, groups, table, tolerance),
    )
    if stages.progress is not None:
        stages.progress("calibrate", len(STAGES), len(STAGES))
    parts = _Parts(table, small, groups, levied, added, chosen, balanced, inputs.map)
    return _calibrated(parts, tuple(stages.ran), name, title, tolerance)


def _as_it_is(table: IOTable) -> tuple[Groups, Groups]:
    n, s = np.arange(len(table.countries)), np.arange(len(table.sectors))
    return (
        Groups(table.countries, table.country_names, n),
        Groups(table.sectors, table.sector_names, s),
    )


# -- the stages ------------------------------------------------------------------------------
def _read(inputs: Inputs) -> Stored:
    table = inputs.table()
    refuse_numbers(table)
    return stored_table(without_names(table))


def _changes(changes: tuple[Change, ...]) -> list[dict[str, Any]]:
    return [c.as_dict() for c in changes]


def _tariffs(inputs: Inputs, table: IOTable, groups: tuple[Groups, Groups]) -> Stored:
    sourced = inputs.tariffs(table.year)
    found = table_tariffs(sourced, table, groups)
    facts = {
        "changes": _changes(found.changes),
        "flag": found.flag,
        "source": sourced.source.as_dict() if sourced else None,
    }
    return Stored({"rate": found.rate}, facts)


def _aggregated(table: IOTable, groups: tuple[Groups, Groups], rate: Any) -> Stored:
    small = stored_table(aggregate_table(table, *groups))
    arrays = {**small.arrays, "tariff": aggregate_tariffs(rate, table, groups)}
    return Stored(arrays, small.facts)


def _thetas(inputs: Inputs, table: IOTable, groups: tuple[Groups, Groups]) -> Stored:
    found: Thetas = world_thetas(inputs.thetas, table, groups)
    frame = found.table
    facts = {
        "flag": [str(f) for f in frame["flag"]],
        "note": [str(n) for n in frame["note"]],
        "estimate": [str(e) for e in frame["estimate"]],
        "changes": _changes(found.changes),
        "source": found.source.as_dict() if found.source else None,
    }
    columns = ("value", "std_error")
    return Stored({c: frame[c].to_numpy(np.float64) for c in columns}, facts)


def _balanced(
    small: IOTable,
    deficits: Mapping[str, float] | None,
    groups: tuple[Groups, Groups],
    table: IOTable,
    tolerance: float,
) -> Stored:
    money, changes = clean_table(small, tolerance)
    if deficits:
        wanted = _of_groups(deficits, groups[0], table.countries)
        money, more = to_deficits(money, wanted)
        changes += more
    arrays = {
        "intermediate": money.intermediate,
        "final": money.final,
        "input_use": money.input_use,
    }
    return Stored(arrays, {"changes": _changes(changes)})


def _of_groups(
    deficits: Mapping[str, float], groups: Groups, countries: tuple[str, ...]
) -> Deficits:
    """Deficits of the world's countries; members' are added up where all are given."""
    found = Deficits.of(deficits)
    known = [*groups.labels, *countries]
    for code in found:
        if code not in known:
            what = f"deficits: '{code}' is no country of the table or of the world."
            raise InputError(what, found.place(code), nearest(code, known))
    for label, members in groups.members(countries).items():
        if label in found or not set(members) & set(found):
            continue
        lacking = [m for m in members if m not in found]
        if lacking:
            what = f"'{label}' holds {', '.join(members[:6])}; '{lacking[0]}' has none."
            raise InputError(f"deficits: {what}", found.place())
        found[label] = sum(found.pop(m) for m in members)
    return found


@dataclass(frozen=True)
class _Parts:
    """What the stages left."""

    table: IOTable
    small: IOTable
    groups: tuple[Groups, Groups]
    levied: Stored
    added: Stored
    chosen: Stored
    balanced: Stored
    map: AggregationMap | None

    def sources(self) -> tuple[SourceRecord, ...]:
        """Every source, the table first."""
        given = (self.levied.facts["source"], self.chosen.facts["source"])
        return (self.table.source, *(record_of(f) for f in given if f))


def _calibrated(
    parts: _Parts,
    ran: tuple[tuple[str, bool], ...],
    name: str,
    title: str,
    tolerance: float,
) -> Built:
    """The last stage: the world and its checks."""
    small, arrays = parts.small, parts.balanced.arrays
    money = Money(
        small.countries,
        small.sectors,
        arrays["intermediate"],
        arrays["final"],
        arrays["input_use"],
    )
    given, more = with_tariffs(money, parts.added.arrays["tariff"], tolerance)
    stored = (parts.levied, parts.chosen, parts.balanced)
    changes = tuple(Change(**c) for part in stored for c in part.facts["changes"]) + more
    meta = describe(parts, changes, name, title)
    world = world_from_arrays(
        flows=given["flows"],
        input_use=given["input_use"],
        final=given["final"],
        value_added=given["value_added"],
        tariff=given["tariff"],
        trade_elasticity=parts.chosen.arrays["value"],
        countries=small.countries,
        sectors=small.sectors,
        country_names=small.country_names,
        sector_names=small.sector_names,
        name=name,
        tolerance=EXACT,
        meta=meta,
    )
    world.check(EXACT).require()
    return Built(world, changes, parts.sources(), (*ran, ("calibrate", False)))
