"""Splits that take trade out of BACI and Comtrade originals (made up, in the exact format)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detente.assembly.split import split_country
from detente.assembly.splitspec import load_split_spec
from detente.errors import InputError
from detente.world import World, load_world

pytest.importorskip("duckdb", reason="BACI goes through duckdb, of the extra 'data'")

COUNTRIES = """country_code,country_name,country_iso2,country_iso3
156,China,CN,CHN
266,Gabon,GA,GAB
408,Dem. People's Rep. of Korea,KP,PRK
410,Rep. of Korea,KR,KOR
496,Mongolia,MN,MNG
682,Saudi Arabia,SA,SAU
699,India,IN,IND
"""
#: coal and clothing sold; vehicles, crude "from Gabon" and horses of Mongolia bought
ROWS = """t,i,j,k,v,q
2016,408,156,270111,1182000.000,7731693.500
2016,408,156,620342,500000.000,NA
2016,408,699,620342,20000.000,NA
2016,156,408,870421,260000.000,NA
2016,699,408,300490,30000.000,NA
2016,266,408,270900,70000.000,NA
2016,496,408,010121,1000.000,NA
2016,682,156,270900,38000000.000,100000000.000
"""
SPEC = """\
country: {code: PRK}
out_of: none
year: 2016
donor: CHN
value_added:
  total: 16800
  shares: {coal: 10%}
  values: {oil-gas: 0}
trade:
  baci: BACI_HS92_Y2016_V202401b.csv
  file: services.csv
"""
SERVICES = "construction+trade+transport+business-services+other-services"
TABLE = f"flow,partner,sector,value\nexports,all,{SERVICES},0\nimports,all,{SERVICES},0\n"


@pytest.fixture(scope="module")
def world() -> World:
    return load_world("world-2022")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "BACI_HS92_Y2016_V202401b.csv").write_text(ROWS)
    (tmp_path / "country_codes_V202401b.csv").write_text(COUNTRIES)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "services.csv").write_text(TABLE)
    return tmp_path


def split(world: World, folder: Path, old: str = "", new: str = "") -> Any:
    (folder / "spec.yaml").write_text(SPEC.replace(old, new) if old else SPEC)
    found = split_country(world, load_split_spec(folder / "spec.yaml"))
    return found, found.meta["split"]["PRK"]


def flow(world: World, exporter: str, importer: str, sector: str) -> float:
    i, n = world.country_index(exporter), world.country_index(importer)
    return float(world.flows[world.sector_index(sector), i, n])


def test_flows_are_those_of_the_file(world: World, folder: Path) -> None:
    new, record = split(world, folder)
    assert flow(new, "PRK", "CHN", "coal") == 1182.0
    assert flow(new, "PRK", "CHN", "textiles") == 500.0
    assert flow(new, "PRK", "IND", "textiles") == 20.0
    assert flow(new, "CHN", "PRK", "vehicles") == 260.0
    assert flow(new, "IND", "PRK", "chemicals") == 30.0
    assert record["totals"]["exports"] == pytest.approx(1702.0)
    assert record["customs"]["name"] == "cepii-baci"
    assert new.check().passed


def test_traps_of_mirror_data_are_applied_and_listed(world: World, folder: Path) -> None:
    new, record = split(world, folder)
    told = {row["rule"]: row for row in record["mirror_traps"]}
    # crude "from Gabon" is the ROK's; crude by the pipeline is missing: 525,000 t at the
    # price of China's own imports, 380 USD a tonne
    assert told["gabon-crude"]["change"] == pytest.approx(-70.0)
    assert told["china-crude"]["change"] == pytest.approx(525_000 * 380e-6)
    assert flow(new, "CHN", "PRK", "oil-gas") == pytest.approx(199.5)
    raw, record = split(
        world,
        folder,
        "baci: BACI_HS92_Y2016_V202401b.csv",
        "baci: {file: BACI_HS92_Y2016_V202401b.csv, traps: ignore, rest: MENA}",
    )
    assert record["mirror_traps"] == []
    assert flow(raw, "CHN", "PRK", "oil-gas") == 0.0
    assert flow(raw, "MENA", "PRK", "oil-gas") == 70.0


def test_partners_without_a_region_are_named_with_amounts(world: World, folder: Path) -> None:
    new, record = split(world, folder)
    (note,) = record["customs_left_out"]
    assert "1 partners are in no region" in note and "MNG 1.0" in note
    assert flow(new, "EECA", "PRK", "agriculture") == 0.0
    new, record = split(
        world,
        folder,
        "baci: BACI_HS92_Y2016_V202401b.csv",
        "baci: {file: BACI_HS92_Y2016_V202401b.csv, regions: {EECA: [MNG]}}",
    )
    assert record["customs_left_out"] == []
    assert flow(new, "EECA", "PRK", "agriculture") == 1.0


def test_own_cells_go_before_the_files(world: World, folder: Path) -> None:
    (folder / "services.csv").write_text(TABLE + "exports,CHN,textiles,450\n")
    new, _ = split(world, folder)
    assert flow(new, "PRK", "CHN", "textiles") == 450.0
    assert flow(new, "PRK", "CHN", "coal") == 1182.0


def test_as_a_pattern_the_file_gives_proportions(world: World, folder: Path) -> None:
    totals = "exports,all,all,3404\nimports,all,all,500\n"
    (folder / "services.csv").write_text(TABLE + totals)
    new, record = split(
        world,
        folder,
        "baci: BACI_HS92_Y2016_V202401b.csv",
        "baci: {file: BACI_HS92_Y2016_V202401b.csv, use: prior, rest: EECA}",
    )
    assert record["totals"]["exports"] == pytest.approx(3404.0)
    one, other = flow(new, "PRK", "CHN", "textiles"), flow(new, "PRK", "IND", "textiles")
    assert one / other == pytest.approx(25.0)
    assert flow(new, "PRK", "KOR", "textiles") == 0.0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("year: 2016", "year: 2015", "2015"),
        ("V202401b.csv\n", "V202401.csv\n", "there is no file"),
        ("year: 2016\n", "", "which year"),
        ("{code: PRK}", "{code: XXX}", "XXX"),
        (
            "baci: BACI_HS92_Y2016_V202401b.csv",
            "baci: {file: BACI_HS92_Y2016_V202401b.csv, regions: {EEC: [MNG]}}",
            "unknown country 'EEC'",
        ),
        (
            "baci: BACI_HS92_Y2016_V202401b.csv",
            "baci: BACI_HS92_Y2016_V202401b.csv\n  comtrade: x.csv",
            "give one",
        ),
    ],
)
def test_mistakes(world: World, folder: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        split(world, folder, old, new)
    assert told in str(error.value)


def test_comtrade_is_read_the_same_way(world: World, folder: Path) -> None:
    head = (
        "freqCode,refYear,reporterISO,flowCode,partnerISO,partner2Code,classificationCode,"
        "cmdCode,customsCode,motCode,netWgt,primaryValue\n"
    )
    rows = [
        ("CHN", "M", "PRK", "2701", 7_731_693_500, 1_182_000_000),
        ("CHN", "X", "PRK", "8704", "", 260_000_000),
        ("IND", "X", "PRK", "3004", "", 30_000_000),
    ]
    body = "".join(
        f"A,2016,{reporter},{way},{partner},0,H4,{code},C00,0,{mass},{value}\n"
        for reporter, way, partner, code, mass, value in rows
    )
    (folder / "comtrade.csv").write_text(head + body)
    new, record = split(
        world, folder, "baci: BACI_HS92_Y2016_V202401b.csv", "comtrade: comtrade.csv"
    )
    assert flow(new, "PRK", "CHN", "coal") == 1182.0
    assert flow(new, "CHN", "PRK", "vehicles") == 260.0
    assert flow(new, "IND", "PRK", "chemicals") == 30.0
    assert record["customs"]["name"] == "un-comtrade"
