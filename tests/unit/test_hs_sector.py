"""The HS concordance covers every heading and keeps the products that facts speak of whole."""

import csv
import os
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DETENTE_SHARED_DATA", ROOT / ".." / "shared" / "data"))


def table(name):
    text = files("detente.data").joinpath(name).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


HS = {row["hs"]: row for row in table("hs_sector.csv")}


def sector(heading):
    return HS.get(heading, HS.get(heading[:2], {})).get("sector")


def test_codes_are_unique_chapters_or_headings():
    rows = table("hs_sector.csv")
    assert len(HS) == len(rows)
    assert all(code.isdigit() and len(code) in (2, 4) for code in HS)


def test_every_chapter_has_a_row():
    assert {f"{k:02d}" for k in range(1, 100)} <= set(HS)


def test_sectors_agree_with_the_grouping_of_industries():
    group = {row["icio_code"]: row["sector"] for row in table("sectors.csv")}
    for row in HS.values():
        assert row["sector"] == (group[row["icio_code"]] if row["icio_code"] else "")


def test_only_what_is_no_product_has_no_sector():
    assert {code for code, row in HS.items() if not row["sector"]} == {"77", "98", "99"}


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("2701", "coal"),
        ("2601", "metal-ores"),
        ("2709", "oil-gas"),
        ("2710", "petroleum"),
        ("0307", "fishing"),
        ("1006", "agriculture"),
        ("6201", "textiles"),
        ("7208", "basic-metals"),
        ("8471", "electronics"),
        ("8429", "machinery"),
        ("8703", "vehicles"),
        ("8901", "ships"),
        ("2716", "utilities"),
        ("3004", "chemicals"),
        ("2523", "minerals"),
    ],
)
def test_well_known_headings(heading, expected):
    assert sector(heading) == expected


@pytest.mark.parametrize("chapters", [range(50, 64), range(3, 4)])
def test_chapters_banned_as_a_whole_stay_whole(chapters):
    for chapter in chapters:
        rows = {row["sector"] for code, row in HS.items() if code.startswith(f"{chapter:02d}")}
        assert len(rows) == 1


def test_every_heading_of_the_trade_data_has_a_sector():
    folder = SHARED / "dprk_trade"
    if not folder.exists():
        pytest.skip("the shared data are not here: dprk_trade")
    dprk = pd.read_csv(folder / "dprk_exports_hs4_2016_2017.csv")
    world = pd.read_parquet(folder / "world_exports_hs4_2017.parquet", columns=["hs4"])
    headings = {f"{h:04d}" for h in dprk["hs4"]} | set(world["hs4"])
    without = {h for h in headings if not sector(h)}
    assert without <= {"9999"}


def test_every_heading_of_hs_1992_has_a_sector():
    path = SHARED / "baci_minerals" / "hs92_all_products.csv.gz"
    if not path.exists():
        pytest.skip("the shared data are not here: hs92_all_products.csv.gz")
    headings = set(pd.read_csv(path, dtype=str)["code"].str[:4])
    assert {h for h in headings if not sector(h)} <= {"9999"}
