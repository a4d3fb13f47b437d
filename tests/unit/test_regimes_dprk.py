"""The regimes on the DPRK: dates, goods, senders, and what is not verified."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from detente.regimes.catalogue import load_regime
from detente.regimes.hs import headings
from detente.regimes.schema import Provision, Regime

NAMES = ("unsc-dprk", "rok-may-24", "japan-dprk", "us-dprk", "eu-dprk")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "law-dprk.md"
#: days of adoption, from the resolutions' own headings
ADOPTED = {
    "1718": date(2006, 10, 14),
    "1874": date(2009, 6, 12),
    "2087": date(2013, 1, 22),
    "2094": date(2013, 3, 7),
    "2270": date(2016, 3, 2),
    "2321": date(2016, 11, 30),
    "2371": date(2017, 8, 5),
    "2375": date(2017, 9, 11),
    "2397": date(2017, 12, 22),
}
#: the timeline of sanctions: id, direction or effect, first day
TIMELINE = (
    ("unsc-dprk", "1718-8a1", "import", date(2006, 10, 14)),
    ("unsc-dprk", "1718-8b", "export", date(2006, 10, 14)),
    ("unsc-dprk", "1718-8a3", "import", date(2006, 10, 14)),
    ("unsc-dprk", "1874-9", "export", date(2009, 6, 12)),
    ("unsc-dprk", "2087-5", "finance", date(2013, 1, 22)),
    ("unsc-dprk", "2094-11", "finance", date(2013, 3, 7)),
    ("unsc-dprk", "2270-29", "export", date(2016, 3, 2)),
    ("unsc-dprk", "2270-30", "export", date(2016, 3, 2)),
    ("unsc-dprk", "2270-31", "import", date(2016, 3, 2)),
    ("unsc-dprk", "2321-26", "export", date(2017, 1, 1)),
    ("unsc-dprk", "2321-28", "export", date(2016, 11, 30)),
    ("unsc-dprk", "2321-29", "export", date(2016, 11, 30)),
    ("unsc-dprk", "2321-30", "import", date(2016, 11, 30)),
    ("unsc-dprk", "2371-8", "export", date(2017, 8, 5)),
    ("unsc-dprk", "2371-9", "export", date(2017, 8, 5)),
    ("unsc-dprk", "2371-10", "export", date(2017, 8, 5)),
    ("unsc-dprk", "2371-11", "labour", date(2017, 8, 5)),
    ("unsc-dprk", "2371-12", "investment", date(2017, 8, 5)),
    ("unsc-dprk", "2375-13", "import", date(2017, 9, 11)),
    ("unsc-dprk", "2375-14", "import", date(2017, 10, 1)),
    ("unsc-dprk", "2375-15", "import", date(2017, 9, 11)),
    ("unsc-dprk", "2375-16", "export", date(2017, 9, 11)),
    ("unsc-dprk", "2375-17", "labour", date(2017, 9, 11)),
    ("unsc-dprk", "2375-18", "investment", date(2017, 9, 11)),
    ("unsc-dprk", "2397-4", "import", date(2017, 12, 22)),
    ("unsc-dprk", "2397-5", "import", date(2018, 1, 1)),
    ("unsc-dprk", "2397-6", "export", date(2017, 12, 22)),
    ("unsc-dprk", "2397-7", "import", date(2017, 12, 22)),
    ("unsc-dprk", "2397-8", "labour", date(2017, 12, 22)),
    ("rok-may-24", "may24-2", "both", date(2010, 5, 24)),
    ("rok-may-24", "kaesong-2016", "both", date(2016, 2, 10)),
    ("japan-dprk", "import2006-52", "export", date(2006, 10, 14)),
    ("japan-dprk", "ports2006-1", "shipping", date(2006, 10, 14)),
    ("japan-dprk", "export2009-48", "import", date(2009, 6, 18)),
    ("us-dprk", "eca-1950", "import", date(1950, 6, 28)),
    ("us-dprk", "13466-2", "shipping", date(2008, 6, 26)),
    ("us-dprk", "13570-1", "export", date(2011, 4, 19)),
    ("us-dprk", "13687-1", "finance", date(2015, 1, 2)),
    ("us-dprk", "nkspea-104", "secondary", date(2016, 2, 18)),
    ("us-dprk", "13722-3", "import", date(2016, 3, 16)),
    ("us-dprk", "caatsa-311", "secondary", date(2017, 8, 2)),
    ("us-dprk", "13810-1", "secondary", date(2017, 9, 21)),
    ("eu-dprk", "1509-16d", "import", date(2017, 10, 16)),
    ("eu-dprk", "1509-16f", "import", date(2017, 10, 16)),
)


def provision(name: str, wanted: str) -> Provision:
    return next(p for p in load_regime(name).provisions if p.id == wanted)


def lines(p: Provision) -> set[str]:
    return {line for products in p.products for line in products.lines()}


def closed(regime: Regime, day: date) -> dict[tuple[str, str], float]:
    """Direction and heading to the share closed: bans, and caps by what they cut off."""
    found: dict[tuple[str, str], float] = {}
    for p in regime.provisions:
        if not p.holds_on(day):
            continue
        cut = 1.0
        if p.cap:
            cut = max(1 - p.cap.quantity / p.cap.reference, 0) if p.cap.reference else 0.0
        for products in p.products:
            spared = products.spared() or ("none",)
            hit = [
                h
                for h in headings(regime.hs_revision)
                if h.startswith(products.lines()) and not h.startswith(spared)
            ]
            for d in p.directions():
                for h in hit:
                    found[d, h] = max(found.get((d, h), 0.0), products.covered * cut)
    return {k: v for k, v in found.items() if v > 0}


def below(*prefixes: str) -> set[str]:
    return {h for h in headings("HS17") if h.startswith(prefixes)}


@pytest.mark.parametrize("name", NAMES)
def test_each_regime_loads_and_is_on_the_dprk(name: str) -> None:
    regime = load_regime(name)
    assert regime.regime == name
    assert regime.target == ("PRK",)
    assert "PRK" not in regime.senders


def test_the_senders() -> None:
    assert load_regime("unsc-dprk").senders == ("all",)
    assert load_regime("rok-may-24").senders == ("KOR",)
    assert load_regime("japan-dprk").senders == ("JPN",)
    assert load_regime("us-dprk").senders == ("USA",)
    members = load_regime("eu-dprk").senders
    assert len(members) == len(set(members)) == 27
    assert "GBR" not in members and {"DEU", "FRA", "POL"} <= set(members)


@pytest.mark.parametrize(("name", "wanted", "kind", "day"), TIMELINE)
def test_the_timeline_is_there(name: str, wanted: str, kind: str, day: date) -> None:
    p = provision(name, wanted)
    assert p.first_day == day
    assert kind in (p.direction, p.effect)


def test_resolutions_stand_under_their_own_day() -> None:
    for p in load_regime("unsc-dprk").provisions:
        number = p.id.split("-")[0]
        assert p.adopted == ADOPTED[number], p.id
        assert p.instrument == f"S/RES/{number} ({p.adopted.year})"
        # the paragraph's digits begin the second half of the id
        assert re.match(r"\d+", p.id.split("-")[1])[0] == re.match(r"\d+", p.paragraph)[0]
    assert load_regime("unsc-dprk").instruments() == tuple(ADOPTED)


@pytest.mark.parametrize("name", NAMES)
def test_no_provision_before_its_adoption_nor_beside_its_successor(name: str) -> None:
    known = {p.id: p for p in load_regime(name).provisions}
    for p in known.values():
        assert p.first_day >= p.adopted
        if p.replaced_by:
            assert p.until is not None and p.until < known[p.replaced_by].first_day, p.id


def test_replaced_in_one_night() -> None:
    """What was replaced ends on the eve; the yearly cap on coal began a month later."""
    known = {p.id: p for p in load_regime("unsc-dprk").provisions}
    replaced = {p.id for p in known.values() if p.replaced_by}
    assert replaced == {
        *("1874-10", "2270-29", "2321-26", "2321-26c", "2371-12", "2375-14", "2375-15"),
    }
    for wanted in replaced - {"2270-29"}:
        p = known[wanted]
        assert p.until + timedelta(days=1) == known[p.replaced_by].first_day, wanted
    assert known["2270-29"].until == date(2016, 11, 29)


def test_the_chapters_of_2397() -> None:
    """Paragraphs 6 and 7: the chapters that the text names; HS has no chapter 77."""
    assert lines(provision("unsc-dprk", "2397-6")) == {
        *("12", "07", "08", "84", "85", "25", "44", "89")
    }
    metals = {f"{k}" for k in range(72, 84)} - {"77"}
    vehicles = {"86", "87", "88", "89"}
    assert lines(provision("unsc-dprk", "2397-7")) == {"84", "85"} | vehicles | metals
    assert not [h for h in headings("HS17") if h.startswith("77")]
    for wanted in ("2397-6", "2397-7"):
        assert all(
            p.covered == 1 and not p.spared() for p in provision("unsc-dprk", wanted).products
        )


def test_the_caps() -> None:
    coal = provision("unsc-dprk", "2321-26").cap
    assert (coal.quantity, coal.unit, coal.reference) == (400.870018, "million USD", None)
    crude = provision("unsc-dprk", "2397-4").cap
    assert (crude.quantity, crude.unit) == (4_000_000, "barrels")
    # the mission's fact sheet: 89 % less than in 2016, 75 % less than the cap before
    refined, before = (provision("unsc-dprk", f"{p}").cap for p in ("2397-5", "2375-14"))
    assert 1 - refined.quantity / refined.reference == pytest.approx(0.89, abs=0.005)
    assert 1 - refined.quantity / before.quantity == pytest.approx(0.75)
    for name in NAMES:
        for p in load_regime(name).provisions:
            assert p.cap is None or p.cap.rent == "importer"


def test_what_the_united_nations_close_in_2018() -> None:
    """The goods of the nine resolutions together, heading by heading."""
    found = closed(load_regime("unsc-dprk"), date(2018, 6, 30))
    exports = {h for d, h in found if d == "export"}
    minerals = below("2701", "2702", "2601", "2603", "2604", "2607", "2608")
    minerals |= below("2614", "2615", "2616", "2805", "2846", "7106", "7108")
    metals = below("72", "74", "75", "78", "79") - {"7202"}
    seafood = below("03", "1604", "1605")
    rest = below("07", "08", "12", "25", "44", "84", "85", "89", "93", "9703")
    textiles = below(*(str(k) for k in range(50, 64)))
    assert exports == minerals | metals | seafood | rest | textiles
    assert all(share == 1 for (d, _), share in found.items() if d == "export")
    imports = {h: share for (d, h), share in found.items() if d == "import"}
    whole = below("71", "93", *(str(k) for k in range(72, 90)))
    assert {h for h, share in imports.items() if share == 1} == whole
    partly = {h: share for h, share in imports.items() if share < 1}
    assert set(partly) == {"2710", "2711", "2712", "2713"}
    assert partly["2710"] == pytest.approx(8 / 9)
    assert partly["2711"] == 0.5


def test_what_was_closed_at_the_end_of_2016() -> None:
    """Coal, iron and iron ore could be sold for livelihoods; nothing of 2371 to 2397 yet."""
    found = closed(load_regime("unsc-dprk"), date(2016, 12, 31))
    exports = {h for d, h in found if d == "export"}
    assert not exports & below("2701", "2601", "72", "03", "62", "25", "08")
    assert {"2603", "7901", "7108", "9703"} <= exports
    assert {h[:2] for d, h in found if d == "import"} == {"71", "93"}


def test_embargoes_by_day() -> None:
    """Everything of a sender's trade, in the direction and from the day that the law says."""
    everything = len(headings("HS07"))

    def share(name: str, day: date, direction: str) -> float:
        found = closed(load_regime(name), day)
        kept = [v for (d, _), v in found.items() if d == direction]
        return sum(kept) / everything

    assert share("japan-dprk", date(2006, 10, 13), "export") == 0
    assert share("japan-dprk", date(2006, 10, 14), "export") == 1
    assert share("japan-dprk", date(2009, 6, 17), "import") < 0.02
    assert share("japan-dprk", date(2009, 6, 18), "import") == 1
    for direction in ("export", "import"):
        assert share("rok-may-24", date(2010, 5, 23), direction) == 0
        # 2009: 1,679 million USD, of it 940.55 at Kaesong
        outside = 1 - 940.55 / 1679
        assert share("rok-may-24", date(2015, 1, 1), direction) == pytest.approx(
            outside, abs=2e-3
        )
        assert share("rok-may-24", date(2016, 2, 10), direction) == 1
        assert share("us-dprk", date(1999, 1, 1), direction) == pytest.approx(1, abs=0.05)
        assert share("us-dprk", date(2003, 1, 1), direction) == 0
        assert share("us-dprk", date(2016, 12, 31), direction) == pytest.approx(1, abs=0.05)
    assert share("us-dprk", date(2008, 1, 1), "export") == 0
    assert share("us-dprk", date(2008, 1, 1), "import") > 0.95


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_verified_says_why(name: str) -> None:
    regime = load_regime(name)
    for p in regime.provisions:
        read = regime.sources[p.source].read
        if p.verification == "verified":
            assert read in ("text", "excerpt"), p.id
        for products in p.products:
            if products.verification == "unverified":
                assert products.note, p.id
            if products.covered < 1:
                assert re.search(r"nil|assumed|void|share", products.note), p.id


def test_a_verified_line_of_the_council_names_whose_list_has_it() -> None:
    """Digits stand in 2397 alone; other lines are verified by an authority's own list."""
    regime = load_regime("unsc-dprk")
    listed = {
        "Canada": "can-2006-287",
        "Singapore": "sgp-customs",
        "Australia": "aus-dfat",
        "China": "chn-2017-40",
        "United Kingdom": "gbr-2019-411",
    }
    for p in regime.provisions:
        for products in p.products:
            if products.verification == "verified":
                named = [key for name, key in listed.items() if name in products.note]
                quoted = p.id.startswith("2397-") and "as quoted" in products.note
                assert named or quoted, p.id
                assert all(regime.sources[k].read in ("text", "excerpt") for k in named)
            else:
                assert re.search(
                    r"standard reading|not known|not by HS|taken as nil|further",
                    products.note,
                ), p.id


def test_the_lines_that_no_list_was_found_for() -> None:
    """Of what 2371 to 2397 close, these alone rest on the reading of words."""
    held = [
        q
        for p in load_regime("unsc-dprk").provisions
        if p.id[:4] in ("2371", "2375", "2397")
        for q in p.products
        if q.verification == "unverified"
    ]
    assert {line for q in held for line in q.lines()} == {
        *("72", "03", "1604", "1605", "78", "2607", "2711"),
        *(str(k) for k in range(50, 64)),
    }


def table(heading: str) -> dict[str, list[int]]:
    """Rows of one of the page's tables: name to its numbers."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\w-]+) \|(.*)\|$", text, flags=re.MULTILINE)
    return {
        name: [int(k) for k in re.findall(r"(?<=\| )\d+(?= )", "|" + rest)]
        for name, rest in rows
        if re.search(r"\d", rest)
    }


def test_the_page_counts_what_the_files_hold() -> None:
    found = table("Counts")
    assert set(found) == set(NAMES)
    for name, numbers in found.items():
        provisions = load_regime(name).provisions
        goods = [p for p in provisions if p.products]
        assert numbers == [
            len(provisions),
            len(goods),
            sum(p.verification == "unverified" for p in provisions),
            sum(p.unverified for p in provisions),
        ], name


def test_the_page_has_every_resolution() -> None:
    found = table("By resolution")
    regime = load_regime("unsc-dprk")
    assert tuple(found) == regime.instruments()
    for number, numbers in found.items():
        own = regime.select((number,))
        verified = sum(p.verification == "verified" for p in own)
        assert numbers[:2] == [len(own), verified], number
