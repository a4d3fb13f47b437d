"""The embedded worlds: identities hold, and the totals of dprk_facts.csv come out exactly."""

import csv
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from detente.shocks import Shocks
from detente.world.catalogue import load_world
from detente.world.checks import check

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DETENTE_SHARED_DATA", ROOT / ".." / "shared" / "data"))
NAMES = ("korea", "korea-before", "korea-bok", "korea-before-bok")
YEAR = {"korea": 2018, "korea-bok": 2018, "korea-before": 2016, "korea-before-bok": 2016}
EXACT = 1e-9


def facts():
    text = files("detente.data").joinpath("dprk_facts.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {(r["name"], int(r["year"])): float(r["value"]) for r in rows}


FACTS = facts()


@pytest.fixture(scope="module")
def worlds():
    sized = {"korea": ("korea", "un"), "korea-before": ("korea-before", "un")}
    sized |= {f"{name}-bok": (name, "bok") for name in sized}
    return {name: load_world(*given) for name, given in sized.items()}


@pytest.fixture(params=NAMES)
def world(request, worlds):
    return worlds[request.param]


def trade(world):
    """Exports [s, n] and imports [s, i] of the DPRK, its own market left out."""
    prk = world.country_index("PRK")
    out, in_ = world.flows[:, prk].copy(), world.flows[:, :, prk].copy()
    out[:, prk] = in_[:, prk] = 0.0
    return out, in_


def partner(world, code):
    out, in_ = trade(world)
    j = world.country_index(code)
    return out[:, j].sum(), in_[:, j].sum()


def product(world, sector):
    out, in_ = trade(world)
    s = world.sector_index(sector)
    return out[s].sum(), in_[s].sum()


class TestIdentities:
    def test_every_check_passes(self, world):
        assert check(world).passed

    def test_every_cell_to_rounding(self, world):
        """Each identity relative to its own cell: the DPRK is 0.02 % of the world."""
        spent = np.einsum("ksi,si->ki", world.input_share, world.output)
        spent += world.final_share * world.income
        np.testing.assert_allclose(spent, world.expenditure, rtol=1e-10)
        cost = world.input_share.sum(axis=0) + world.value_added_share
        np.testing.assert_allclose(cost, 1.0, rtol=0, atol=1e-14)
        added = (world.value_added_share * world.output).sum(axis=0)
        np.testing.assert_allclose(added, world.value_added, rtol=1e-12)
        assert abs(world.deficit.sum()) < 1e-10 * world.value_added.sum()

    def test_final_demand_stays_above_the_floor(self, world):
        prk = world.country_index("PRK")
        floor = FACTS["floor/final-demand", 2018] / 100
        assert world.final_share[:, prk].min() >= floor * (1 - 1e-9)

    def test_no_shock_returns_the_baseline(self, world):
        from detente import solve

        welfare = solve(world, Shocks()).welfare["welfare"]
        np.testing.assert_allclose(welfare, 0.0, atol=1e-12)

    def test_what_is_made_is_sold_at_home_too(self, world):
        own = np.einsum("snn->sn", world.flows)
        assert (own[world.output > 0] > 0).all()


class TestTotals:
    def test_gdp(self, world):
        year, size = YEAR[world.name], world.meta["dprk_size"]
        added = world.value_added[world.country_index("PRK")]
        assert added == pytest.approx(FACTS[f"gdp/{size}", year], rel=EXACT)

    def test_value_added_by_block(self, world):
        """The Bank of Korea's shares (they add to 100 but for rounding of the source)."""
        blocks = {
            "agriculture": ("agriculture", "fishing"),
            "mining": ("coal", "oil-gas", "metal-ores", "other-mining"),
            "utilities": ("utilities",),
            "construction": ("construction",),
            "services": ("trade", "transport", "business-services", "other-services"),
        }
        prk, year = world.country_index("PRK"), YEAR[world.name]
        added = world.value_added_share[:, prk] * world.output[:, prk]
        whole = (*blocks, "manufacturing")
        total = sum(FACTS[f"va-share/{b}", year] for b in whole)
        for block, members in blocks.items():
            here = sum(added[world.sector_index(m)] for m in members)
            expected = FACTS[f"va-share/{block}", year] / total
            assert here / added.sum() == pytest.approx(expected, rel=1e-9)

    def test_kotra_and_inter_korean_totals(self, world):
        out, in_ = trade(world)
        year = YEAR[world.name]
        for flow, name in ((out, "exports"), (in_, "imports")):
            expected = FACTS[f"{name}/kotra", year] + FACTS[f"{name}/KOR", year]
            assert flow.sum() == pytest.approx(expected, rel=EXACT)

    def test_china_2016(self, worlds):
        sold, bought = partner(worlds["korea-before"], "CHN")
        assert sold == pytest.approx(2630, rel=EXACT)
        assert bought == pytest.approx(3420, rel=EXACT)

    def test_china_share_2018(self, worlds):
        world = worlds["korea"]
        out, in_ = trade(world)
        sold, bought = partner(world, "CHN")
        assert (sold + bought) / (out.sum() + in_.sum()) == pytest.approx(0.958, rel=EXACT)
        assert bought - sold == pytest.approx(2330, rel=EXACT)

    @pytest.mark.parametrize(("code", "year", "value"), [("RUS", 2018, 34), ("RUS", 2016, 76)])
    def test_russia(self, worlds, code, year, value):
        world = worlds["korea" if year == 2018 else "korea-before"]
        assert sum(partner(world, code)) == pytest.approx(value, rel=EXACT)

    def test_india_2016(self, worlds):
        assert sum(partner(worlds["korea-before"], "IND")) == pytest.approx(140, rel=EXACT)

    def test_inter_korean_trade(self, worlds):
        assert partner(worlds["korea-before"], "KOR") == pytest.approx((186, 147), rel=EXACT)
        assert partner(worlds["korea"], "KOR") == (0, 0)

    def test_nobody_who_bans_everything_trades(self, worlds):
        for world in worlds.values():
            for code in ("JPN", "USA"):
                assert partner(world, code) == (0, 0)

    @pytest.mark.parametrize(("sector", "line"), [("coal", "coal"), ("fishing", "seafood")])
    def test_products_of_2016_as_shares_of_partners_reports(self, worlds, sector, line):
        """1,190.7 and 196.8 of 2,890.3 million USD, applied to KOTRA's 2,820."""
        expected = FACTS[f"exports-by-line/{line}", 2016] / 2890.3 * 2820
        sold, _ = product(worlds["korea-before"], sector)
        assert sold == pytest.approx(expected, rel=2e-4)  # the printed figures are rounded

    def test_sourced_imports_of_2016(self, worlds):
        world = worlds["korea-before"]
        for sector, value in (("vehicles", 260.6), ("basic-metals", 115.8)):
            assert product(world, sector)[1] == pytest.approx(value, rel=EXACT)

    def test_fuels_of_2018(self, worlds):
        world = worlds["korea"]
        fuels = sum(product(world, s)[1] for s in ("oil-gas", "petroleum"))
        assert fuels == pytest.approx(360, rel=EXACT)

    def test_banned_lines_are_gone_in_2018(self, worlds):
        world = worlds["korea"]
        for sector in ("coal", "fishing", "machinery", "ships"):
            assert product(world, sector)[0] == 0.0
        for sector in ("machinery", "vehicles", "ships", "metal-products"):
            assert product(world, sector)[1] == pytest.approx(0.0, abs=1e-6)

    def test_no_services_trade(self, world):
        for sector in ("construction", "trade", "transport", "business-services"):
            assert product(world, sector) == (0, 0)


class TestSizes:
    @pytest.mark.parametrize("name", ["korea", "korea-before"])
    def test_openness_falls_as_gdp_grows(self, worlds, name):
        """The same trade over two estimates of GDP, 1.7 to 1.85 times apart."""
        year = YEAR[name]
        openness = []
        for world in (worlds[name], worlds[f"{name}-bok"]):
            prk = world.country_index("PRK")
            openness.append(sum(f.sum() for f in trade(world)) / world.value_added[prk])
        ratio = FACTS["gdp/bok", year] / FACTS["gdp/un", year]
        assert openness[0] / openness[1] == pytest.approx(ratio, rel=EXACT)
        assert 1.6 < ratio < 2.1

    def test_everyone_else_is_the_same(self, worlds):
        a, b = worlds["korea"], worlds["korea-bok"]
        np.testing.assert_allclose(a.flows[:, 1:, 1:], b.flows[:, 1:, 1:], rtol=1e-12)

    def test_partners_outputs_do_not_depend_on_the_dprk(self, worlds):
        a, b = worlds["korea"], worlds["korea-before"]
        np.testing.assert_allclose(a.output[:, 1:], b.output[:, 1:], rtol=1e-12)


class TestDormant:
    @pytest.fixture(params=["as_before", "normal"])
    def psi(self, world, request):
        return world.dormant[request.param]

    def test_only_goods_links_of_the_dprk(self, world, psi):
        prk = world.country_index("PRK")
        rest = np.delete(np.delete(psi, prk, axis=1), prk, axis=2)
        assert not rest.any()
        assert not psi[:, prk, prk].any()
        for sector in ("utilities", "construction", "trade", "transport", "other-services"):
            assert not psi[world.sector_index(sector)].any()

    def test_relief_leaves_links_that_trade_unbanned_as_they_are(self, world):
        psi, prk = world.dormant["as_before"], world.country_index("PRK")
        silent = set(world.meta.get("coverage_not_in_force", ()))
        tables = [t for name, t in world.coverage.items() if name not in silent]
        free = (world.flows > 0) & ~(np.maximum.reduce(tables) > 0)
        free &= psi > 0
        assert free.any()
        assert not free[:, prk, prk].any()
        np.testing.assert_allclose(psi[free], world.trade_share[free], rtol=1e-12)

    def test_odds_give_back_the_share_when_opened(self, worlds):
        """ψ/(ψ + 1 − π) of the DPRK's coal in China is its share of 2016."""
        world, before = worlds["korea"], worlds["korea-before"]
        s, prk = world.sector_index("coal"), world.country_index("PRK")
        chn = world.country_index("CHN")
        psi, share = world.dormant["as_before"][s, prk, chn], world.trade_share[s, prk, chn]
        opened = psi / (psi + 1.0 - share)
        assert opened == pytest.approx(before.trade_share[s, prk, chn], rel=1e-3)

    def test_potential_sales_never_exceed_output(self, world, psi):
        prk = world.country_index("PRK")
        psi = np.delete(psi[:, prk], prk, axis=1)
        now = np.delete(world.trade_share[:, prk], prk, axis=1)
        share = np.where(psi > 0, psi / (psi + 1.0 - now), now)
        spent = np.delete(world.expenditure, prk, axis=1)
        worth = share * spent / (1.0 + np.delete(world.tariff[:, prk], prk, axis=1))
        assert (worth.sum(axis=1) <= world.output[:, prk] * (1 + 1e-9)).all()

    def test_purchases_opened_together_leave_something_to_others(self, world, psi):
        prk = world.country_index("PRK")
        weight = np.maximum(world.trade_share, psi)[:, :, prk]
        sold = weight[:, prk] / weight.sum(axis=1)
        assert (sold[world.output[:, prk] > 0] > 0).all()
        assert np.isfinite(psi).all() and (psi >= 0).all()

    def test_a_dormant_link_never_changes_the_baseline(self, world, psi):
        bare = world.with_(dormant={})
        for key in ("flows", "deficit", "value_added", "input_share", "final_share"):
            assert np.array_equal(getattr(world, key), getattr(bare, key))
        from detente import solve

        closed = solve(world, Shocks(dormant_share=psi, link_open=np.zeros(psi.shape)))
        np.testing.assert_allclose(closed.welfare["welfare"], 0.0, atol=1e-12)

    def test_every_link_has_one_kind(self, world):
        seen = set()
        for row in world.meta["link_kind"]:
            assert row["kind"] in ("observed", "before", "never")
            for sector in row["sectors"]:
                cell = (sector, row["exporter"], row["importer"])
                assert cell not in seen
                seen.add(cell)


class TestCoverage:
    @pytest.fixture(params=["korea", "korea-bok"])
    def closed(self, worlds, request):
        return worlds[request.param]

    def test_textiles_coal_and_fish_are_banned_whole(self, closed):
        world = closed
        unsc, prk = world.coverage["unsc-dprk"], world.country_index("PRK")
        chn = world.country_index("CHN")
        for sector in ("coal", "fishing"):
            assert unsc[world.sector_index(sector), prk, chn] == 1.0
        assert unsc[world.sector_index("textiles"), prk, chn] > 0.95

    def test_vehicles_and_machinery_may_not_be_sold_to_the_dprk(self, closed):
        world = closed
        unsc, prk = world.coverage["unsc-dprk"], world.country_index("PRK")
        for sector in ("machinery", "vehicles"):
            row = np.delete(unsc[world.sector_index(sector), :, prk], prk)
            np.testing.assert_allclose(row, 1.0)

    @pytest.mark.parametrize(
        ("regime", "code"), [("rok-may-24", "KOR"), ("japan-dprk", "JPN"), ("us-dprk", "USA")]
    )
    def test_a_government_bans_its_own_trade_alone(self, world, regime, code):
        table = world.coverage[regime]
        prk, here = world.country_index("PRK"), world.country_index(code)
        pairs = {tuple(map(int, p)) for p in np.argwhere(table.any(axis=0))}
        assert pairs == {(prk, here), (here, prk)}

    def test_the_bans_of_2017_are_not_in_force_in_2016(self, worlds):
        before, after = worlds["korea-before"], worlds["korea"]
        assert before.meta["law"]["PRK"]["day"] == "2016-07-01"
        assert after.meta["law"]["PRK"]["day"] == "2018-07-01"
        prk, chn = before.country_index("PRK"), before.country_index("CHN")
        mass = {}
        for key, world in (("before", before), ("after", after)):
            table = world.coverage["unsc-dprk"][:, prk, chn]
            mass[key] = float((table * before.flows[:, prk, chn]).sum())
        # gold, titanium, vanadium and rare earths, arms: nearly nothing of what China bought
        assert mass["before"] < 0.02 * before.flows[:, prk, chn].sum()
        assert mass["after"] > 0.9 * before.flows[:, prk, chn].sum()


class TestRecord:
    def test_every_fact_has_its_source_licence_and_status(self):
        text = files("detente.data").joinpath("dprk_facts.csv").read_text(encoding="utf-8")
        for row in csv.DictReader(text.splitlines()):
            assert row["source"] and row["licence"] and row["unit"], row["name"]
            assert row["status"] in ("observed", "derived", "assumed"), row["name"]

    def test_every_block_is_flagged(self, world):
        for block in world.meta["blocks"]:
            assert block["flag"] in ("observed", "derived", "assumed")
            assert block["source"] and block["year"] and block["licence"]

    def test_vintage_size_and_donor_are_stated(self, world):
        assert str(YEAR[world.name]) in world.meta["vintage"]
        record = world.meta["dormant"]["PRK"]
        assert record["history"]["reference"] == "CHN"
        assert record["estimates_hash"] and record["geography_hash"]
        assert world.meta["split"]["PRK"]["donor"]

    def test_the_script_makes_the_shipped_worlds(self, worlds, monkeypatch, tmp_path):
        """To rounding: the last digits of a table hang on the machine's linear algebra."""
        if not (SHARED / "icio2022").exists():
            pytest.skip("the shared data are not here: icio2022")
        monkeypatch.syspath_prepend(str(ROOT))
        from tools.build_worlds.build import build, read_sources

        sources = read_sources(SHARED, tmp_path)
        for name, shipped in worlds.items():
            built = build(sources, name)
            for key, array in built.arrays().items():
                np.testing.assert_allclose(
                    array, shipped.arrays()[key], rtol=1e-9, atol=1e-9, err_msg=f"{name} {key}"
                )
