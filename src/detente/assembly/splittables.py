"""The tables of a split spec: what is known of trade, and tariffs on the new country's links.

A row of trade says what the flows of some partners and sectors add up to. ``all`` means every
one, ``CHN+RUS`` these together, ``others`` those that no other row of the same flow names
beside the same partner or sector. So one table holds cells, sums by partner, sums by sector
and totals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.assembly.entropy import amount
from detente.assembly.splitcustoms import by_partner, read_trade
from detente.assembly.splitspec import (
    ALL,
    OTHERS,
    RECORDED,
    TARIFF_COLUMNS,
    TRADE_COLUMNS,
    SplitSpec,
)
from detente.errors import InputError, Place, nearest
from detente.sources.reading import read_table, refuse_below, refuse_duplicates, refuse_unknown
from detente.world.core import World

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]

FLOWS = ("exports", "imports")
#: ``value``: a sum that is known. ``prior``: a cell of the pattern that unknown cells follow.
#: ``weight``: multiplies the pattern, where no ``prior`` row gives it.
ROLES = ("value", "prior", "weight")
_RATE = re.compile(r"^(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\s*(%?)$")


@dataclass(frozen=True)
class KnownSum:
    """What the flows of some partners and sectors add up to.

    Attributes
    ----------
    flow : str
        ``exports`` or ``imports`` of the new country.
    partners, sectors : ndarray of int
        Positions on the world's axes.
    value : float
        Million USD.
    label : str
        In words: ``exports of coal to CHN``.
    place : Place
        The row.
    """

    flow: str
    partners: Index
    sectors: Index
    value: float
    label: str
    place: Place

    @property
    def is_cell(self) -> bool:
        """Whether it is one flow of one sector with one partner."""
        return self.partners.size == 1 and self.sectors.size == 1


@dataclass(frozen=True)
class KnownTrade:
    """All that the table of trade says.

    Attributes
    ----------
    sums : tuple of KnownSum
    prior : dict of str to ndarray (S, N) or None
        Pattern of each flow, where the table gives one.
    weight : dict of str to ndarray (S, N)
        Factors on the pattern; one where the table has none.
    """

    sums: tuple[KnownSum, ...]
    prior: dict[str, Array | None]
    weight: dict[str, Array]

    def by_sector(self, flow: str, shape: tuple[int, int]) -> tuple[Array, Mask]:
        """What is known of each sector's flow, and whether that is all of it; (S,) each.

        Rows may speak of the same partners (China, and China with Russia): the one of more
        partners counts, and what another says of some of them is in it already.
        """
        found, counted = np.zeros(shape[0]), np.zeros(shape, dtype=bool)
        of_one = [e for e in self.sums if e.flow == flow and e.sectors.size == 1]
        for each in sorted(of_one, key=lambda e: -e.partners.size):
            s = int(each.sectors[0])
            if not counted[s, each.partners].any():
                found[s] += each.value
                counted[s, each.partners] = True
        return found, counted.sum(axis=1) == shape[1]


def read_tables(spec: SplitSpec) -> SplitSpec:
    """The spec with the tables that its files name; tables in memory are only checked."""
    model = spec.model
    trade, tariffs, technology = spec.trade, spec.tariffs, spec.technology
    if trade is None and model.trade.file is not None:
        path = spec.path(model.trade.file, "trade", "file")
        trade = read_table(
            path,
            columns={name: (name,) for name in (*TRADE_COLUMNS, "role", *RECORDED)},
            numbers=("value",),
            optional=("role", *RECORDED),
            keep=(),
        )
        trade.attrs["file"] = str(path)
    if tariffs is None and model.tariffs is not None:
        path = spec.path(model.tariffs.file, "tariffs", "file")
        tariffs = read_table(path, columns={name: (name,) for name in TARIFF_COLUMNS})
        tariffs.attrs["file"] = str(path)
    if technology is None and model.donor is not None and model.donor.file is not None:
        path = spec.path(model.donor.file, "donor", "file")
        technology = read_table(
            path,
            columns={name: (name,) for name in ("kind", "input", "sector", "value")},
            numbers=("value",),
            optional=("input",),
        )
        technology.attrs["file"] = str(path)
    customs = spec.customs
    if customs is None and model.trade.customs is not None:
        customs = read_trade(spec)
    return replace(spec, trade=trade, tariffs=tariffs, technology=technology, customs=customs)


def file_of(frame: pd.DataFrame, name: str) -> str:
    """The file that a table came from; its name where it was made in memory."""
    return str(frame.attrs.get("file", f"table '{name}'"))


# -- trade -------------------------------------------------------------------------------
def known_trade(spec: SplitSpec, world: World) -> KnownTrade:
    """What the table of trade says, on the world's axes and in million USD.

    Raises
    ------
    InputError
        A column that is missing, an unknown flow, partner, sector or role, a number that is
        missing or negative, a row given twice: with its line.
    """
    shape = (world.n_sectors, world.n_countries)
    weight = {flow: np.ones(shape) for flow in FLOWS}
    prior: dict[str, Array | None] = dict.fromkeys(FLOWS)
    sums: list[KnownSum] = []
    for role, one in (*_own_rows(spec, world), *_customs_rows(spec, world)):
        cells = np.ix_(one.sectors, one.partners)
        if role == "value":
            sums.append(one)
        elif role == "weight":
            weight[one.flow][cells] = one.value
        else:
            pattern = prior[one.flow]
            pattern = np.zeros(shape) if pattern is None else pattern
            pattern[cells] = one.value
            prior[one.flow] = pattern
    _refuse_more_than_whole(sums)
    return KnownTrade(tuple(sums), prior, weight)


def _refuse_more_than_whole(sums: Sequence[KnownSum]) -> None:
    """Refuse a sum that is more than another one which holds all of its flows."""
    for whole in (each for each in sums if not each.is_cell):
        partners, sectors = set(whole.partners.tolist()), set(whole.sectors.tolist())
        for part in sums:
            if part.flow != whole.flow or part.value <= whole.value * (1 + 1e-9):
                continue
            if partners.issuperset(part.partners) and sectors.issuperset(part.sectors):
                line = f", line {whole.place.line}" if whole.place.line else ""
                raise InputError(
                    f"{part.label}: {amount(part.value)} million USD, but {whole.label} are "
                    f"{amount(whole.value)}{line}.",
                    part.place,
                )


def _own_rows(spec: SplitSpec, world: World) -> list[tuple[str, KnownSum]]:
    """Role and content of every row of the spec's own table."""
    if spec.trade is None:
        return []
    frame, file = _trade_frame(spec.trade), file_of(spec.trade, "trade")
    _check_trade(frame, file)
    rows = _Rows(frame, file, world)
    return [
        (role, rows.sum_at(j, 1.0 if role == "weight" else spec.factor))
        for j, role in enumerate(frame["role"])
    ]


def _customs_rows(spec: SplitSpec, world: World) -> list[tuple[str, KnownSum]]:
    """The same of an original of customs; the spec's own cells go before its."""
    given = spec.model.trade.customs
    if given is None or spec.customs is None:
        return []
    file = str(spec.customs.source.file)
    frame = by_partner(spec, world)
    role = "value" if given[1].use == "known" else "prior"
    own = [(r, one) for r, one in _own_rows(spec, world) if r == role]
    if role == "prior" and own:
        place = spec.place("trade", given[0], "use")
        raise InputError("the table of trade has a pattern ('prior' rows) already.", place)
    stated = {
        (one.flow, int(one.partners[0]), int(one.sectors[0])) for _, one in own if one.is_cell
    }
    found = []
    for flow, partner, sector, value in frame.itertuples(index=False):
        n, s = world.country_index(partner), world.sector_index(sector)
        if (flow, n, s) not in stated:
            label = _label(flow, partner, sector)
            one = KnownSum(flow, np.array([n]), np.array([s]), value, label, Place(file))
            found.append((role, one))
    return found


def _trade_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that are read, as text and numbers, the index kept."""
    for name in TRADE_COLUMNS:
        if name not in frame.columns:
            near = nearest(name, map(str, frame.columns))
            what = f"the column is missing; the table needs {', '.join(TRADE_COLUMNS)}."
            raise InputError(what, Place(file_of(frame, "trade"), None, name), near)
    found = frame[list(TRADE_COLUMNS)].copy()
    for name in ("flow", "partner", "sector"):
        found[name] = found[name].astype(str).str.strip()
    role = frame["role"].astype(str).str.strip() if "role" in frame else ""
    found["role"] = pd.Series(role, index=frame.index).replace("", "value")
    found["value"] = pd.to_numeric(found["value"], errors="coerce")
    if "file" not in frame.attrs:
        found.index = pd.RangeIndex(1, len(found) + 1)
    return found


def _check_trade(frame: pd.DataFrame, file: str) -> None:
    refuse_unknown(frame, "flow", FLOWS, file)
    refuse_unknown(frame, "role", ROLES, file)
    absent = ~np.isfinite(frame["value"].to_numpy())
    if absent.any():
        line = int(frame.index[int(np.argmax(absent))])
        raise InputError("there is no number here.", Place(file, line, "value"))
    refuse_below(frame, "value", 0.0, file)
    ordered = frame.assign(
        partner=frame["partner"].map(_in_order), sector=frame["sector"].map(_in_order)
    )
    refuse_duplicates(ordered, ("flow", "partner", "sector", "role"), file)


def _in_order(text: str) -> str:
    return "+".join(sorted(part.strip() for part in text.split("+")))


class _Rows:
    """Rows of a table of trade, read on a world's axes."""

    def __init__(self, frame: pd.DataFrame, file: str, world: World) -> None:
        self.file, self.world = file, world
        self.lines = [int(line) for line in frame.index]
        self.text = {
            name: frame[name].tolist() for name in ("flow", "partner", "sector", "role")
        }
        self.values = [float(v) for v in frame["value"]]

    def sum_at(self, row: int, factor: float) -> KnownSum:
        """One row."""
        flow, partner, sector = (self.text[c][row] for c in ("flow", "partner", "sector"))
        return KnownSum(
            flow,
            self._chosen(row, "partner"),
            self._chosen(row, "sector"),
            self.values[row] * factor,
            _label(flow, partner, sector),
            Place(self.file, self.lines[row]),
        )

    def _chosen(self, row: int, column: str) -> Index:
        labels = self.world.countries if column == "partner" else self.world.sectors
        if self.text[column][row] != OTHERS:
            return positions(self.text[column][row], labels, self.file, self.lines[row], column)
        beside = "sector" if column == "partner" else "partner"
        keys = ("flow", "role", beside)
        named: set[int] = set()
        for j, text in enumerate(self.text[column]):
            same = all(self.text[key][j] == self.text[key][row] for key in keys)
            if same and text not in (ALL, OTHERS):
                named.update(positions(text, labels, self.file, self.lines[j], column).tolist())
        return np.array([j for j in range(len(labels)) if j not in named], dtype=np.intp)


def positions(text: str, labels: Sequence[str], file: str, line: int, column: str) -> Index:
    """Positions that ``all``, a code or ``A+B`` names.

    Raises
    ------
    InputError
        An unknown code, with its line and the nearest.
    """
    if text == ALL:
        return np.arange(len(labels), dtype=np.intp)
    found = []
    for part in (p.strip() for p in text.split("+")):
        if part in (ALL, OTHERS):
            what = f"'{part}' stands alone, not beside others with a +."
            raise InputError(what, Place(file, line, column))
        if part not in labels:
            what = f"'{part}' is no {column} of this world, nor '{ALL}' or '{OTHERS}'."
            near = nearest(part, (*labels, ALL, OTHERS))
            raise InputError(what, Place(file, line, column), near)
        found.append(list(labels).index(part))
    return np.unique(np.array(found, dtype=np.intp))


def _label(flow: str, partner: str, sector: str) -> str:
    """``exports of coal to CHN``; ``all imports from CHN``; ``all exports``."""
    what = f"all {flow}" if sector == ALL else f"{flow} of {sector}"
    way = "to" if flow == "exports" else "from"
    return what if partner == ALL else f"{what} {way} {partner}"


# -- tariffs -----------------------------------------------------------------------------
def stated_tariffs(spec: SplitSpec, world: World) -> tuple[Array, Array]:
    """Rates on what the new country sells, and on what it buys; NaN where none is stated.

    Returns
    -------
    (ndarray, ndarray), shape (S, N) each
        [s, n]: the rate that n charges it; [s, i]: the rate that it charges i.

    Raises
    ------
    InputError
        A column, code or rate that is wrong, a link with two rates, a row that is not about
        the new country: with its line.
    """
    shape = (world.n_sectors, world.n_countries)
    found = np.full(shape, np.nan), np.full(shape, np.nan)
    if spec.tariffs is None:
        return found
    frame, file = spec.tariffs, file_of(spec.tariffs, "tariffs")
    for name in TARIFF_COLUMNS:
        if name not in frame.columns:
            near = nearest(name, map(str, frame.columns))
            raise InputError("the column is missing.", Place(file, None, name), near)
    if "file" not in frame.attrs:
        frame = frame.set_axis(pd.RangeIndex(1, len(frame) + 1))
    rows = [(int(str(line)), row) for line, row in frame.astype(str).iterrows()]
    last = [OTHERS in (r["exporter"], r["importer"], r["sector"]) for _, r in rows]
    for wanted in (False, True):
        for (line, row), is_last in zip(rows, last, strict=True):
            if is_last == wanted:
                _state_rate(spec, world, row, Place(file, line), found, is_last)
    return found


def _state_rate(
    spec: SplitSpec,
    world: World,
    row: pd.Series,
    place: Place,
    found: tuple[Array, Array],
    fill: bool,
) -> None:
    """One row; with ``fill`` only where no other row has stated a rate."""
    code, file, line = spec.model.country.code, str(place.file), int(place.line or 0)
    here = [row["exporter"].strip() == code, row["importer"].strip() == code]
    if sum(here) != 1:
        raise InputError(
            f"a row is about one link of {code}: exporter or importer is {code}, the other "
            "its partner.",
            place,
        )
    column = "importer" if here[0] else "exporter"
    other, sector = row[column].strip(), row["sector"].strip()
    n = positions(ALL if other == OTHERS else other, world.countries, file, line, column)
    if other in (ALL, OTHERS) and spec.out_of in world.countries:
        n = n[n != world.countries.index(spec.out_of)]  # the aggregate's own rate on itself
    s = positions(ALL if sector == OTHERS else sector, world.sectors, file, line, "sector")
    table = found[0] if here[0] else found[1]
    cells = np.ix_(s, n)
    stated = ~np.isnan(table[cells])
    if stated.any() and not fill:
        raise InputError("an earlier row states a rate for one of these links.", place)
    table[cells] = np.where(stated, table[cells], _rate(row["rate"], place))


def _rate(text: str, place: Place) -> float:
    place = Place(place.file, place.line, "rate")
    match = _RATE.match(text.strip())
    if not match:
        raise InputError(f"'{text}' is no rate: write 0.10 or 10%.", place)
    number = float(match[1] + (match[2] or ""))
    if match[3]:
        return number / 100
    if number >= 1:
        raise InputError(
            f"a rate of {number:g} without a % sign could mean {number:g} % or "
            f"{number * 100:g} %: from 1 on, write the % sign.",
            place,
            f"{number:g}%",
        )
    return number
