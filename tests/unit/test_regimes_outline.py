"""The regimes on Iran and Russia: dates, senders, what is verified, and what they close."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from detente.errors import InputError
from detente.regimes.catalogue import load_regime, regime_names
from detente.regimes.coverage import pair_coverage, target_of
from detente.regimes.hs import headings
from detente.sources.files import embedded_rows
from detente.world.catalogue import list_worlds, load_world

NAMES = ("iran-2012", "iran-2018", "russia-2014", "russia-2022")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "law-outline.md"
DAY = timedelta(days=1)
#: first day and last day of a provision, from the texts and notes that its source names
DATES = (
    ("iran-2012", "267-11", date(2012, 7, 1), date(2016, 1, 15)),
    ("iran-2012", "267-13", date(2012, 5, 1), date(2016, 1, 15)),
    ("iran-2012", "1263-14a", date(2012, 12, 23), date(2016, 1, 15)),
    ("iran-2012", "ndaa-1245", date(2012, 6, 28), date(2016, 1, 15)),
    ("iran-2018", "13846-gold", date(2018, 8, 7), None),
    ("iran-2018", "13846-oil", date(2018, 11, 5), None),
    ("russia-2014", "512-2", date(2014, 8, 1), None),
    ("russia-2014", "778-1", date(2014, 8, 7), None),
    ("russia-2022", "576-3j", date(2022, 8, 11), None),
    ("russia-2022", "879-3m-crude", date(2022, 12, 5), None),
    ("russia-2022", "879-3m-products", date(2023, 2, 5), None),
    ("russia-2022", "1269-3o", date(2022, 7, 22), None),
    ("russia-2022", "428-3h", date(2022, 3, 16), None),
    ("russia-2022", "576-3k", date(2022, 7, 11), None),
    ("russia-2022", "345-5h", date(2022, 3, 12), None),
)


@pytest.fixture(scope="module")
def world():
    return load_world("world-2022")


def provision(name, key):
    (found,) = load_regime(name).select((key,))
    return found


def covered(world, name, partner, day):
    """Share of a sector's trade that is closed: (direction, sector) → share."""
    table = pair_coverage(world, [load_regime(name)], "RUS", partner, day)
    return {(r.direction, r.sector): r.covered for r in table.itertuples()}


# -- the files ---------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_they_load_and_name_their_target(name):
    assert name in regime_names()
    regime = load_regime(name)
    assert regime.target == (("IRN",) if name.startswith("iran") else ("RUS",))
    assert not set(regime.target) & set(regime.senders)
    assert len(set(regime.senders)) == len(regime.senders)


@pytest.mark.parametrize(("name", "key", "first", "last"), DATES)
def test_dates(name, key, first, last):
    found = provision(name, key)
    assert (found.first_day, found.until) == (first, last)
    assert found.adopted <= first
    assert not found.holds_on(first - DAY)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_read_is_named(name):
    regime = load_regime(name)
    assert any(p.verification == "verified" for p in regime.provisions)
    for p in regime.provisions:
        if p.verification == "verified":
            assert regime.sources[p.source].read in ("text", "excerpt", "summary"), p.id
        # a source that nobody opened verifies neither a paragraph nor its lines
        if regime.sources[p.source].read == "none":
            assert p.verification == "unverified", p.id


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_a_line_is_never_called_verified(name):
    for p in load_regime(name).provisions:
        for products in p.products:
            assert products.covered == 1 or products.verification == "unverified", p.id


@pytest.mark.parametrize("name", NAMES)
def test_what_replaces_takes_over_the_next_day(name):
    regime = load_regime(name)
    by_id = {p.id: p for p in regime.provisions}
    for p in regime.provisions:
        if p.replaced_by:
            assert by_id[p.replaced_by].first_day == p.until + DAY, p.id


def test_the_unions_members_are_senders_of_what_the_union_adopted():
    union = {r["icio_code"] for r in embedded_rows("economies.csv") if r["economy"] == "EU27"}
    assert len(union) == 27
    for name in ("iran-2012", "russia-2014", "russia-2022"):
        assert union <= set(load_regime(name).senders)
    # a member until 2020, and a sender of its own after
    assert all("GBR" in load_regime(n).senders for n in NAMES if n != "iran-2018")
    assert load_regime("iran-2018").senders == ("USA",)


# -- Iran --------------------------------------------------------------------------------
def test_implementation_day_ends_everything_of_2012():
    regime = load_regime("iran-2012")
    assert all(p.holds_on(date(2016, 1, 15)) for p in regime.provisions)
    assert not any(p.holds_on(date(2016, 1, 16)) for p in regime.provisions)


def test_of_2018_only_the_usas_own_embargo_is_a_ban():
    regime = load_regime("iran-2018")
    bans = [p for p in regime.provisions if p.effect == "ban"]
    assert {d for p in bans for d in p.directions()} == {"export", "import"}
    assert all(p.first_day < date(2000, 1, 1) for p in bans)
    later = [p for p in regime.provisions if p.first_day >= date(2018, 8, 7)]
    assert later and {p.effect for p in later} == {"secondary"}
    # the two days on which the wind-down periods ended
    assert {p.first_day for p in later} >= {date(2018, 8, 7), date(2018, 11, 5)}


@pytest.mark.parametrize("name", ["iran-2012", "iran-2018"])
def test_no_embedded_world_has_iran(name):
    for each in list_worlds()["name"]:
        with pytest.raises(InputError, match=r"IRN, which is in world '.*' neither"):
            target_of(load_regime(name), load_world(each))


# -- Russia ------------------------------------------------------------------------------
def test_energy_closes_in_the_order_of_the_packages(world):
    before, summer, winter, spring = (
        covered(world, "russia-2022", "EU27", day)
        for day in (date(2022, 8, 10), date(2022, 8, 11), date(2022, 12, 5), date(2023, 2, 5))
    )
    assert before.get(("export", "coal"), 0) == 0
    assert summer["export", "coal"] == pytest.approx(1)
    assert summer.get(("export", "oil-gas"), 0) == 0
    # pipeline oil and all gas stay open
    assert 0 < winter["export", "oil-gas"] < 1
    assert winter["export", "petroleum"] < 0.1
    assert spring["export", "petroleum"] > 0.95


def test_steel_wood_and_aircraft_are_closed_ores_and_power_are_not(world):
    found = covered(world, "russia-2022", "EU27", date(2023, 3, 1))
    assert found["export", "wood-paper"] > 0.9
    assert 0 < found["export", "basic-metals"] < 1
    assert found["export", "metal-ores"] == 0
    assert found["export", "utilities"] == 0
    assert 0 < found["import", "vehicles"] < 1
    assert found["import", "food"] < 0.1


def test_russias_ban_of_2014_is_on_food_alone(world):
    found = covered(world, "russia-2014", "EU27", date(2014, 8, 7))
    food = {"agriculture", "fishing", "food"}
    for sector in food:
        assert found["import", sector] > 0
    closed = {s for (d, s), share in found.items() if d == "import" and share > 0.1}
    assert closed <= food
    before = covered(world, "russia-2014", "EU27", date(2014, 8, 6))
    assert before.get(("import", "fishing"), 0) == 0


@pytest.mark.parametrize("name", ["russia-2014", "russia-2022"])
@pytest.mark.parametrize("partner", ["CHN", "IND", "KOR", "BRA"])
def test_who_is_no_sender_closes_nothing(world, name, partner):
    assert not any(covered(world, name, partner, date(2023, 3, 1)).values())


def test_the_usas_own_orders_are_listed_and_not_counted():
    for key in ("14066-1", "14068-1"):
        found = provision("russia-2022", key)
        assert all(p.covered == 0 and "not counted" in p.note for p in found.products)


# -- errors ------------------------------------------------------------------------------
def test_a_line_of_another_revision_is_refused_at_its_place(tmp_path: Path):
    text = (files("detente") / "data" / "regimes" / "russia-2022.yaml").read_text("utf-8")
    assert "8806" not in text and "hs_revision: HS22" in text
    own = tmp_path / "own.yaml"
    changed = text.replace("hs_revision: HS22", "hs_revision: HS17")
    changed = changed.replace('hs: "88"', 'hs: "8806"')
    own.write_text(changed, encoding="utf-8")
    line = next(i for i, t in enumerate(changed.splitlines(), 1) if '"8806"' in t)
    with pytest.raises(InputError, match="8806 is not in HS17; it is a line of HS22") as caught:
        load_regime(own)
    assert caught.value.place is not None
    assert (caught.value.place.file, caught.value.place.line) == (str(own), line)


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_in_the_regimes_own_revision(name):
    regime = load_regime(name)
    known = headings(regime.hs_revision)
    for p in regime.provisions:
        for products in p.products:
            for line in (*products.lines(), *products.spared()):
                assert any(h.startswith(line[:4]) for h in known), (p.id, line)


def test_a_provision_that_does_not_exist_names_the_nearest():
    with pytest.raises(InputError, match="has no provision '576-3l'") as caught:
        load_regime("russia-2022").select(("576-3l",))
    assert caught.value.nearest is not None and caught.value.nearest.startswith("576-3")


# -- the page ----------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_the_page_counts_what_is_not_verified(name):
    regime = load_regime(name)
    counts = [
        len(regime.provisions),
        sum(bool(p.products) for p in regime.provisions),
        sum(p.verification == "unverified" for p in regime.provisions),
        sum(p.unverified for p in regime.provisions),
    ]
    (row,) = [r for r in PAGE.read_text("utf-8").splitlines() if f"| {name}.yaml |" in r]
    assert [int(c) for c in row.strip("| ").split(" | ")[2:]] == counts


def test_the_page_gives_the_covered_shares_of_the_embedded_table(world):
    table = pair_coverage(
        world, [load_regime("russia-2022")], "RUS", "EU27", date(2023, 3, 1)
    ).groupby("direction")[["trade", "banned"]]
    sums = table.sum()
    share = (100 * sums["banned"] / sums["trade"]).round()
    sold, bought = int(share["export"]), int(share["import"])
    text = " ".join(PAGE.read_text("utf-8").split())
    assert f"it is {sold} % of imports and {bought} % of exports" in text
