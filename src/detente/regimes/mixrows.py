"""Bilateral trade by product, as a user brings it: checked, and put on a world's countries."""

from __future__ import annotations

import numpy as np
import pandas as pd

from detente.errors import InputError, nearest
from detente.regimes.mixtable import group_of
from detente.sources.checking import counted, listed
from detente.sources.mirror import load_traps
from detente.world.core import World

#: Chapters that are no product.
NO_PRODUCT = ("77", "98", "99")
COLUMNS = ("exporter", "importer", "product", "value")


def checked(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns and values that make sense, or an error; nothing is dropped here."""
    missing = [c for c in COLUMNS if c not in frame]
    if missing:
        raise InputError(
            f"the trade data have no column '{missing[0]}'; needed are {', '.join(COLUMNS)}.",
            nearest=nearest(missing[0], map(str, frame.columns)),
        )
    rows = frame.reset_index(drop=True)
    wrong = ~rows["product"].map(lambda code: isinstance(code, str)).to_numpy(dtype=bool)
    if wrong.any():
        raise InputError(
            f"the product {rows['product'][wrong].iloc[0]!r} is no text: leading zeros are "
            "lost in numbers. Read the column as text ('0303')."
        )
    value = pd.to_numeric(rows["value"], errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(value) | (value < 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"'{rows['value'].iloc[row]}' is no value of trade (row {row + 1} of the data)."
        )
    _refuse_twice(rows)
    return rows.assign(product=rows["product"].str.strip(), value=value)


def _refuse_twice(rows: pd.DataFrame) -> None:
    """Both sides' reports of one flow would count it twice."""
    if "reported_by" not in rows or rows["reported_by"].nunique() < 2:
        return
    keys = [c for c in ("year", "exporter", "importer", "product") if c in rows]
    sides = rows.groupby(keys)["reported_by"].nunique()
    if (sides > 1).any():
        raise InputError(
            f"{counted(int((sides > 1).sum()), 'flow is', 'flows are')} in the data as both "
            "sides report them, and would count twice: read Comtrade with "
            "reports='importers-first'."
        )


def of_target(world: World, target: str, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The target's rows with ``seller`` and ``buyer`` on the world's codes.

    Returns
    -------
    DataFrame
        Products of one level, with partners that the world has.
    list of str
        What was left out, with amounts.

    Raises
    ------
    InputError
        No row of the target's trade; totals, chapters, or mixed levels.
    """
    label = _label_of(world)
    found = rows.assign(
        seller=rows["exporter"].map(label).astype(object),
        buyer=rows["importer"].map(label).astype(object),
    )
    # one side only: trade within the target is not abroad
    found = found[(found["seller"] == target) ^ (found["buyer"] == target)]
    if found.empty:
        raise InputError(f"the trade data have no row of {target} with another country.")
    told = []
    nowhere = (found["seller"].isna() | found["buyer"].isna()).to_numpy(dtype=bool)
    if nowhere.any():
        lost = found[nowhere]
        codes = sorted(c for c in {*lost["exporter"], *lost["importer"]} if c not in label)
        told.append(
            f"left out: {lost['value'].sum():,.1f} of trade with partners that the world does "
            f"not have ({listed(codes, 6)})"
        )
    found = found[~nowhere]
    none = found["product"].str[:2].isin(NO_PRODUCT).to_numpy(dtype=bool)
    if none.any():
        amount = found.loc[none, "value"].sum()
        told.append(f"left out: {amount:,.1f} of products that are not specified")
    return _one_level(found[~none]), told


def _one_level(rows: pd.DataFrame) -> pd.DataFrame:
    code = rows["product"]
    odd = ~code.str.fullmatch(r"\d{4}|\d{6}").to_numpy(dtype=bool)
    if odd.any():
        raise InputError(
            f"'{code[odd].iloc[0]}' is no HS product of four or six digits; totals and "
            "chapters do not say what a ban covers."
        )
    if code.str.len().nunique() > 1:
        raise InputError(
            "the trade data mix products of four and of six digits: choose one level, or most "
            "flows count twice."
        )
    return rows


def _label_of(world: World) -> dict[str, str]:
    """ISO3 to the world's country: itself, what it is a member of, its embedded group."""
    members = world.meta.get("members", {})
    groups = {iso: label for iso, label in group_of().items() if label in world.countries}
    inside = {str(iso): str(label) for label, own in members.items() for iso in own}
    return {**groups, **inside, **{code: code for code in world.countries}}


def trapped(world: World, target: str, frame: pd.DataFrame) -> list[str]:
    """Known traps of mirror data that the rows still hold, with amounts."""
    inside = {*world.meta.get("members", {}).get(target, []), target}
    dated = "year" in frame
    rows = frame if dated else frame.assign(year=0)
    told = []
    for trap in load_traps():
        if trap.country not in inside or not (dated or trap.years == "*"):
            continue
        hit = float(rows.loc[trap.matches(rows), "value"].sum())
        if trap.action != "impute" and hit > 0:
            told.append(f"trap '{trap.rule}' ({trap.action}): {hit:,.1f} of it is in the data")
        covers = any(trap.covers_year(int(y)) for y in rows["year"].unique())
        if trap.action == "impute" and dated and covers and not hit:
            told.append(f"trap '{trap.rule}': what it adds is not in the data")
    return [*told, "see detente.sources.mirror.mirror_report"] if told else []
