"""`detente regimes`: list, show, coverage of a pair, what is refused."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import yaml

from detente.regimes import load_regime, regime_names
from detente.world import load_world
from regimescli import OWN, covered, detente, narrow, shown


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


def test_without_a_date_the_day_is_the_files_and_not_the_calendars(tmp_path: Path) -> None:
    """Law that is adopted for a day to come is told too, today and next year."""
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("2020-01-01", "2199-12-31"))
    assert shown(path)["at"] == shown(path, "--partner", "CHN")["at"] == "2199-12-31"
    for more in ((), ("--partner", "CHN")):
        words = " ".join(detente("show", path, *more).stdout.split())
        assert "Law as of its last change, 2199-12-31" in words
    words = " ".join(detente("show", path, "--at", "2199-12-31").stdout.split())
    assert "Law of 2199-12-31." in words


def test_one_provision_in_full() -> None:
    ran = detente("show", "unsc-dprk", "--provision", "2397-6")
    assert ran.exit_code == 0 and narrow(ran.stdout)
    for word in ("S/RES/2397", "paragraph 6", "HS 84", "2397-6"):
        assert word in ran.stdout
    regime = load_regime("unsc-dprk")
    source = regime.sources[regime.select(("2397-6",))[0].source]
    assert source.title in " ".join(ran.stdout.split())
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
