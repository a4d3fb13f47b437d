"""What a stranger's review found in splits: overlapping rows, codes, tariffs, chapters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.assembly.entropy import amount_within
from detente.assembly.split import split_country
from detente.assembly.splitspec import SplitSpec, load_split_spec
from detente.errors import InputError
from detente.world import World, load_world

SPEC: dict[str, Any] = {
    "country": {"code": "XAN", "name": "Andoria"},
    "out_of": "LATX",
    "value_added": {"total": 60000, "shares": {"metal-ores": "9%", "oil-gas": "3%"}},
}
ROWS = [
    ("exports", "all", "all", 13800.0),
    ("imports", "all", "all", 14500.0),
    ("exports", "all", "metal-ores", 5200.0),
]


@pytest.fixture(scope="module")
def world() -> World:
    return load_world("world-2022")


def spec(*rows: tuple[str, str, str, float], **more: Any) -> SplitSpec:
    tariffs = more.pop("tariffs", None)
    trade = pd.DataFrame([*ROWS, *rows], columns=["flow", "partner", "sector", "value"])
    return SplitSpec.from_dict(SPEC | more, trade=trade, tariffs=tariffs)


def food(world: World) -> float:
    s = world.sector_index("food")
    return float(world.value_added_share[s, 0] * world.output[s, 0])


def test_rows_that_overlap_do_not_count_twice(world):
    """China beside China with the US: the exports of food are 300 in all, not 500."""
    alone = split_country(world, spec(("exports", "CHN+USA", "food", 300.0)))
    both = split_country(
        world,
        spec(("exports", "CHN", "food", 200.0), ("exports", "CHN+USA", "food", 300.0)),
    )
    assert food(both) == pytest.approx(food(alone), rel=1e-12)
    s, n = both.sector_index("food"), both.country_index("CHN")
    assert both.flows[s, 0, n] == 200.0


def test_what_is_known_of_a_sector_is_all_of_it_only_if_each_partner_is_named(world):
    names = list(world.countries)
    half, rest = "+".join(names[:12]), "+".join(names[10:20])  # two overlap: 20 of 22 named
    known = spec(("exports", half, "coal", 5.0), ("exports", rest, "coal", 5.0))
    from detente.assembly.splittables import known_trade

    trade = known_trade(known, world)
    shape = (world.n_sectors, world.n_countries)
    whole = trade.by_sector("exports", shape)[1]
    assert whole[world.sector_index("metal-ores")]
    assert not whole[world.sector_index("coal")]


@pytest.mark.parametrize("code", ["all", "others", "none", "A+B", "X N", "../X"])
def test_a_code_that_tables_could_not_name_is_refused(code):
    with pytest.raises(InputError, match="cannot be a country's code"):
        spec(country={"code": code})


def test_all_and_others_stand_alone(world):
    with pytest.raises(InputError, match="'all' stands alone"):
        split_country(world, spec(("exports", "all+CHN", "coal", 10.0)))


def test_tariffs_of_all_partners_leave_the_aggregate_out(world):
    columns = ["exporter", "importer", "sector", "rate"]
    rows = [("XAN", "USA", "oil-gas", "0"), ("XAN", "others", "metal-ores", "0")]
    new = split_country(world, spec(tariffs=pd.DataFrame(rows, columns=columns)))
    s, usa, latx = (
        new.sector_index("metal-ores"),
        new.country_index("USA"),
        new.country_index("LATX"),
    )
    assert new.tariff[new.sector_index("oil-gas"), 0, usa] == 0.0
    assert new.tariff[s, 0, new.country_index("EFTA")] == 0.0
    assert world.tariff[s, world.country_index("LATX"), world.country_index("EFTA")] > 0.0
    old = world.country_index("LATX")
    assert new.tariff[s, 0, latx] == world.tariff[s, old, old]
    explicit = pd.DataFrame([("XAN", "LATX", "metal-ores", "10%")], columns=columns)
    with pytest.raises(InputError, match="leave these rows out"):
        split_country(world, spec(tariffs=explicit))


TEXT = """\
country: {code: XAN}
out_of: LATX
year: 2022
unit: million EUR
value_added:
  total: 60000
  shares: {coal: 1%}
trade: {comtrade: {file: c.csv, rest: LATX}, file: t.csv}
tariffs: {file: d.csv}
"""
GIVEN = "flow,partner,sector,value\nexports,all,all,13800\nimports,all,all,14500\n"
HEAD = (
    "freqCode,refYear,reporterISO,flowCode,partnerISO,classificationCode,cmdCode,primaryValue\n"
)


def write(folder: Path, text: str, *codes: str) -> Path:
    rows = [f"A,2022,CHN,M,XAN,H6,{code},1200000000\n" for code in codes]
    (folder / "c.csv").write_text(HEAD + "".join(rows))
    (folder / "t.csv").write_text(GIVEN)
    (folder / "d.csv").write_text("exporter,importer,sector,rate\nCHN,XAN,all,90%\n")
    (folder / "a.yaml").write_text(text)
    return folder / "a.yaml"


def test_a_unit_is_named_by_its_line(tmp_path):
    with pytest.raises(InputError, match=r"line 4, key 'unit': unknown unit 'million EUR'"):
        load_split_spec(write(tmp_path, TEXT, "2709"))


@pytest.mark.parametrize(
    ("share", "message"),
    [("-9%", r"-9 % is outside 0 to 100 %"), ("1", "a share of 1 needs its sign")],
)
def test_shares_that_are_none(tmp_path, share, message):
    text = TEXT.replace("EUR", "USD").replace("coal: 1%", f"coal: {share}")
    with pytest.raises(InputError, match=f"line 7, key 'value_added.shares.coal': .*{message}"):
        load_split_spec(write(tmp_path, text, "2709"))


@pytest.mark.parametrize("code", ["27", "TOTAL"])
def test_chapters_are_no_sectors(tmp_path, code):
    """Crude in chapter 27 would be booked as refined petroleum."""
    text = TEXT.replace("EUR", "USD")
    with pytest.raises(InputError, match=r"line 8, key 'trade.comtrade.file'.*too coarse"):
        load_split_spec(write(tmp_path, text, code))


def test_the_level_of_a_file_that_mixes_them_is_chosen(world, tmp_path):
    text = TEXT.replace("EUR", "USD").replace("tariffs: {file: d.csv}\n", "")
    path = write(tmp_path, text, "27", "2709")
    with pytest.raises(InputError, match="mixes levels"):
        load_split_spec(path)
    path.write_text(text.replace("rest: LATX", "rest: LATX, level: 4"))
    new = split_country(world, path)
    chn = new.country_index("CHN")
    assert new.flows[new.sector_index("oil-gas"), 0, chn] == 1200.0
    assert new.flows[new.sector_index("petroleum"), 0, chn] == 0.0


def test_a_tariff_that_the_rest_cannot_make_good_is_placed(world, tmp_path):
    text = TEXT.replace("EUR", "USD")
    with pytest.raises(InputError, match=r"a.yaml, line 9, key 'tariffs': the tariff on"):
        split_country(world, write(tmp_path, text, "2709"))


def test_together_they_are_the_old_aggregate(world):
    new = split_country(world, spec(("exports", "CHN", "metal-ores", 3100.0)))
    a, b = world.country_index("LATX"), new.country_index("LATX")
    others = np.array([i for i in range(world.n_countries) if i != a])
    both = new.flows[:, 0, 1:] + new.flows[:, b, 1:]
    np.testing.assert_allclose(both[:, others], world.flows[:, a][:, others], rtol=1e-12)
    assert new.flows.min() >= 0.0


@given(st.floats(1e-8, 1e12))
def test_a_limit_that_is_printed_is_never_above_what_there_is(value):
    printed = float(amount_within(value).replace(",", ""))
    assert printed <= value
    assert printed == pytest.approx(value, rel=1.1e-5)


def test_a_limit_that_is_written_into_the_spec_is_accepted(world):
    """Six digits of what LATX sells were more than it sells, one time in two."""
    a, usa = world.country_index("LATX"), world.country_index("USA")
    for sector in ("coal", "fishing", "minerals", "ships", "textiles"):
        s = world.sector_index(sector)
        size = 1.01 * float(world.flows[s, a, usa])
        with pytest.raises(InputError, match="Lower it") as caught:
            split_country(world, spec(("exports", "USA", sector, size)))
        told = re.search(r"sells ([0-9.,]+) in all", caught.value.what)
        lowered = float(told[1].replace(",", ""))
        try:
            split_country(world, spec(("exports", "USA", sector, lowered)))
        except InputError as error:  # another condition may not hold; this one does
            assert "in all" not in error.what


@pytest.mark.parametrize(
    ("floor", "says"),
    [
        ("4%", "a floor of 4 % on each of 25 sectors is 100 % of final demand: 100 % or more"),
        ("50%", "is 1250 % of final demand: 100 % or more. Lower it to 3.99 %"),
    ],
)
def test_a_floor_that_leaves_nothing_to_divide_is_refused_in_those_words(world, floor, says):
    with pytest.raises(InputError, match=says):
        split_country(world, spec(final_demand={"floor": floor}))
    split_country(world, spec(final_demand={"floor": "1%"}))


@pytest.mark.parametrize(
    ("flow", "size", "warned"),
    [("exports", 13800.0, False), ("exports", 1.0, True), ("imports", 1.0, True)],
)
def test_trade_of_another_unit_is_warned_of(world, flow, size, warned):
    """60,000 of value added, 1 of exports: someone wrote billions."""
    rows = [("exports", "all", "all", 13800.0), ("imports", "all", "all", 14500.0)]
    rows = [(f, p, s, size if f == flow else v) for f, p, s, v in rows]
    trade = pd.DataFrame(rows, columns=["flow", "partner", "sector", "value"])
    new = split_country(world, SplitSpec.from_dict(SPEC, trade=trade))
    found = new.meta["split"]["XAN"].get("warnings", [])
    assert [w.split()[0] for w in found] == ([flow] if warned else [])
    assert all("same unit" in w for w in found)


def test_trade_of_many_times_the_value_added_is_warned_of():
    from detente.assembly.splitrecord import _warnings

    assert _warnings(5.1, 4.9, 1.0)["warnings"][0].startswith("exports of 5.1 million USD")
    assert _warnings(4.9, 1e-4, 1.0) == {}
    assert _warnings(0.0, 0.0, 1.0) == {}  # no trade at all is no slip of the unit
