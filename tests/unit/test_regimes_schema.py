"""A regime's file: what the loader refuses and where; dates; selection; what the law closes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import yaml
from hypothesis import given, settings

from detente.errors import InputError
from detente.regimes import load_regime, regime_names
from detente.regimes.hs import expand, headings
from detente.regimes.law import TargetLaw
from detente.regimes.lawcaps import caps_of
from detente.regimes.mix import mix_for
from detente.regimes.schema import Regime
from detente.world import World, load_world
from hypothesis_profiles import examples

GOOD = """\
regime: my-law
title: A made-up regime
target: PRK
senders: [CHN, JPN]
hs_revision: HS17
sources:
  act: {title: An act, read: text}
provisions:
  - id: act-1
    instrument: Act
    paragraph: "1"
    adopted: 2017-08-05
    what: coal may not be bought
    effect: ban
    direction: export
    products:
      - {hs: ["2701", "03"], verification: verified}
    source: act
    verification: verified
  - id: act-2
    instrument: Act
    paragraph: "2"
    adopted: 2017-08-05
    in_force: 2017-10-01
    until: 2018-12-31
    replaced_by: order-1
    what: at most a quarter of the crude oil
    effect: cap
    direction: import
    products:
      - {hs: "2709", verification: unverified}
    cap: {quantity: 1000, unit: barrels, reference: 4000}
    source: act
    verification: verified
  - id: order-1
    instrument: Order
    paragraph: "-"
    adopted: 2019-01-01
    what: no work permits
    effect: labour
    source: act
    verification: unverified
"""


def load(tmp_path: Path, text: str = GOOD) -> Regime:
    path = tmp_path / "my-law.yaml"
    path.write_text(text, encoding="utf-8")
    return load_regime(path)


def refused(tmp_path: Path, old: str, new: str) -> InputError:
    assert GOOD.count(old) >= 1
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    return caught.value


def line_of(text: str, part: str) -> int:
    return next(j for j, row in enumerate(text.splitlines(), 1) if part in row)


# -- the loader ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "line", "what", "near"),
    [
        ('    paragraph: "1"', '    paragrph: "1"', "paragrph", "unknown key", "paragraph"),
        ("hs_revision:", "hs_revison:", "hs_revison", "unknown key", "hs_revision"),
        ("reference: 4000", "referenc: 4000", "referenc:", "unknown key", "reference"),
        ("read: text", "raed: text", "raed", "unknown key", "read"),
        ("title: A made-up regime\n", "", "regime: my-law", "'title' is missing", None),
        ("adopted: 2017-08-05", "adopted: 5 August 2017", "5 August", "2017-08-05", None),
        ("adopted: 2017-08-05", "adopted: 2017-02-29", "2017-02-29", "date", None),
        ("effect: ban", "effect: baan", "effect: baan", "'ban'", None),
        (
            "senders: [CHN, JPN]",
            "senders: [CHN, JPN]\nsenders: all",
            "senders: all",
            "twice",
            None,
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_nearest_thing(
    tmp_path: Path, old: str, new: str, line: str, what: str, near: str | None
) -> None:
    error = refused(tmp_path, old, new)
    assert what in str(error)
    assert error.nearest == near
    assert error.place is not None and str(error.place.file).endswith("my-law.yaml")
    assert error.place.line == line_of(GOOD.replace(old, new, 1), line)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("id: act-2", "id: act-1", "'act-1' stands twice"),
        ("    source: act\n", "    source: akt\n", "'akt', which is not there"),
        ("replaced_by: order-1", "replaced_by: order-2", "'order-2', not there"),
        (", reference: 4000", "", "a cap in barrels needs 'reference'"),
        ("    cap: {quantity: 1000, unit: barrels, reference: 4000}\n", "", "go together"),
        ("until: 2018-12-31", "until: 2017-09-30", "ends (2017-09-30) before it begins"),
        ("    direction: export\n", "", "needs direction and products"),
        ("direction: import", "direction: both", "not on both"),
        ("hs_revision: HS17", "hs_revision: HS16", "unknown HS revision 'HS16'"),
        ("quantity: 1000", "quantity: 0", "greater than 0"),
    ],
)  # fmt: skip
def test_what_does_not_hold_together_is_refused(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    assert what in str(refused(tmp_path, old, new))


@pytest.mark.parametrize(
    ("lines", "what", "near"),
    [
        # HS has had a heading for tobacco to be heated since 2022
        ('"2404"', "not in HS17; it is a line of HS22", None),
        ('"7700"', "no revision of HS has a line 7700", None),
        ('"270"', "a chapter has two digits", None),
        ("3", "kept by writing the code as text", "03"),
        ("63-50", "runs backwards", "50-63"),
        ('"27011200"', "has 8 digits", "270112"),
        ("coal", "is no HS line", None),
    ],
)
def test_a_line_that_the_revision_does_not_have(
    tmp_path: Path, lines: str, what: str, near: str | None
) -> None:
    error = refused(tmp_path, 'hs: ["2701", "03"]', f"hs: [{lines}]")
    assert what in error.what
    assert near is None or error.nearest == near
    assert error.place is not None and error.place.line == line_of(GOOD, "2701")


def test_spared_lines_are_checked_too(tmp_path: Path) -> None:
    error = refused(tmp_path, 'hs: "2709"', 'hs: "27", except: "2799"')
    assert error.place is not None and error.place.key == "provisions.products.except"


def test_one_provision_alone_is_told_its_own_mistake(tmp_path: Path) -> None:
    """Not that the list of provisions is short of the one that is wrong."""
    first = GOOD[: GOOD.index("  - id: act-2")]
    alone = first.replace("    what: coal may not be bought\n", "")
    with pytest.raises(InputError, match="'what' is missing"):
        load(tmp_path, alone)


def test_no_file_and_no_regime(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_regime("unsc-dkpr")
    assert caught.value.nearest == "unsc-dprk"
    load(tmp_path)
    with pytest.raises(InputError, match="no file") as caught:
        load_regime(tmp_path / "my-lwa.yaml")
    assert str(caught.value.nearest).endswith("my-law.yaml")


def test_a_path_counts_from_the_scenarios_folder(tmp_path: Path) -> None:
    load(tmp_path)
    assert load_regime("my-law.yaml", tmp_path).regime == "my-law"


# -- dates and selection -----------------------------------------------------------------
def test_days_in_force_have_both_ends(tmp_path: Path) -> None:
    ban, cap, labour = load(tmp_path).provisions
    assert not ban.holds_on(date(2017, 8, 4)) and ban.holds_on(date(2017, 8, 5))
    assert ban.holds_on(date(2100, 1, 1))
    # adopted in August, in force from October on, to the last day of 2018
    held = [cap.holds_on(date(*d)) for d in ((2017, 9, 30), (2017, 10, 1), (2018, 12, 31))]
    assert held == [False, True, True]
    assert not cap.holds_on(date(2019, 1, 1)) and labour.holds_on(date(2019, 1, 1))


def test_selection_by_paragraph_and_by_instrument(tmp_path: Path) -> None:
    regime = load(tmp_path)

    def ids(*names: str) -> list[str]:
        return [p.id for p in regime.select(names)]

    assert regime.instruments() == ("act", "order")
    assert ids("act") == ["act-1", "act-2"]
    assert ids("act-2") == ["act-2"]
    # in the order asked for, each once
    assert ids("order", "act-1", "act") == ["order-1", "act-1", "act-2"]
    with pytest.raises(InputError, match="no provision 'act-11'") as caught:
        regime.select(("act-11",))
    assert caught.value.nearest == "act-1"
    # a part of an instrument's name is no instrument
    with pytest.raises(InputError):
        load_regime("unsc-dprk").select(("237",))


def test_what_is_unverified(tmp_path: Path) -> None:
    ban, cap, labour = load(tmp_path).provisions
    # the paragraph was read; its line of goods was not
    assert (ban.unverified, cap.unverified, labour.unverified) == (False, True, True)


@pytest.mark.parametrize("name", regime_names())
def test_embedded_files_say_what_they_rest_on(name: str) -> None:
    regime = load_regime(name)
    assert regime.regime == name
    used = {p.source for p in regime.provisions}
    assert used <= set(regime.sources)
    for p in regime.provisions:
        # nothing is verified in a source of which nothing was read
        if p.verification == "verified":
            assert regime.sources[p.source].read != "none", p.id
        if p.replaced_by:
            (later,) = regime.select((p.replaced_by,))
            assert p.until is not None and later.first_day > p.first_day, p.id
    # the count of the loader is that of the text
    path = Path(load_regime.__code__.co_filename).parents[1] / "data" / "regimes"
    data = yaml.safe_load((path / f"{name}.yaml").read_text(encoding="utf-8"))
    marked = sum(
        "unverified" in (p["verification"], *(q["verification"] for q in p.get("products", [])))
        for p in data["provisions"]
    )
    assert sum(p.unverified for p in regime.provisions) == marked


# -- lines and ranges ------------------------------------------------------------------------
def test_textiles_are_fourteen_chapters() -> None:
    assert expand(("50-63",)) == tuple(str(c) for c in range(50, 64))
    # HS keeps chapter 77 empty
    assert expand(("72-83",)) == tuple(str(c) for c in range(72, 84) if c != 77)
    assert expand(("all",)) == ("",)
    assert expand(("27.01", "2701.12", "2701")) == ("2701", "270112")


@settings(max_examples=examples(40))
@given(st.data())
def test_a_range_of_headings_holds_what_lies_between(data: st.DataObject) -> None:
    known = sorted(headings("HS17"))
    first, last = sorted(data.draw(st.lists(st.sampled_from(known), min_size=2, max_size=2)))
    found = expand((f"{first}-{last}",))
    assert set(found) >= {h for h in known if first <= h <= last}
    assert all(first <= h <= last for h in found)


# -- the law engine --------------------------------------------------------------------------
@pytest.fixture(scope="module")
def world() -> World:
    return load_world("korea-before")


def made(name: str, hs: str, direction: str = "export", **more: Any) -> Regime:
    product = {"hs": hs.split(), "verification": "unverified"} | more.pop("product", {})
    provision = {
        "id": "a-1",
        "instrument": "A",
        "paragraph": "1",
        "adopted": "2015-01-01",
        "what": "a ban",
        "effect": "ban",
        "direction": direction,
        "products": [product],
        "source": "s",
        "verification": "unverified",
    }
    return Regime.model_validate(
        {
            "regime": name,
            "title": name,
            "target": "PRK",
            "senders": more.pop("senders", "all"),
            "hs_revision": "HS17",
            "sources": {"s": {"title": "s", "read": "none"}},
            "provisions": [provision | more],
        }
    )


def law(world: World, *regimes: Regime, day: date | None = date(2016, 7, 1)) -> TargetLaw:
    found = TargetLaw(world, "PRK", mix_for(world, "PRK"), day, lambda _: True)
    for regime in regimes:
        found.add(regime)
    return found


def everything(found: TargetLaw) -> Any:
    shape = (2, len(found.codes), found.world.n_countries)
    return np.ones(shape, dtype=bool)


ROW = np.ones(1, dtype=bool)


def test_all_goods_from_all_is_all_goods_and_no_service(world: World) -> None:
    before = law(world, made("whole", "all", "both")).effects(None).before
    prk = world.country_index("PRK")
    goods = sorted({g.sector for g in mix_for(world, "PRK").groups})
    others = [n for n in range(world.n_countries) if n != prk]
    assert np.allclose(before[np.ix_(goods, [prk], others)], 1.0, rtol=0, atol=1e-12)
    assert np.allclose(before[np.ix_(goods, others, [prk])], 1.0, rtol=0, atol=1e-12)
    assert world.sectors.index("business-services") not in goods
    before[np.ix_(goods, [prk], others)] = 0.0
    before[np.ix_(goods, others, [prk])] = 0.0
    assert not before.any()


def test_direction_and_senders_bind(world: World) -> None:
    before = law(world, made("coal", "2701", senders="CHN")).effects(None).before
    coal, prk = world.sector_index("coal"), world.country_index("PRK")
    chn = world.country_index("CHN")
    # 2701 and 2702 are all of coal; what was sold was anthracite (FACTS: 1.19 bn of 2.89)
    assert before[coal, prk, chn] > 0.99
    before[:, prk, chn] = 0.0
    assert not before.any()


def test_two_regimes_that_name_the_same_lines_ban_once(world: World) -> None:
    one, same = made("one", "50-63 03"), made("same", "03 50-63")
    alone, both = law(world, one), law(world, one, same)
    assert np.array_equal(alone.effects(None).before, both.effects(None).before)
    cells = everything(both)
    both.lift("one", ROW, cells)
    # the other still closes every line
    assert not both.effects(None).lifted.any()
    both.lift("same", ROW, cells)
    lifted = both.effects(None)
    assert np.allclose(lifted.lifted, alone.effects(None).before, rtol=0, atol=1e-15)
    assert not lifted.still.any()


def test_the_order_of_regimes_does_not_matter(world: World) -> None:
    a, b = made("a", "27 03 84"), made("b", "84-85 2701", senders=["CHN", "JPN"])
    first, second = law(world, a, b).effects(None), law(world, b, a).effects(None)
    assert np.array_equal(first.before, second.before)
    alone = [law(world, r).effects(None).before for r in (a, b)]
    # a union: no less than each, no more than their sum
    assert np.all(first.before >= np.maximum(*alone) - 1e-12)
    assert np.all(first.before <= alone[0] + alone[1] + 1e-12)


def test_what_was_lifted_comes_back_as_it_was(world: World) -> None:
    found = law(world, made("one", "50-63 03", "both"))
    start, cells = found.effects(None), everything(found)
    found.lift("one", ROW, cells)
    assert found.effects(None).lifted.any()
    found.restore("one", ROW, cells)
    again = found.effects(None)
    for key in ("before", "still", "lifted", "link"):
        assert np.array_equal(getattr(start, key), getattr(again, key)), key


def test_law_of_another_day_is_not_in_the_baseline(world: World) -> None:
    regime = made("one", "50-63")
    assert law(world, regime, day=date(2015, 1, 1)).effects(None).before.any()
    for day in (date(2014, 12, 31), None):
        assert not law(world, regime, day=day).effects(None).before.any()


def test_imposing_closes_what_it_covers_and_leaks_what_is_told(world: World) -> None:
    found = law(world, made("one", "all", senders="CHN"), day=None)
    cells, prk, chn = everything(found), world.country_index("PRK"), world.country_index("CHN")
    told = np.zeros(world.n_countries, dtype=bool)
    told[chn] = True
    q = np.full((len(found.codes), world.n_countries), 0.25)
    found.impose("one", ROW, cells, q, told)
    link = found.effects(None).link
    goods = sorted({g.sector for g in found.mix.groups})
    assert np.allclose(link[goods, prk, chn], 0.25)
    link[goods, prk, chn] = 1.0
    assert np.all(link == 1.0)


def test_effects_follow_every_change(world: World) -> None:
    """Asked twice with ψ, with a change between: the second answer is not the first."""
    a, b = made("a", "50-63"), made("b", "03")
    found, psi = law(world, a, b), np.full(world.flows.shape, 0.01)
    cells = everything(found)
    found.lift("a", ROW, cells)
    first = found.effects(psi).lifted.copy()
    found.lift("b", ROW, cells)
    second = found.effects(psi).lifted
    fish, prk = world.sector_index("fishing"), world.country_index("PRK")
    assert not first[fish, prk].any() and second[fish, prk].any()
    found.restore("a", ROW, cells)
    assert not found.effects(psi).lifted[world.sector_index("textiles"), prk].any()


@settings(max_examples=examples(15))
@given(share=st.floats(0.0, 1.0), chapters=st.sets(st.sampled_from(range(1, 97)), min_size=1))
def test_coverage_is_a_share_and_grows_with_the_part_covered(
    share: float, chapters: set[int]
) -> None:
    world = load_world("korea-before")
    lines = " ".join(f"{c:02d}" for c in sorted(chapters) if c != 77) or "01"
    whole = law(world, made("w", lines, "both")).effects(None).before
    part = law(world, made("p", lines, "both", product={"covered": share})).effects(None).before
    assert np.all((whole >= 0) & (whole <= 1))
    assert np.allclose(part, share * whole, atol=1e-12)


def test_a_cap_is_quantity_over_reference_of_its_lines(world: World) -> None:
    regime = made(
        "cap",
        "2709",
        "import",
        effect="cap",
        what="a cap",
        cap={"quantity": 1000, "unit": "barrels", "reference": 4000},
    )
    held = law(world, regime)
    oil, prk = world.sector_index("oil-gas"), world.country_index("PRK")
    covered = law(world, made("ban", "2709", "import")).effects(None).before[oil, :, prk]
    assert np.allclose(held.effects(None).before[oil, :, prk], 0.75 * covered)
    # imposed on a baseline without it: a quarter of the capped lines, all of the others
    fresh = law(world, regime, day=None)
    fresh.impose("cap", ROW, everything(fresh))
    (cap,) = caps_of(fresh)
    flows = world.flows[oil, :, prk].copy()
    flows[prk] = 0.0
    assert cap.quantity == pytest.approx(float((flows * (1.0 - 0.75 * covered)).sum()))
    assert (cap.owner, cap.sector, cap.importers) == ("importer", "oil-gas", ("PRK",))
