"""Writers of tiny made-up input-output tables in the exact formats of the originals.

One made-up world, balanced to rounding, goes through every format, so that what a reader
returns can be held against what was written, and one reader against another.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from io_books import xlsx

HOUSEHOLDS, NPISH, GOVERNMENT, CAPITAL, STOCKS = range(5)


@dataclass(frozen=True)
class MadeUp:
    """A balanced table of N countries and S sectors, million USD, country-major.

    Z (NS, NS); Y (NS, N, 5): households, non-profit, government, capital, inventories; taxes
    (NS,), final_taxes (N, 5), value_added (NS,), output (NS,).
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    Z: np.ndarray
    Y: np.ndarray
    taxes: np.ndarray
    final_taxes: np.ndarray
    value_added: np.ndarray
    output: np.ndarray

    @property
    def pairs(self):
        return [(c, s) for c in self.countries for s in self.sectors]

    def named(self, countries=None, sectors=None):
        return replace(
            self, countries=countries or self.countries, sectors=sectors or self.sectors
        )

    def expected(self):
        """The arrays of ``IOTable``, by plain sums over the axes."""
        n, s = len(self.countries), len(self.sectors)
        z = self.Z.reshape(n, s, n, s)
        y = self.Y.reshape(n, s, n, 5)

        def by_sector(v):
            return v.reshape(n, s).T

        return {
            "intermediate": z.sum(axis=3).transpose(1, 0, 2),
            "final": y[..., :STOCKS].sum(axis=3).transpose(1, 0, 2),
            "inventories": y[..., STOCKS].transpose(1, 0, 2),
            "input_use": z.sum(axis=0).transpose(0, 2, 1),
            "value_added": by_sector(self.value_added),
            "taxes": by_sector(self.taxes),
            "final_taxes": self.final_taxes.sum(axis=1),
            "output": by_sector(self.output),
        }


def made_up(countries, sectors, *, seed=1, world=1e8) -> MadeUp:
    """Draw a world; its total output is ``world`` million USD."""
    rng = np.random.default_rng(seed)
    m, n, s = len(countries) * len(sectors), len(countries), len(sectors)
    Z = rng.lognormal(0, 1.5, (m, m)) * (1 + 9 * np.kron(np.eye(n), np.ones((s, s))))
    Y = rng.lognormal(0, 1, (m, n, 5)) * (1 + 9 * np.repeat(np.eye(n), s, axis=0))[:, :, None]
    Y *= 3 * m * np.array([1.0, 0.05, 0.3, 0.4, 0.0])
    Y[..., STOCKS] = rng.normal(0, 0.05, (m, n)) * Z.mean() * 10
    output = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    taxes = 0.02 * Z.sum(axis=0)
    scale = world / output.sum()
    value_added = output - Z.sum(axis=0) - taxes
    final_taxes = 0.05 * np.abs(Y).sum(axis=0)
    tuple_ = (Z, Y, taxes, final_taxes, value_added, output)
    return MadeUp(tuple(countries), tuple(sectors), *(a * scale for a in tuple_))


def zipped(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


# -- ICIO --------------------------------------------------------------------------------
ICIO_SECTORS = {
    "2025": ("A01", "A02", "C17_18", "T"),
    "2023": ("A01_02", "A03", "C17_18", "T"),
    "2021": ("01T02", "03", "17T18", "97T98"),
}
ICIO_FINAL = ("HFCE", "NPISH", "GGFC", "GFCF", "INVNT", "DPABR")
PARTS = {"MEX": ("MX1", "MX2"), "CHN": ("CN1", "CN2")}


def icio_lines(table: MadeUp, release: str, *, extended=False, abroad=0.1) -> list[list[str]]:
    """Rows of an ICIO csv. ``abroad``: share of households' demand that is DPABR."""
    producers, split = _split(table) if extended else (table.pairs, np.eye(len(table.pairs)))
    Z, out = split.T @ table.Z @ split, table.output @ split
    six = np.concatenate([table.Y, abroad * table.Y[..., :1]], axis=2)
    six[..., HOUSEHOLDS] *= 1 - abroad
    final = (split.T @ six.reshape(len(table.pairs), -1)).reshape(len(producers), -1)
    taxes, paid = table.taxes @ split, table.value_added @ split
    extra = np.concatenate([table.final_taxes, abroad * table.final_taxes[:, :1]], axis=1)
    extra[:, HOUSEHOLDS] *= 1 - abroad
    labels = [f"{c}_{s}" for c, s in producers]
    demand = [f"{c}_{f}" for c in table.countries for f in ICIO_FINAL]
    total = "TOTAL" if release == "2021" else "OUT"
    rows = [["V1" if release == "2025" else "", *labels, *demand, total]]
    for j, label in enumerate(labels):
        rows.append([label, *_told(Z[j]), *_told(final[j]), _told([out[j]])[0]])
    rows += _icio_taxes(table, release, taxes, extra.ravel(), extended)
    last = {"2021": ("VALU", "OUTPUT")}.get(release, ("VA", "OUT"))
    rows.append([last[0], *_told(paid), *["0"] * len(demand), _told([paid.sum()])[0]])
    bought = final.sum(axis=0) + extra.ravel()
    rows.append([last[1], *_told(out), *_told(bought), _told([out.sum()])[0]])
    return rows


def _split(table: MadeUp):
    """Parts of Mexico and China after all others; the whole is left with nothing."""
    own = [(PARTS[c][k], s) for c in PARTS for k in (0, 1) for s in table.sectors]
    producers = [*table.pairs, *own]
    split = np.zeros((len(table.pairs), len(producers)))
    for i, (c, s) in enumerate(table.pairs):
        if c not in PARTS:
            split[i, i] = 1.0
            continue
        for part, share in zip(PARTS[c], (0.75, 0.25), strict=True):
            split[i, producers.index((part, s))] = share
    return producers, split


def _icio_taxes(table, release, taxes, extra, extended):
    if release == "2025" or (release == "2023" and not extended):
        return [["TLS", *_told(taxes), *_told(extra), _told([taxes.sum() + extra.sum()])[0]]]
    word = "TAXSUB" if release == "2021" else "TLS"
    n = len(table.countries)
    share = np.arange(1, n + 1) / np.arange(1, n + 1).sum()
    return [
        [f"{c}_{word}", *_told(taxes * w), *_told(extra * w), "0"]
        for c, w in zip(table.countries, share, strict=True)
    ]


def icio_csv(rows: Iterable[list[str]], *, bom=False) -> bytes:
    text = "\n".join(",".join(row) for row in rows) + "\n"
    return text.encode("utf-8-sig" if bom else "utf-8")


def _told(values) -> list[str]:
    return [repr(float(v)) for v in values]


# -- WIOD and ADB sheets -----------------------------------------------------------------
NAMES = ("Agriculture", "Mining, with, commas", "Textiles", "Services")
TAXES, VALUE_ADDED, MARGINS = "taxes less subsidies on products", "Value added", "Margins"


def wiot_rows(table: MadeUp, release: str, *, margins=0.01, unit=None, title=None):
    """Rows of a sheet of the WIOD (2013, 2016) or of the ADB, with margins taken from VA."""
    s, n = len(table.sectors), len(table.countries)
    first, finals = {
        "2013": ("c", ("c37", "c38", "c39", "c41", "c42")),
        "2016": ("r", ("c57", "c58", "c59", "c60", "c61")),
        "adb": ("c", ("F1", "F2", "F3", "F4", "F5")),
    }[release]
    kinds = (
        ("CONS_h", "CONS_np", "CONS_g", "GFCF", "INVEN") if release == "2016" else [None] * 5
    )
    codes = [*[f"c{k + 1}" for _ in range(n) for k in range(s)], *finals * n]
    where = [*np.repeat(table.countries, s), *np.repeat(table.countries, 5)]
    names = [*NAMES[:s] * n, *("Households", "NPISH", "Government", "GFCF", "Inventories") * n]
    letters = [*table.sectors * n, *kinds * n] if release != "adb" else [None] * len(codes)
    what = title or {"adb": "Multiregional Input-Output Table 2019"}.get(
        release, "World Input-Output Table for 2011" if release == "2013" else "Intercountry"
    )
    unit = unit or ("In millions of US$" if release == "adb" else "(millions of US$)")
    second = f"{n} economies, at current prices" if release == "adb" else "current prices"
    top = [[what], [second], ["(industry-by-industry)"], [unit], [], []]
    if release == "adb":
        top = [[what], [second], [unit], [], [], [], []]
    four = [letters, names, where, codes] if release != "adb" else [names, where, codes]
    total = {
        "2016": ["GO", "Total output", "TOT", "c62"],
        "2013": [None, "Total output", "TOT", None],
    }
    end = total.get(release, ["TOTAL", "ToT", None])
    at = len(top) - len(four)
    for j, cells in enumerate(four):
        top[at + j] = [*(top[at + j] + [None] * 4)[:4], *map(_plain, cells), end[j]]
    body = _wiot_body(table, release, first, margins)
    return [*top, *body]


def _wiot_body(table, release, first, margins):
    s, n = len(table.sectors), len(table.countries)
    Y, paid = table.Y.reshape(len(table.pairs), -1), margins * table.value_added
    rows = []
    for j, (c, k) in enumerate(table.pairs):
        letter = None if release == "adb" else k
        label = [letter, NAMES[j % s], c, f"{first}{j % s + 1}"]
        rows.append([*label, *table.Z[j], *Y[j], table.output[j]])
    zero, none = np.zeros(len(table.pairs)), np.zeros(n * 5)
    told = {
        "2013": ("r60", "r99", "r61", "r62", "r63", "r64", "r65", "r69"),
        "2016": ("r65", "r66", "r67", "r68", "r69", "r70", "r71", "r73"),
        "adb": ("r60", "r99", "r61", "r62", "r63", "r64", "trs", "r69"),
    }[release]
    code = ("II_fob", "TXSP", "EXP_adj", "PURR", "PURNR", "VA", "IntTTM", "GO")
    text = (
        "Intermediate input total" if release == "adb" else "Total intermediate consumption",
        "Taxes less subsidies on products",
        "Cif/ fob adjustments on exports",
        "Direct purchases abroad by residents",
        "Purchases on the domestic territory by non-residents ",
        "Value added at basic prices",
        "International Transport Margins",
        "TOTAL" if release == "adb" else "Output at basic prices",
    )
    values = (
        (table.Z.sum(axis=0), Y.sum(axis=0)),
        (table.taxes, table.final_taxes.ravel()),
        (zero, none),
        (zero, none),
        (zero, none),
        (table.value_added - paid, none),
        (paid, none),
        (table.output, Y.sum(axis=0) + table.final_taxes.ravel()),
    )
    for a, b, c, (v, f) in zip(code, text, told, values, strict=True):
        rows.append([a if release == "2016" else None, b, "TOT", c, *v, *f, 0.0])
    return rows


def _plain(cell):
    return str(cell) if isinstance(cell, str) else cell


def wiod_dta(table: MadeUp, year: int) -> bytes:
    """The table for Stata: vAUS1 …, finals numbered on, TOT; by country and row number."""
    s, n = len(table.sectors), len(table.countries)
    rows = _wiot_body(table, "2016", "r", 0.01)
    finals = [f"v{c}{k}" for c in table.countries for k in range(57, 62)]
    columns = [f"v{c}{k + 1}" for c in table.countries for k in range(s)] + finals + ["TOT"]
    frame = pd.DataFrame([row[4:] for row in rows], columns=columns, dtype=float)
    meta = pd.DataFrame(
        {
            "IndustryCode": [row[0] for row in rows],
            "IndustryDescription": [row[1] for row in rows],
            "Country": [row[2] for row in rows],
            "RNr": np.array([*list(range(1, s + 1)) * n, *range(65, 73)], dtype=np.int8),
            "Year": np.full(len(rows), year, dtype=np.int16),
        }
    )
    out = io.BytesIO()
    pd.concat([meta, frame], axis=1).to_stata(out, write_index=False, version=118)
    return out.getvalue()


# -- EXIOBASE ----------------------------------------------------------------------------
EXIO_FINAL = (
    "Final consumption expenditure by households",
    "Final consumption expenditure by non-profit organisations serving households (NPISH)",
    "Final consumption expenditure by government",
    "Gross fixed capital formation",
    "Changes in inventories",
    "Changes in valuables",
    "Exports: Total (fob)",
)
EXIO_TAXES = "Taxes less subsidies on products purchased: Total"
EXIO_FACTORS = (
    "Other net taxes on production",
    "Compensation of employees; wages, salaries, & employers' social contributions: "
    "Low-skilled",
    "Operating surplus: Consumption of fixed capital",
    "Operating surplus: Remaining net operating surplus",
)


def exiobase(table: MadeUp, year: int, *, version="v3.82", rate=1.0, sub="satellite"):
    """Files of IOT_YEAR_ixi.zip; ``rate`` is USD for a euro."""
    industries = pd.MultiIndex.from_tuples(table.pairs, names=["region", "sector"])
    finals = pd.MultiIndex.from_product(
        [table.countries, EXIO_FINAL], names=["region", "category"]
    )
    m, n = len(table.pairs), len(table.countries)
    Y = np.zeros((m, n, 7))
    Y[..., :5] = table.Y
    Y[..., 5] = 0.25 * table.Y[..., STOCKS]
    Y[..., 4] *= 0.75
    F, FY, rows = _exio_factors(table, rate)
    stressor = pd.Index(rows, name="stressor")
    units = [*["M.EUR"] * (len(rows) - 1), "kg"]
    frames = {
        "Z.txt": pd.DataFrame(table.Z / rate, industries, industries),
        "Y.txt": pd.DataFrame(Y.reshape(m, -1) / rate, industries, finals),
        "x.txt": pd.DataFrame({"indout": table.output / rate}, industries),
        "unit.txt": pd.DataFrame({"unit": ["M.EUR"] * m}, industries),
        f"{sub}/F.txt": pd.DataFrame(F, stressor, industries),
        f"{sub}/F_Y.txt": pd.DataFrame(FY, stressor, finals),
        f"{sub}/unit.txt": pd.DataFrame({"unit": units}, stressor),
    }
    files: dict[str, str] = {k: v.to_csv(sep="\t") for k, v in frames.items()}
    files |= _exio_records(year, version, sub)
    codes = pd.DataFrame(
        {"Number": range(1, len(table.sectors) + 1), "Name": table.sectors}
    ).assign(CodeNr=[f"i{k + 1:02d}" for k in range(len(table.sectors))])
    files["industries.txt"] = codes.to_csv(sep="\t", index=False)
    return {f"IOT_{year}_ixi/{k}": v for k, v in files.items()}


def _exio_factors(table: MadeUp, rate: float):
    """Taxes, four kinds of value added and an emission; what final demand pays."""
    shares = np.array([[0.1], [0.6], [0.1], [0.2]])
    money = np.vstack([table.taxes, shares * table.value_added]) / rate
    F = np.vstack([money, np.ones(len(table.pairs))])
    rows = [EXIO_TAXES, *EXIO_FACTORS, "CO2 - combustion - air"]
    paid = np.zeros((len(table.countries), 7))
    paid[:, :5] = table.final_taxes
    FY = np.zeros((len(rows), paid.size))
    FY[0] = paid.ravel() / rate
    return F, FY, rows


def _exio_records(year: int, version: str, sub: str) -> dict[str, str]:
    """What pymrio needs beside the tables, and the metadata that name the release."""

    def told(name, index, header):
        return {"name": f"{name}.txt", "nr_index_col": str(index), "nr_header": str(header)}

    core = {k: told(k, 2, 2 if k in "ZY" else 1) for k in ("Z", "Y", "x", "unit")}
    more = {k: told(k, 1, 1 if k == "unit" else 2) for k in ("F", "F_Y", "unit")}
    meta = {
        "description": f"Data for {year}",
        "name": f"EXIO_IOT_{year}_ixi",
        "system": "ixi",
        "version": version,
        "history": [],
    }
    top = {"name": "", "systemtype": "IOSystem", "files": core}
    below = {"name": sub, "systemtype": "Extension", "files": more}
    return {
        "file_parameters.json": json.dumps(top),
        f"{sub}/file_parameters.json": json.dumps(below),
        "metadata.json": json.dumps(meta),
    }


# -- Eora26 ------------------------------------------------------------------------------
EORA_FINAL = (
    "Household final consumption P.3h",
    "Non-profit institutions serving households P.3n",
    "Government final consumption P.3g",
    "Gross fixed capital formation P.51",
    "Changes in inventories P.52",
    "Acquisitions less disposals of valuables P.53",
)
EORA_FACTORS = ("Compensation of employees D.1", "Net operating surplus B.2n")


def eora26(table: MadeUp, year: int, *, price="bp", odd=0.002) -> dict[str, str]:
    """Files of Eora26_YEAR_bp.zip, thousand USD, discrepancies as a last country ROW.

    Every row sells ``odd`` of its output to them out of its inventories, every column buys
    as much from them out of its value added.
    """
    m, n = len(table.pairs), len(table.countries)
    gap = odd * table.output
    T = np.zeros((m + 1, m + 1))
    T[:m, :m], T[:m, m], T[m, :m] = table.Z, gap, gap
    FD = np.zeros((m + 1, n + 1, 6))
    FD[:m, :n, :5] = table.Y
    own = np.arange(m) // len(table.sectors)
    FD[np.arange(m), own, STOCKS] -= gap
    FD[m, :n, 0] = 1.0
    left = table.value_added + table.taxes - gap
    VA = np.zeros((2, m + 1))
    VA[:, :m] = np.array([[0.6], [0.4]]) * left
    labels = [f"Land of {c}\t{c}\tIndustries\t{s}\t" for c, s in table.pairs]
    demand = [
        f"Land of {c}\t{c}\tFinal demand\t{f}\t" for c in table.countries for f in EORA_FINAL
    ]
    odd_demand = [f"ROW\tROW\tFinal demand\t{f}\t" for f in EORA_FINAL]
    stem = f"Eora26_{year}_{price}"
    return {
        "labels_T.txt": "\n".join([*labels, "ROW\tROW\tTOTAL\tTOTAL\t"]) + "\n",
        "labels_FD.txt": "\n".join([*demand, *odd_demand]) + "\n",
        "labels_VA.txt": "\n".join(f"Primary inputs\t{f}\t" for f in EORA_FACTORS) + "\n",
        "labels_Q.txt": "Energy Usage (TJ)\tNatural Gas\t\n",
        f"{stem}_T.txt": _tabs(T * 1e3),
        f"{stem}_FD.txt": _tabs(FD.reshape(m + 1, -1) * 1e3),
        f"{stem}_VA.txt": _tabs(VA * 1e3),
        f"{stem}_Q.txt": _tabs(np.ones((1, m + 1))),
        f"{stem}_QY.txt": _tabs(np.ones((1, (n + 1) * 6))),
    }


def _tabs(a: np.ndarray, sep="\t") -> str:
    return "\n".join(sep.join(map(repr, row)) for row in a.tolist()) + "\n"


# -- GLORIA ------------------------------------------------------------------------------
GLORIA_FACTORS = (
    "Compensation of employees D.1",
    "Taxes on production D.29",
    "Subsidies on production D.39",
    "Net operating surplus B.2n",
    "Net mixed income B.3n",
    "Consumption of fixed capital K.1",
)


def gloria(table: MadeUp, year: int, release="059", *, second=0.0):
    """Files of GLORIA_MRIOs_59_YEAR, thousand USD. ``second``: output of others' products."""
    m, s, n = len(table.pairs), len(table.sectors), len(table.countries)
    industry = 2 * s * (np.arange(m) // s) + np.arange(m) % s
    product = industry + s
    T = np.zeros((2 * m, 2 * m))
    T[np.ix_(product, industry)] = table.Z
    T[industry, product] = table.output * (1 - second)
    T[industry, np.roll(product, 1)] += table.output * second
    Y = np.zeros((2 * m, n, 6))
    Y[product, :, :5] = table.Y
    V = np.zeros((len(GLORIA_FACTORS) * n, 2 * m))
    owner = np.arange(m) // s
    for k, share in ((0, 0.6), (3, 0.4)):
        V[len(GLORIA_FACTORS) * owner + k, industry] = share * (table.value_added + table.taxes)
    stem = f"120secMother_AllCountries_002_{{}}-Results_{year}_{release}_Markup001(full).csv"
    files = {
        "20240110_" + stem.format("T"): _tabs(T * 1e3, ","),
        "20240110_" + stem.format("Y"): _tabs(Y.reshape(2 * m, -1) * 1e3, ","),
        "20240419_" + stem.format("V"): _tabs(V * 1e3, ","),
    }
    satellites = {
        "20240111_" + stem.format("TQ"): _tabs(np.ones((1, 2 * m)), ","),
        "20240111_" + stem.format("YQ"): _tabs(np.ones((1, 6 * n)), ","),
    }
    return files, satellites


def gloria_readme(path: Path, table: MadeUp) -> Path:
    def sheet(**columns):
        size = max(map(len, columns.values()))
        rows = [[*columns], *zip(*columns.values(), strict=True)]
        return [["Lfd_Nr", *rows[0]], *[[j + 1, *rows[j + 1]] for j in range(size)]]

    return xlsx(
        path,
        {
            "Regions": sheet(
                Region_acronyms=table.countries,
                Region_names=[f"Land of {c}" for c in table.countries],
            ),
            "Sectors": sheet(Sector_names=table.sectors),
            "Value added and final demand": sheet(
                Value_added_names=GLORIA_FACTORS, Final_demand_names=EORA_FINAL
            ),
            "Satellites": sheet(
                Sat_head_indicator=["Energy"], Sat_indicator=["Gas"], Sat_unit=["TJ"]
            ),
        },
    )


def changed(rows: list[list[str]], edit: Callable[[list[list[str]]], None]) -> list[list[str]]:
    """A copy of a file's rows with one thing made wrong."""
    copy = [list(row) for row in rows]
    edit(copy)
    return copy
