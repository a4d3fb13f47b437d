"""Split specs: what a file says is read as it stands, and every mistake has its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from detente.assembly.split import split_country
from detente.assembly.splitspec import SplitSpec, embedded_specs, load_split_spec
from detente.assembly.splittables import known_trade, stated_tariffs
from detente.errors import InputError
from detente.world import World
from worlds import random_world

SPEC = """\
split: A part
country: {code: NEW, name: Newland}
out_of: C01
value_added:
  total: 100
  shares:
    s00: 40%
  values: {s01: 20}
  blocks:
    - {name: rest, share: 40%, sectors: [s02, s03]}
final_demand: {floor: 0.01%}
trade:
  file: trade.csv
donor: C01
inputs:
  - {input: s00, sectors: all, except: s01}
blocks:
  - {block: all of it, flag: assumed, source: a test, year: 2022, licence: none}
"""
TRADE = """\
flow,partner,sector,value,source,year,licence,flag
exports,all,s00,3,a test,2022,none,assumed
exports,C02,s01,0.5,a test,2022,none,observed
imports,C02+C03,all,4,a test,2022,none,assumed
"""


@pytest.fixture(scope="module")
def world() -> World:
    return random_world(3, 5, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "trade.csv").write_text(TRADE, encoding="utf-8")
    return tmp_path


def changed(folder: Path, old: str, new: str, file: str = "spec.yaml") -> Path:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return folder / "spec.yaml"


def refused(folder: Path, world: World) -> str:
    with pytest.raises(InputError) as error:
        split_country(world, load_split_spec(folder / "spec.yaml"))
    return str(error.value)


class TestReading:
    def test_a_file_and_its_table(self, folder: Path, world: World) -> None:
        spec = load_split_spec(folder / "spec.yaml")
        assert spec.model.country.code == "NEW"
        assert spec.model.value_added.shares["s00"] == 0.4
        assert spec.model.final_demand.floor == 0.0001
        assert (spec.out_of, spec.factor) == ("C01", 1.0)
        known = known_trade(spec, world)
        assert [each.label for each in known.sums] == [
            "exports of s00",
            "exports of s01 to C02",
            "all imports from C02+C03",
        ]
        assert [each.place.line for each in known.sums] == [2, 3, 4]
        assert [each.is_cell for each in known.sums] == [False, True, False]

    def test_the_new_world_says_where_its_numbers_come_from(
        self, folder: Path, world: World
    ) -> None:
        new = split_country(world, folder / "spec.yaml")
        assert new.meta["blocks"][-1]["source"] == "a test"
        sources = new.meta["split"]["NEW"]["trade_sources"]
        assert [(row["flag"], row["rows"]) for row in sources] == [
            ("assumed", 2),
            ("observed", 1),
        ]
        assert new.country_names[0] == "Newland"
        assert "Newland" in new.meta["description"]

    def test_a_spec_without_sources_is_flagged_assumed(
        self, folder: Path, world: World
    ) -> None:
        path = changed(folder, SPEC[SPEC.index("\nblocks:\n  - {block") :], "\n")
        (block,) = split_country(world, path).meta["blocks"]
        assert block["flag"] == "assumed"
        assert str(path) in block["source"]

    def test_others_are_those_that_no_row_names_beside_it(self, world: World) -> None:
        rows = pd.DataFrame(
            [
                ("exports", "C02", "s00", 1.0),
                ("exports", "C03+C04", "s00", 1.0),
                ("exports", "others", "s00", 0.0),
                ("imports", "C02", "s00", 1.0),
                ("imports", "C02", "others", 0.0),
            ],
            columns=["flow", "partner", "sector", "value"],
        )
        spec = SplitSpec.from_dict(minimal(), trade=rows)
        sums = known_trade(spec, world).sums
        assert sums[2].partners.tolist() == [0, 1]
        assert sums[4].sectors.tolist() == [1, 2, 3]

    def test_patterns_and_weights(self, world: World) -> None:
        rows = pd.DataFrame(
            [
                ("exports", "C02", "s00", 3.0, "prior"),
                ("exports", "C03", "s00", 1.0, "prior"),
                ("imports", "all", "s01", 0.25, "weight"),
            ],
            columns=["flow", "partner", "sector", "value", "role"],
        )
        known = known_trade(SplitSpec.from_dict(minimal(), trade=rows), world)
        assert not known.sums
        prior = known.prior["exports"]
        assert prior is not None and prior[0].tolist() == [0, 0, 3, 1, 0]
        assert known.prior["imports"] is None
        assert known.weight["imports"][:, 0].tolist() == [1, 0.25, 1, 1]

    def test_embedded_specs_have_names(self) -> None:
        assert set(embedded_specs()) == {
            f"prk-{year}-{size}" for year in (2016, 2018) for size in ("un", "bok")
        }
        with pytest.raises(InputError, match="Did you mean 'prk-2018-un'"):
            load_split_spec("prk-2018-u")

    def test_every_row_of_the_embedded_tables_has_source_licence_and_flag(self) -> None:
        for name in embedded_specs():
            spec = load_split_spec(name)
            for table in (spec.trade, spec.tariffs, spec.technology):
                assert table is not None
                raw = pd.read_csv(table.attrs["file"], keep_default_na=False)
                assert (raw[["source", "year", "licence"]] != "").all().all()
                assert set(raw["flag"]) <= {"observed", "derived", "assumed"}
            assert {f.flag for f in spec.model.blocks} <= {"observed", "derived", "assumed"}


def minimal(**changes: Any) -> dict[str, Any]:
    return {
        "country": {"code": "NEW"},
        "out_of": "C01",
        "value_added": {"total": 100},
    } | changes


#: (old text, new text, what the message says, the nearest valid thing)
MISTAKES = [
    ("out_of: C01", "out_off: C01", ["line 3", "unknown key 'out_off'"], "out_of"),
    ("out_of: C01\n", "", ["'out_of' is missing"], None),
    ("out_of: C01", "out_of: C011", ["line 3", "unknown country 'C011'"], "C01"),
    ("code: NEW,", "code: C02,", ["line 2", "'C02' is in world"], None),
    ("s00: 40%", "s00x: 40%", ["line 7", "unknown sector 's00x'"], "s00"),
    ("s00: 40%", "s00: 40", ["line 7", "needs its sign"], "40%"),
    ("s00: 40%", "s00: much", ["line 7", "'much' is no share"], None),
    ("s00: 40%", "s01: 40%", ["line 7", "a value and a share"], None),
    ("total: 100", "total: a lot", ["line 5", "no amount"], None),
    ("total: 100", "total: -3", ["line 5", "below zero"], None),
    ("total: 100", "total: 0", ["line 5", "above zero"], None),
    ("share: 40%, sectors", "sectors", ["line 10", "one of the two"], None),
    ("[s02, s03]", "[s02, s02]", ["line 10", "'s02' stands twice"], None),
    ("[s02, s03]", "[s02, s00]", ["line 10", "'s00' is in 'shares' already"], None),
    ("floor: 0.01%", "flor: 0.01%", ["line 11", "unknown key 'flor'"], "floor"),
    ("file: trade.csv", "file: trades.csv", ["line 13", "there is no file"], "trade.csv"),
    ("donor: C01", "donor: C033", ["line 14", "unknown country 'C033'"], "C03"),
    ("donor: C01", "donor: {name: x}", ["line 14", "one of the two"], None),
    ("input: s00", "input: s00x", ["line 16", "unknown sector 's00x'"], "s00"),
    ("except: s01", "except: s01, value: 3", ["line 16", "one input and one sector"], None),
    ("flag: assumed", "flag: asumed", ["line 18", "is not one of"], "assumed"),
    ("split: A part", "unit: million EUR", ["line 1", "unknown unit"], "million USD"),
    ("split: A part", "excess: hme", ["line 1", "is not one of"], "home"),
    ("split: A part", "split: *x", ["line 1", "alias"], None),
    ("split: A part", "split: !!python/none x", ["line 1", "the tag"], None),
    ("split: A part", "split: A\nsplit: B", ["line 2", "line 1"], None),
    ("split: A part", "split: [", ["no valid YAML"], None),
    (SPEC, "", ["the file is empty"], None),
    (SPEC, "- a list\n", ["a mapping of keys"], None),
]


@pytest.mark.parametrize(("old", "new", "told", "near"), MISTAKES)
def test_mistakes_in_the_file(
    folder: Path, world: World, old: str, new: str, told: list[str], near: str | None
) -> None:
    changed(folder, old, new)
    text = refused(folder, world)
    for part in ("spec.yaml", *told):
        assert part in text, text
    assert ("Did you mean" in text) == (near is not None), text
    if near is not None:
        assert f"{near}'?" in text, text


#: the same of the table of trade
ROWS = [
    ("exports,all", "export,all", ["line 2", "'export' is no known flow"], "exports"),
    ("C02,s01", "C022,s01", ["line 3", "'C022' is no partner"], "C02"),
    ("C02,s01", "C02,s011", ["line 3", "'s011' is no sector"], "s01"),
    ("C02+C03", "C02+C033", ["line 4", "'C033' is no partner"], "C03"),
    ("all,s00,3", "all,s00,three", ["line 2", "'three' is no"], None),
    ("all,s00,3", "all,s00,", ["line 2", "no number"], None),
    ("all,s00,3", "all,s00,-3", ["line 2", "below 0"], None),
    ("flow,partner", "flow,partners", ["'partner'", "missing"], "partners"),
    ("imports,C02+C03,all,4", "exports,C02,s01,4", ["line 4", "second row", "line 3"], None),
]


@pytest.mark.parametrize(("old", "new", "told", "near"), ROWS)
def test_mistakes_in_the_table(
    folder: Path, world: World, old: str, new: str, told: list[str], near: str | None
) -> None:
    changed(folder, old, new, "trade.csv")
    text = refused(folder, world)
    for part in ("trade.csv", *told):
        assert part in text, text
    if near is not None:
        assert f"Did you mean '{near}'?" in text, text


class TestTariffs:
    def rates(self, world: World, *rows: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        frame = pd.DataFrame(rows, columns=["exporter", "importer", "sector", "rate"])
        return stated_tariffs(SplitSpec.from_dict(minimal(), tariffs=frame), world)

    def test_rates_by_link_and_others(self, world: World) -> None:
        out, in_ = self.rates(
            world,
            ("NEW", "others", "all", "0.02"),
            ("NEW", "C02", "s00+s01", "35%"),
            ("C03", "NEW", "others", "0"),
        )
        assert out[:, 2].tolist() == [0.35, 0.35, 0.02, 0.02]
        assert out[:, 3].tolist() == [0.02] * 4
        assert in_[:, 3].tolist() == [0.0] * 4
        assert np.isnan(in_[:, 2]).all()

    @pytest.mark.parametrize(
        ("row", "told"),
        [
            (("C02", "C03", "all", "0.1"), "one link of NEW"),
            (("NEW", "C02", "all", "35"), "write the % sign"),
            (("NEW", "C02", "all", "-1%"), "no rate"),
            (("NEW", "C22", "all", "1%"), "Did you mean 'C02'"),
        ],
    )
    def test_mistakes(self, world: World, row: tuple[str, ...], told: str) -> None:
        with pytest.raises(InputError, match="line 1") as error:
            self.rates(world, row)
        assert told in str(error.value)

    def test_two_rates_for_one_link(self, world: World) -> None:
        with pytest.raises(InputError, match=r"line 2.*earlier row"):
            self.rates(world, ("NEW", "C02", "all", "1%"), ("NEW", "C02", "s00", "2%"))


class TestTechnology:
    def test_mistakes_in_a_table(self, folder: Path, world: World) -> None:
        changed(folder, "donor: C01", "donor: {file: made.csv}")
        head = "kind,input,sector,value\n"
        for body, told in (
            ("inputs,s00,s01,3\n", "Did you mean 'input'"),
            ("input,s00,s9,3\n", "'s9' is no known sector"),
            ("input,,s00,3\n", "is no known input"),
            ("value_added,,s00,-1\n", "below 0"),
            ("value_added,,s00,1\n", "no 'final' rows"),
            ("final,,s00,1\nfinal,,s00,2\n", "second row"),
        ):
            (folder / "made.csv").write_text(head + body, encoding="utf-8")
            text = refused(folder, world)
            assert "made.csv" in text and told in text, text
        (folder / "made.csv").write_text("kind,sector\nfinal,s00\n", encoding="utf-8")
        assert "'value'" in refused(folder, world)


class TestFiles:
    def test_no_such_spec_names_the_nearest(self, folder: Path) -> None:
        with pytest.raises(InputError, match=r"there is no.*Did you mean '.*spec.yaml'"):
            load_split_spec(folder / "spce.yaml")
        with pytest.raises(InputError, match="nor a folder"):
            load_split_spec(folder / "nowhere" / "spec.yaml")

    def test_text_that_is_none(self, folder: Path) -> None:
        (folder / "spec.yaml").write_bytes(b"split: \xff\xfe\n")
        with pytest.raises(InputError, match=r"line 1.*UTF-8"):
            load_split_spec(folder / "spec.yaml")
        (folder / "spec.yaml").write_text("a: " + "[" * 50, encoding="utf-8")
        with pytest.raises(InputError, match="nested deeper"):
            load_split_spec(folder / "spec.yaml")
        (folder / "spec.yaml").write_text("a: " + "x" * 1_100_000, encoding="utf-8")
        with pytest.raises(InputError, match=r"1\.1 MB"):
            load_split_spec(folder / "spec.yaml")
