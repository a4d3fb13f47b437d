"""`detente regimes`: list, show, coverage of a pair, a user's file and data, attach."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.regimes import app as regimes_app
from detente.regimes import load_regime, regime_names
from detente.scenario import Scenario
from detente.world import load_world

app = typer.Typer(cls=Commands)
app.add_typer(regimes_app, name="regimes")

OWN = """\
regime: my-law
title: A made-up regime
target: PRK
senders: [CHN]
hs_revision: HS92
sources:
  act: {title: An act, read: text}
provisions:
  - id: act-1
    instrument: Act
    paragraph: "1"
    adopted: 2020-01-01
    what: clothes and coal may not be bought
    effect: ban
    direction: export
    products:
      - {hs: ["61-63", "2701"], verification: verified}
    source: act
    verification: verified
"""


def detente(*args: str | Path) -> Any:
    return CliRunner().invoke(app, ["regimes", *map(str, args)])


def shown(*args: str | Path) -> Any:
    ran = detente("show", *args, "--format", "json")
    assert ran.exit_code == 0, ran.stderr
    return json.loads(ran.stdout)


def covered(found: Any, direction: str = "export") -> dict[str, float]:
    rows = [r for r in found["coverage"] if r["direction"] == direction]
    return {row["sector"]: row["covered"] for row in rows}


def narrow(text: str) -> bool:
    return max(map(len, text.splitlines())) <= 80


# -- list and show ---------------------------------------------------------------------------
def test_every_regime_is_listed_with_its_doubts() -> None:
    ran = detente("list")
    assert ran.exit_code == 0 and narrow(ran.stdout)
    rows = json.loads(detente("list", "--format", "json").stdout)
    assert [row["name"] for row in rows] == list(regime_names())
    for row in rows:
        assert row["name"] in ran.stdout
        assert 0 <= row["unverified"] <= row["provisions"]
        assert row["first"] <= row["last"]
    table = pd.read_csv(StringIO(detente("list", "--format", "csv").stdout))
    assert table["provisions"].tolist() == [row["provisions"] for row in rows]


@pytest.mark.parametrize("name", regime_names())
def test_every_regime_is_shown_whole_in_80_columns(name: str) -> None:
    ran = detente("show", name)
    assert ran.exit_code == 0 and narrow(ran.stdout), ran.stderr
    regime = load_regime(name)
    words = ran.stdout.split()
    assert all(p.id in words for p in regime.provisions)
    assert all(key in words for key in regime.sources)
    # counted anew from the text of the file
    path = Path(load_regime.__code__.co_filename).parents[1] / "data" / "regimes"
    data = yaml.safe_load((path / f"{name}.yaml").read_text(encoding="utf-8"))["provisions"]
    goods = [line for p in data for line in p.get("products", [])]
    doubtful = [
        p
        for p in data
        if "unverified"
        in (p["verification"], *(g["verification"] for g in p.get("products", [])))
    ]
    lines = [g for g in goods if g["verification"] == "unverified"]
    told = " ".join(words)
    assert f"{len(doubtful)} of {len(data)} provision" in told
    assert f"{len(lines)} of {len(goods)} entr" in told


def test_states_follow_the_dates() -> None:
    def states(at: str) -> dict[str, str]:
        found = shown("unsc-dprk", "--at", at)
        return {p["id"]: p["state"] for p in found["provisions"]}

    assert states("2017-08-04")["2371-8"] == "not yet"
    assert states("2017-08-05")["2371-8"] == "in force"
    # the quarter's cap on refined products ends when that of 2397 begins
    assert states("2017-12-31")["2375-14"] == "in force"
    assert states("2018-01-01")["2375-14"] == "lapsed"
    assert states("2018-01-01")["2397-5"] == "in force"
    # without a date: the law of its last change
    assert shown("unsc-dprk")["at"] == "2018-01-01"


def test_one_provision_in_full() -> None:
    ran = detente("show", "unsc-dprk", "--provision", "2397-6")
    assert ran.exit_code == 0 and narrow(ran.stdout)
    for word in ("S/RES/2397", "paragraph 6", "HS 84", "2397-6"):
        assert word in ran.stdout
    assert "2397-7" not in ran.stdout
    found = shown("unsc-dprk", "--provision", "2375,2397-6")
    assert {p["id"].split("-")[0] for p in found["provisions"]} == {"2375", "2397"}
    assert found["provisions"][-1]["id"] == "2397-6"


def test_provisions_as_csv_have_a_row_each() -> None:
    table = pd.read_csv(StringIO(detente("show", "unsc-dprk", "--format", "csv").stdout))
    regime = load_regime("unsc-dprk")
    assert table["provision"].tolist() == [p.id for p in regime.provisions]
    assert table.set_index("provision").loc["2375-16", "hs"] == "50-63"


# -- a pair ----------------------------------------------------------------------------------
def test_the_bans_of_2017_on_what_china_buys() -> None:
    """Whole products are whole sectors: coal, fish; what is banned is covered × traded."""
    found = shown("unsc-dprk", "--at", "2017-12-31", "--partner", "CHN")
    assert found["world"]["name"] == "korea-before" and found["trade"]["year"] == 2016
    share = covered(found)
    assert share["coal"] == pytest.approx(1.0)
    assert share["fishing"] == pytest.approx(1.0)
    assert 0.95 < share["textiles"] < 1.0  # shoes and leather goods are no textiles
    world = load_world("korea-before")
    prk, chn = world.country_index("PRK"), world.country_index("CHN")
    for row in found["coverage"]:
        s = world.sector_index(row["sector"])
        link = (s, prk, chn) if row["direction"] == "export" else (s, chn, prk)
        assert row["trade"] == pytest.approx(world.flows[link])
        assert row["banned"] == pytest.approx(row["covered"] * row["trade"])
    for total in found["totals"]:
        part = [r for r in found["coverage"] if r["direction"] == total["direction"]]
        assert total["banned"] == pytest.approx(sum(r["banned"] for r in part))
        assert total["covered"] == pytest.approx(total["banned"] / total["trade"])
    sold, bought = found["totals"]
    # nearly all of what it sold, and less than half of what it bought
    assert 0.85 < sold["covered"] < 1.0 and bought["covered"] < 0.5


def test_the_pairs_table_reads_in_80_columns() -> None:
    ran = detente("show", "unsc-dprk", "--at", "2017-12-31", "--partner", "CHN")
    assert ran.exit_code == 0 and narrow(ran.stdout)
    coal = next(x for x in ran.stdout.splitlines() if x.startswith("Coal and lignite"))
    assert coal.split()[3:] == ["1,162", "100", "%", "1,162", "2371-8"]
    words = " ".join(ran.stdout.split())
    assert "UN Comtrade, PRK, 2016" in words and "(assumed)" in words
    # law of before the year is in the trade already
    assert "10 held on 2016-07-01 too" in words
    assert "2375-14 is a cap" in words


def test_a_ban_covers_from_its_first_day() -> None:
    def coal(at: str) -> float:
        found = covered(shown("unsc-dprk", "--at", at, "--partner", "CHN"))
        return found.get("coal", 0.0)

    # until then there was a cap in USD, which is no share of a year
    assert (coal("2017-08-04"), coal("2017-08-05")) == (0.0, pytest.approx(1.0))


def test_lines_that_two_regimes_ban_count_once() -> None:
    at = ("--at", "2018-06-01", "--partner", "USA")
    both, one, other = (
        shown(names, *at) for names in ("unsc-dprk,us-dprk", "unsc-dprk", "us-dprk")
    )
    for direction in ("export", "import"):
        union = covered(both, direction)
        parts = [covered(each, direction) for each in (one, other)]
        for sector, share in union.items():
            alone = [part.get(sector, 0.0) for part in parts]
            assert max(alone) - 1e-12 <= share <= 1.0
        # the USA bans all goods, both ways
        assert min(union.values()) == pytest.approx(1.0)


def test_a_regime_that_the_partner_does_not_apply_is_left_out() -> None:
    at = ("--at", "2018-06-01", "--partner", "CHN")
    with_us, alone = shown("unsc-dprk,us-dprk", *at), shown("unsc-dprk", *at)
    assert with_us["coverage"] == alone["coverage"]
    assert "CHN does not apply us-dprk: left out." in with_us["notes"]


def test_some_provisions_alone_cover_their_goods_alone() -> None:
    found = shown("unsc-dprk", "--provision", "2371-9", "--partner", "CHN")
    share = {sector for sector, value in covered(found).items() if value > 0}
    assert share == {"fishing", "food"}  # seafood, and prepared seafood
    assert not any(covered(found, "import").values())


def test_the_table_of_2022_says_that_it_holds_russias_sanctions() -> None:
    found = shown("russia-2022", "--at", "2022-12-31", "--partner", "EU27")
    assert found["world"]["name"] == "world-2022"
    assert any(
        note.startswith("The trade of 2022 already contains sanctions on Russia")
        for note in found["notes"]
    )
    # the embargo on crude began in December
    crude = ("--provision", "879-3m-crude", "--at", "2022-12-31", "--partner", "EU27")
    assert not any("already contains" in n for n in shown("russia-2022", *crude)["notes"])


def test_a_region_of_which_some_apply_a_regime_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("[CHN]", "[AUS, NOR]"))
    # half of Australia and New Zealand; a third of EFTA
    notes = shown(path, "--partner", "ANZ")["notes"]
    assert any("binds AUS and not NZL: it counts for all of ANZ" in note for note in notes)
    ran = detente("show", path, "--partner", "EFTA")
    assert (ran.exit_code, "of EFTA only NOR" in ran.stderr) == (2, True), ran.stderr


def test_law_that_has_lapsed_is_no_error_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("    what:", "    until: 2021-06-30\n    what:"))
    found = shown(path, "--partner", "CHN")
    assert found["at"] == "2021-07-01"
    assert any("Nothing of my-law is in force on 2021-07-01" in n for n in found["notes"])
    assert not any(covered(found).values())
    assert any(covered(shown(path, "--partner", "CHN", "--at", "2021-06-30")).values())


# -- errors ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("args", "what", "near"),
    [
        (["unsc-dkpr"], "no regime 'unsc-dkpr'", "unsc-dprk"),
        (["unsc-dprk,unsc-dprk"], "named twice", None),
        ([","], "names nothing", None),
        (["unsc-dprk", "--at", "2006-10-13"], "is law before 2006-10-14", "2006-10-14"),
        (["unsc-dprk", "--at", "2017-02-29"], "does not exist", "2017-02-28"),
        (["unsc-dprk", "--at", "2017"], "is not a date", None),
        (["unsc-dprk", "--provision", "2397-66"], "no provision '2397-66'", "2397-6"),
        (["unsc-dprk,us-dprk", "--provision", "2397"], "of one regime", None),
        (["unsc-dprk", "--partner", "PRK"], "the target itself", None),
        (["unsc-dprk", "--partner", "CHM"], "unknown country", "CHN"),
        (["unsc-dprk", "--partner", "Japan"], "unknown country", "JPN"),
        (["unsc-dprk", "--partner", "DEU"], "holds DEU within EU27", "EU27"),
        (["rok-may-24", "--partner", "CHN"], "'rok-may-24' binds KOR", None),
        (["unsc-dprk,russia-2014", "--partner", "USA"], "one target at a time", None),
        (["iran-2018", "--partner", "USA"], "No embedded world has it", None),
        (["unsc-dprk", "--partner", "CHN", "--world", "world-2022"], "is on PRK", None),
        (["unsc-dprk", "--partner", "CHN", "--world", "koera"], "no world", "korea"),
        (["unsc-dprk", "--world", "korea"], "--world needs --partner", None),
        (["unsc-dprk", "--trade", "x.csv"], "--trade needs --partner", None),
        (["unsc-dprk", "--partner", "CHN", "--year", "2016"], "that of --trade", None),
        (["unsc-dprk", "--partner", "CHN", "--trade", "nowhere.csv"], "no file", None),
    ],
)
def test_what_cannot_be_shown_is_refused(args: list[str], what: str, near: str | None) -> None:
    ran = detente("show", *args)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ") and what in ran.stderr
    if near:
        assert f"Did you mean '{near}'?" in ran.stderr


# -- a user's trade --------------------------------------------------------------------------
# million USD: clothes 30, leather bags 10 (of the same sector), coal 5; bought: machines 7
BACI = """t,i,j,k,v,q
2016,408,156,620342,30000.0,1.0
2016,408,156,420221,10000.0,1.0
2016,408,156,270111,5000.0,1.0
2016,156,408,845210,7000.0,1.0
2016,408,410,270111,2000.0,1.0
2016,410,156,620342,999.0,1.0
"""
COUNTRIES = (
    "country_code,country_name,country_iso2,country_iso3\n"
    "156,China,CN,CHN\n408,DPRK,KP,PRK\n410,ROK,KR,KOR\n"
)


def baci(folder: Path, text: str = BACI, name: str = "BACI_HS92_Y2016_V202401b.csv") -> Path:
    (folder / "country_codes_V202401b.csv").write_text(COUNTRIES)
    path = folder / name
    path.write_text(text)
    return path


def own(folder: Path) -> Path:
    path = folder / "own.yaml"
    path.write_text(OWN)
    return path


def test_coverage_of_a_pair_from_baci(tmp_path: Path) -> None:
    """Of textiles and leather, 30 of 40 are clothes; coal all; the USD are the file's."""
    pytest.importorskip("duckdb", reason="BACI is read through duckdb")
    found = shown(own(tmp_path), "--partner", "CHN", "--trade", baci(tmp_path))
    rows = {(r["direction"], r["sector"]): r for r in found["coverage"] if r["trade"] > 0}
    textiles, coal = rows["export", "textiles"], rows["export", "coal"]
    assert textiles["trade"] == pytest.approx(40.0)
    assert textiles["covered"] == pytest.approx(0.75)
    assert textiles["banned"] == pytest.approx(30.0)
    assert (coal["trade"], coal["covered"]) == (pytest.approx(5.0), pytest.approx(1.0))
    assert rows["import", "machinery"]["trade"] == pytest.approx(7.0)
    assert {sector for side, sector in rows if side == "export"} == {"textiles", "coal"}
    assert found["totals"][0]["covered"] == pytest.approx(35.0 / 45.0)
    assert "the pair's own" in found["trade"]["of"]
    assert "HS92; observed" in found["basis"][0]["text"]


def test_years_are_a_mean_a_year_or_one_of_them(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="BACI is read through duckdb")
    rows = "t,i,j,k,v,q\n2015,408,156,270111,1000.0,1.0\n2016,408,156,270111,5000.0,1.0\n"
    path = baci(tmp_path, rows, "trade_HS92.csv")
    file = own(tmp_path)

    def coal(*more: str) -> float:
        found = shown(file, "--partner", "CHN", "--trade", path, *more)
        return next(r["trade"] for r in found["coverage"] if r["sector"] == "coal")

    assert coal() == pytest.approx(3.0)
    assert coal("--year", "2015") == pytest.approx(1.0)


def test_coverage_of_a_pair_from_comtrade(tmp_path: Path) -> None:
    path = tmp_path / "comtrade.csv"
    path.write_text(
        "refYear,flowCode,reporterISO,partnerISO,cmdCode,primaryValue,classificationCode\n"
        "2016,M,CHN,PRK,6203,30000000,H0\n2016,M,CHN,PRK,4202,10000000,H0\n"
        "2016,M,CHN,PRK,62,30000000,H0\n"
    )
    file = own(tmp_path)
    ran = detente("show", file, "--partner", "CHN", "--trade", path)
    assert (ran.exit_code, "--revision" in ran.stderr) == (2, True)
    found = shown(file, "--partner", "CHN", "--trade", path, "--revision", "HS92")
    row = next(r for r in found["coverage"] if r["sector"] == "textiles")
    assert (row["trade"], row["covered"]) == (pytest.approx(40.0), pytest.approx(0.75))
    for more, what in (
        (["--revision", "HS93"], "HS92"),
        (["--revision", "HS92", "--year", "2015"], "there is no 2015"),
    ):
        ran = detente("show", file, "--partner", "CHN", "--trade", path, *more)
        assert (ran.exit_code, what in ran.stderr) == (2, True), ran.stderr


# -- a user's law ----------------------------------------------------------------------------
def test_a_good_file_is_counted(tmp_path: Path) -> None:
    ran = detente("check", own(tmp_path))
    assert ran.exit_code == 0 and narrow(ran.stdout)
    assert "1 provision (1 ban), 1 entry of goods, 1 source" in " ".join(ran.stdout.split())
    found = json.loads(detente("check", own(tmp_path), "--format", "json").stdout)
    assert found["valid"] and found["counts"]["unverified"] == 0
    assert (found["mistakes"], found["warnings"]) == ([], [])


def test_every_mistake_is_named_with_its_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    text = (
        OWN.replace("HS92", "HS93")
        .replace("    paragraph:", "    paragrph:")
        .replace("2020-01-01", "2020-1-1")
        .replace('"2701"', '"270"')
        .replace("    source: act", "    source: akt")
    )
    path.write_text(text + OWN[OWN.index("  - id") :])
    ran = detente("check", path)
    assert (ran.exit_code, ran.stdout) == (2, "")
    found = json.loads(detente("check", path, "--format", "json").stdout)
    told = {(m["line"], m["key"].split(".")[-1]): m for m in found["mistakes"]}
    lines = path.read_text().splitlines()

    def at(part: str) -> int:
        return next(j for j, row in enumerate(lines, 1) if part in row)

    again = len(lines) - OWN[OWN.index("  - id") :].count("\n") + 1
    expected = {
        (at("HS93"), "hs_revision"): "HS96",
        (at("paragrph"), "paragrph"): "paragraph",
        (at("2020-1-1"), "adopted"): None,
        (at('"270"'), "hs"): None,
        (at("akt"), "source"): "act",
        (again, "id"): None,
    }
    for key, near in expected.items():
        assert key in told, (key, sorted(told))
        assert told[key]["nearest"] == near, key
    assert "stands twice" in told[again, "id"]["what"]
    assert ran.stderr.count("error: ") == len(found["mistakes"])
    assert [m["line"] for m in found["mistakes"]] == sorted(
        m["line"] for m in found["mistakes"]
    )


def test_lines_that_the_embedded_mix_cannot_tell_apart_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace('"2701"', '"270111", "2501"').replace("[CHN]", "[CHN, RUX]"))
    found = json.loads(detente("check", path, "--format", "json").stdout)
    assert found["valid"]
    warned = " ".join(w["what"] for w in found["warnings"])
    assert "270111 is finer" in warned and "rest of chapter 25" in warned
    assert next(w["nearest"] for w in found["warnings"] if "RUX" in w["what"]) == "RUS"
    # it is the coverage that then fails, with the same words, not a wrong number
    ran = detente("show", path, "--partner", "CHN")
    assert (ran.exit_code, "270111 is finer" in ran.stderr) == (2, True)


def test_embedded_files_pass_their_own_check() -> None:
    folder = Path(load_regime.__code__.co_filename).parents[1] / "data" / "regimes"
    for name in regime_names():
        found = json.loads(detente("check", folder / f"{name}.yaml", "--format", "json").stdout)
        assert found["valid"], found
        # lines that the embedded mix cannot tell apart would make an error of every coverage
        assert [w["key"] for w in found["warnings"]] == ["regime"], found["warnings"]


# -- attach ----------------------------------------------------------------------------------
def test_attached_law_is_on_record_and_covers_what_it_says(tmp_path: Path) -> None:
    out = tmp_path / "law.npz"
    args = (
        "korea-before",
        "--regimes",
        "rok-may-24,japan-dprk",
        "--at",
        "2016-07-01",
        "-o",
        out,
    )
    ran = detente("attach", *args, "--format", "json")
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)
    world = load_world(out)
    assert (told["hash"], told["target"]) == (world.content_hash, "PRK")
    law = world.meta["law"]["PRK"]
    assert (law["day"], law["regimes"]) == ("2016-07-01", ["rok-may-24", "japan-dprk"])
    # tables of regimes that were on record before, and are not now, are gone
    assert "us-dprk" not in world.coverage
    prk, kor = world.country_index("PRK"), world.country_index("KOR")
    others = np.arange(world.n_countries) != prk
    table = world.coverage["rok-may-24"]
    row = next(r for r in told["coverage"] if r["regime"] == "rok-may-24")
    assert row["links"] == int((table > 0).sum())
    sold = world.flows[:, prk, others]
    share = float((table[:, prk, others] * sold).sum() / sold.sum())
    assert row["exports_covered"] == pytest.approx(share)
    # all of the trade with the ROK, and with nobody else
    goods = world.flows[:, prk, kor] * (table[:, prk, kor] > 0)
    assert share * sold.sum() == pytest.approx(goods.sum())
    again = detente("attach", *args)
    assert (again.exit_code, "--force" in again.stderr) == (2, True)
    forced = detente("attach", *args, "--force")
    assert forced.exit_code == 0 and narrow(forced.stdout.replace(str(out), "law.npz"))


def test_trade_is_kept_in_the_world(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="BACI is read through duckdb")
    out = tmp_path / "law.npz"
    args = ("--regimes", "unsc-dprk", "--at", "2018-07-01", "-o", out)
    ran = detente("attach", "korea-before", *args, "--trade", baci(tmp_path))
    assert ran.exit_code == 0, ran.stderr
    # textiles with China: clothes 30 and bags 10; the ban of 2375 names 50-63
    found = shown("unsc-dprk", "--provision", "2375-16", "--partner", "CHN", "--world", out)
    assert covered(found)["textiles"] == pytest.approx(0.75)
    # attached anew without the file, the mix stays
    second = detente("attach", out, *args, "--force")
    assert second.exit_code == 0 and "kept in the world" in second.stdout
    again = shown("unsc-dprk", "--provision", "2375-16", "--partner", "CHN", "--world", out)
    assert again["coverage"] == found["coverage"]


def test_law_of_a_file_is_kept_in_the_world_and_lifted_by_its_name(tmp_path: Path) -> None:
    """Also where the file has the name of an embedded one: the world's own goes first."""
    for name in ("my-law", "unsc-dprk"):
        file, out = tmp_path / f"{name}.yaml", tmp_path / f"{name}.npz"
        file.write_text(OWN.replace("regime: my-law", f"regime: {name}"))
        ran = detente(
            "attach", "korea-before", "--regimes", file, "--at", "2020-07-01", "-o", out
        )
        assert ran.exit_code == 0, ran.stderr
        world = load_world(out)
        lifted = {"scenario": "x", "world": str(out), "measures": [{"lift": {"regime": name}}]}
        shocks = Scenario.from_dict(lifted).to_shocks(world)
        table = world.coverage[name]
        (note,) = shocks.notes["measures"]
        assert not note["touched"].startswith("nothing")
        assert table.any() and set(world.meta["law"]["PRK"]["own"]) == {name}
        still = {r for row in shocks.notes["closed"] for r in row["regimes"]}
        assert name not in still


def test_what_cannot_be_attached_is_named(tmp_path: Path) -> None:
    out = tmp_path / "law.npz"
    for regimes, at, what in (
        ("unsc-dprk,russia-2014", "2020-07-01", "one target at a time"),
        ("russia-2022", "2022-02-01", "is law before 2022-02-26"),
        ("iran-2012", "2013-07-01", "is on IRN"),
        ("unsc-dkpr", "2020-07-01", "Did you mean 'unsc-dprk'"),
    ):
        ran = detente("attach", "korea-before", "--regimes", regimes, "--at", at, "-o", out)
        assert (ran.exit_code, what in ran.stderr) == (2, True), ran.stderr
        assert not out.exists()
