"""The report: sentences, numbers, charts, the page."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from clikorea import korea_like
from detente import InputError, Scenario, Shocks, load_world, solve
from detente.report import numbers
from detente.report.answer import answer
from detente.report.charts import charts
from detente.report.html import page
from detente.report.markdown import summary
from detente.report.sections import head, sections
from detente.report.view import View

SVG = "{http://www.w3.org/2000/svg}"


def view_of(measures: list[dict[str, Any]], country: str | None = None, **more: Any) -> View:
    scenario = Scenario.from_dict({"scenario": "a test <&>", "measures": measures, **more})
    return View.of(solve(korea_like(), scenario), country)


@pytest.fixture(scope="module")
def opened() -> View:
    lifted = ("unsc-dprk", "rok-may-24", "japan-dprk", "us-dprk", "eu-dprk")
    return view_of([{"unban": {"coverage": name}} for name in lifted])


# -- numbers -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1234, "+12.3 %"),
        (-0.00002, "−0.002 %"),
        (0.0, "0 %"),
        (1e-12, "0 %"),
        (3e-8, "≈ 0 %"),
        (0.0036, "+0.36 %"),
        (math.nan, "n/a"),
        (12.0, "+1,200 %"),
    ],
)
def test_percent(value: float, shown: str) -> None:
    assert numbers.percent(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2345.0, "USD 2.35 billion"),
        (999.6, "USD 1.00 billion"),
        (-12.34, "USD 12.3 million"),
        (0.25, "USD 0.25 million"),
        (1e-4, "USD 0"),
        (25e6, "USD 25.0 trillion"),
    ],
)
def test_usd_picks_its_unit(value: float, shown: str) -> None:
    assert numbers.usd(value) == shown


def test_digits_are_the_number_to_three_figures() -> None:
    for value in np.geomspace(1e-6, 1e9, 200):
        read = float(numbers.digits(value).replace(",", ""))
        assert read == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("name", "prose", "plural"),
    [
        ("Korea, Republic of", "the Republic of Korea", False),
        ("Democratic People's Republic of Korea", "the DPRK", False),
        ("China (with Hong Kong)", "China", False),
        ("European Union (27)", "the European Union", False),
        ("Rest of ASEAN", "the rest of ASEAN", False),
        ("Australia and New Zealand", "Australia and New Zealand", True),
        ("Switzerland, Norway, Iceland", "Switzerland, Norway and Iceland", True),
        ("Trinidad and Tobago", "Trinidad and Tobago", False),
        ("Rest of Eastern Europe and Central Asia", "the rest of Eastern Europe and Central "
         "Asia", False),
        ("Middle East and North Africa, with Türkiye", "the Middle East and North Africa",
         True),
    ],
)  # fmt: skip
def test_names_read_in_a_sentence(name: str, prose: str, plural: bool) -> None:
    assert numbers.in_prose(name) == prose
    assert numbers.is_plural(prose) is plural


# -- the answer --------------------------------------------------------------------------------
def test_answer_says_the_largest_gainer_loser_and_partner(opened: View) -> None:
    told = answer(opened)
    money = opened.welfare["equivalent_variation"].drop("PRK")
    assert len(told) == 5
    assert told[0].startswith("The DPRK gains: its welfare as consumed rises by ")
    assert f"{opened.prose(money.idxmax())} gains most" in told[1]
    if money.min() > -numbers.NO_MONEY:
        assert "none loses" in told[1]
    assert f"{opened.prose(opened.partners.index[0])} becomes its largest partner" in told[2]
    low = opened.sensitivity["welfare"].filter(like="ψ").min()
    assert numbers.percent(low) in told[4]
    assert told[3].startswith("That is the full potential.")
    for years in (5, 15):
        row = opened.sensitivity.loc[f"{years} years on"]
        assert f"{100 * row['realised']:.0f} % of it" in told[3]
        assert f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %" in told[3]
        assert numbers.percent(row["welfare"]) in told[3]


@pytest.mark.parametrize("country", korea_like().countries)
@pytest.mark.parametrize(
    "measures",
    [
        [{"unban": {"coverage": "unsc-dprk"}}],
        [{"tariff": {"importer": "CHN", "exporter": "USA", "rate": 0.6}}],
        [{"transfer": {"from": "JPN", "to": "PRK", "amount": "20 million USD"}}],
        [],
    ],
)
def test_grammar_holds_for_any_country(measures: list[dict[str, Any]], country: str) -> None:
    for sentence in answer(view_of(measures, country)):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "  " not in sentence
        assert not re.search(r"nan|None|e-\d|\bthe the\b|\.\.|,,|; ;|\( ", sentence)
        assert not re.search(r" and \S+ Africa gains|Africa loses", sentence)
        assert sentence.count("(") == sentence.count(")")


def test_nothing_changes_is_all_that_is_said() -> None:
    none = view_of([])
    assert none.no_effect
    assert answer(none) == [
        "Nothing changes: the welfare and the trade of every country stay as they are in the "
        "baseline.",
        "The scenario has no measures.",
    ]
    assert charts(none) == {}
    assert [s.key for s in sections(none)] == ["answer", "trust"]


def test_a_tiny_effect_is_called_small() -> None:
    told = answer(
        view_of([{"transfer": {"from": "EU27", "to": "CHN", "amount": "0.01 million USD"}}])
    )
    assert told[0].startswith(
        "The effects are small: no country's welfare changes by more than"
    )


def test_a_loser_in_focus_reads_as_one() -> None:
    view = view_of([{"trade_cost": {"exporter": "CHN", "importer": "PRK", "change": 0.5}}])
    told = answer(view)[0]
    assert view.country == "PRK"
    assert told.startswith("The DPRK loses: its welfare as consumed falls by ")


def test_shocks_by_hand_have_a_report_too() -> None:
    world = korea_like()
    view = View.of(solve(world, Shocks(tariff_new=world.tariff * 0.5, label="half tariffs")))
    assert answer(view)
    assert "half tariffs" in summary(view)


# -- charts and the page -----------------------------------------------------------------------
def test_charts_are_well_formed_and_texts_stay_inside(opened: View) -> None:
    found = charts(opened)
    assert set(found) == {"welfare", "partners", "shares", "decomposition"}
    for name, picture in found.items():
        root = ET.fromstring(picture)
        wide = float(root.attrib["width"])
        texts = root.findall(f".//{SVG}text")
        assert any("korea-like" in (t.text or "") for t in texts), name
        assert any("USD" in (t.text or "") or "percent" in (t.text or "") or "points" in
                   (t.text or "") for t in texts), name  # fmt: skip
        for text in texts:
            size = 0.5 * float(text.attrib["font-size"]) * len(text.text or "")
            left = (
                float(text.attrib["x"])
                - {"start": 0, "middle": size / 2, "end": size}[text.attrib["text-anchor"]]
            )
            assert left >= 0, (name, text.text)
            assert left + size <= wide, (name, text.text)
        for bar in root.findall(f".//{SVG}rect"):
            assert float(bar.attrib["width"]) >= 0


def test_bars_are_as_long_as_their_values(opened: View) -> None:
    root = ET.fromstring(charts(opened)["partners"])
    after = [
        float(r.attrib["width"])
        for r in root.findall(f".//{SVG}g/{SVG}rect")
        if r.attrib["fill"] == "#0072B2" and r.attrib["height"] == "12.0"
    ][1:]  # the first is the key
    values = opened.partners["total_new"].head(8).to_numpy()
    assert np.array(after) / after[0] == pytest.approx(values / values[0], abs=1e-3)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "line", "rect", "br"):
            self.open.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect"):
            assert self.open.pop() == tag


def test_page_loads_nothing_and_escapes_text(opened: View) -> None:
    text = page(opened, charts(opened))
    parser = _Tags()
    parser.feed(text)
    assert parser.open == []
    assert parser.links == []
    assert "<script" not in text
    assert "url(" not in text
    assert "a test &lt;&amp;&gt;" in text
    assert opened.provenance["world"]["hash"] in text
    assert "technology of the DPRK" in text
    assert "PROVISIONAL" in text


def test_rebase_tables_are_the_moves_of_the_baseline() -> None:
    world = korea_like()
    result = solve(world, Scenario.from_dict({"scenario": "x", "deficit_rule": "balanced"}))
    new, tables = world.rebase("balanced"), result.tables()
    assert result.rebased
    by_country = tables["rebase_by_country"].set_index("country")
    np.testing.assert_allclose(by_country["wage"], new.value_added / world.value_added - 1)
    np.testing.assert_allclose(by_country["deficit"], -world.deficit, atol=1e-9)
    by_sector = tables["rebase_by_sector"].set_index("sector")["expenditure"]
    moved = np.abs(new.expenditure - world.expenditure).sum(axis=1)
    np.testing.assert_allclose(by_sector, moved / world.expenditure.sum(axis=1))
    for text in (summary(View.of(result)), page(View.of(result), {})):
        assert "re-based to zero deficits: moves" in text


def test_a_prepared_world_is_not_called_rebased() -> None:
    """Other elasticities make another world; they move nothing in the baseline."""
    korea = load_world("korea")
    scenario = Scenario.from_dict({"scenario": "x", "trade_elasticity": 5})
    result = solve(korea, scenario)
    assert result.world is not korea
    assert not result.rebased
    assert "rebase_by_country" not in result.tables()


def test_elasticities_are_told_with_their_source() -> None:
    korea = load_world("korea")
    low, high = korea.trade_elasticity.min(), korea.trade_elasticity.max()

    def told(**assumed: Any) -> str:
        scenario = Scenario.from_dict({"scenario": "x", **assumed})
        return dict(head(View.of(solve(korea, scenario))))["θ"]

    assert told().startswith(f"trade elasticities {low:.3g}–{high:.3g} by sector (Caliendo &")
    assert told(trade_elasticity=5) == (
        "trade elasticities 5 in every sector, assumed by the scenario"
    )
    assert "1 of them assumed by the scenario (Caliendo" in told(trade_elasticity={"coal": 4})


def test_a_day_is_refused_with_shocks() -> None:
    world = korea_like()
    with pytest.raises(InputError, match="'at' is for scenarios with dates; these are Shocks"):
        solve(world, Shocks(), at="2020-01-01")


def test_tables_have_as_many_cells_as_headers(opened: View) -> None:
    for section in sections(opened):
        for table in section.tables:
            assert len(table.align) == len(table.headers)
            assert all(len(row) == len(table.headers) for row in table.rows)


def test_welfare_rows_sum_to_the_world(opened: View) -> None:
    table = next(s for s in sections(opened) if s.key == "welfare").tables[0]
    money = [float(row[-1].replace(",", "").replace("−", "-")) for row in table.rows]
    assert sum(money[:-1]) == pytest.approx(money[-1], abs=0.05 * len(money))


def test_a_variant_without_solution_is_named(opened: View) -> None:
    table = opened.tables["sensitivity"].copy()
    table.loc[table.index[-1], ["welfare", "own_earnings"]] = np.nan
    view = replace(opened, tables={**opened.tables, "sensitivity": table})
    assert "1 variant without a solution" in answer(view)[-1]
    rows = sections(view)[-1].tables[0].rows
    assert rows[-1][1] == "no solution"


def test_a_result_of_shocks_by_hand_is_saved_too(tmp_path) -> None:
    from detente import Shocks, load_world, solve

    result = solve(load_world("korea"), Shocks(deficit_rule="balanced_as_shock"))
    folder = result.save(tmp_path / "run")
    assert "<details>" not in (folder / "report.html").read_text(encoding="utf-8")
    assert (folder / "run.json").is_file()


def test_a_measure_with_an_openness_of_its_own_is_told_and_not_varied(tmp_path) -> None:
    """Where measures say what opens, a normal border would be the same row again."""
    from detente import load_scenario, load_world, solve
    from detente.outcomes.sensitivity import NORMAL_BORDER
    from detente.report.sections import head, trust
    from detente.report.view import View

    text = (
        "scenario: both\nworld: korea\nmeasures:\n"
        "  - unban: {coverage: unsc-dprk}\n"
        "  - open: {country: PRK, share: 100%%, openness: %s}\n"
    )
    world, views = load_world("korea"), []
    for openness in ("100%", "0%"):
        file = tmp_path / "mine.yaml"
        file.write_text(text % openness)
        views.append(View.of(solve(world, load_scenario(file)), "PRK"))
    for view in views:
        assert "what opens: as the measures say" in dict(head(view))["State"]
        assert NORMAL_BORDER not in view.sensitivity.index
    assert "read them as bounds" in " ".join(trust(views[0]).notes)
    assert views[0].welfare.loc["PRK", "welfare"] > views[1].welfare.loc["PRK", "welfare"]
