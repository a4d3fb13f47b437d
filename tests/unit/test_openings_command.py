"""``detente openings``: what it prints, draws, measures and refuses."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.openings import app as openings_app
from detente.cli.openingsdata import embedded, first_rows, observed, summary
from detente.openings.histories import for_curve
from detente.openings.record import load_record

app = typer.Typer(cls=Commands)
app.add_typer(openings_app, name="openings")

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DETENTE_SHARED_DATA", ROOT / ".." / "shared" / "data"))
YEARS = range(1986, 2004)
CODES = [f"A{chr(65 + k)}{chr(65 + k)}" for k in range(24)]
RECORD = """
events:
  - event: a-opens-1990
    what: A treaty.
    kind: peace treaty
    direction: opening
    date: 1990-06-01
    sides: [[AAA], [ABB, ACC, ADD, AEE, AFF, AGG]]
    group: a
    source: made up for a test
    verification: assumed
    covered_by: agtpa
  - event: a-closes-1995
    what: An embargo.
    kind: embargo
    direction: closing
    date: 1995
    sides: [[AHH], [AII]]
    group: h
    source: made up for a test
    verification: assumed
    covered_by: agtpa
picked:
  - {pair: [AAA, ABB], event: a-opens-1990}
  - {pair: [AHH, AII], event: a-closes-1995}
"""
#: what each opened pair reaches in the end; the last stays cold
LEVELS = {"ABB": 1.0, "ACC": 0.8, "ADD": 0.6, "AEE": 0.5, "AFF": 0.4, "AGG": 0.03}


def run(*words, status=0):
    got = CliRunner().invoke(app, ["openings", *map(str, words)])
    assert got.exit_code == status, got.output
    assert "Traceback" not in got.output
    return got


def share_of(code: str, year: int) -> float:
    """0.02 before, then halfway to the level every three years."""
    tau = year - 1990
    return 0.02 if tau < 0 else LEVELS[code] * (1 - (1 - 0.1) * 0.5 ** (tau / 3))


def made_up() -> pd.DataFrame:
    """Exact gravity with domestic sales, but for pairs whose share of it is known."""
    rng = np.random.default_rng(7)
    n = len(CODES)
    place, size = rng.uniform(0, 10_000, (n, 2)), np.exp(rng.normal(0, 0.7, (2, n)))
    distance = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1)) + 300.0
    border = np.where(np.eye(n, dtype=bool), 0.0, -2.0)
    flow = np.exp(-0.8 * np.log(distance) + border) * size[0][:, None] * size[1] * 1e7
    rows = []
    for year in YEARS:
        for i, a in enumerate(CODES):
            for j, b in enumerate(CODES):
                factor, pair = 1.0, {a, b}
                other = next(iter(pair - {"AAA"}), "")
                if "AAA" in pair and other in LEVELS:
                    factor = share_of(other, year)
                if pair == {"AHH", "AII"} and year >= 1995:
                    factor = 0.0
                value = flow[i, j] * factor * 1.03 ** (year - 1986)
                rows.append((a, b, year, value, distance[i, j]))
    return pd.DataFrame(rows, columns=["iso3_o", "iso3_d", "year", "trade", "dist"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A panel and a record of one's own."""
    path = tmp_path_factory.mktemp("own")
    made_up().to_csv(path / "panel.csv", index=False)
    (path / "own.yaml").write_text(RECORD, encoding="utf-8")
    return path


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- what is embedded --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--all",),
        ("--kind", "closing"),
        ("--not-picked", "--by-rule"),
        ("--pair", "CHN", "KOR"),
        ("--pair", "USA", "IRN"),
        ("--pair", "HUN", "KOR"),
        ("--events",),
        ("--events", "--pair", "ZAF", "USA"),
    ],
)
def test_everything_fits_80_columns(words):
    assert max(map(len, run(*words).stdout.splitlines())) <= 80


def test_openings_come_first_by_share_after_ten_years():
    rows = rows_of(run("--format", "csv").stdout)
    kinds = [r["direction"] for r in rows]
    assert kinds == sorted(kinds, key=lambda d: d == "closing") and set(kinds) == {
        "opening", "closing",
    }  # fmt: skip
    tens = [r["share_10"] for r in rows if r["direction"] == "opening"]
    seen = [float(t) for t in tens if t]
    assert seen == sorted(seen, reverse=True)
    assert not any(tens[len(seen) :]), "what is not seen comes last"


def test_the_briefs_pairs_are_there_and_marked():
    rows = {r["pair"]: r for r in rows_of(run("--picked", "--format", "csv").stdout)}
    wanted = "CHN–KOR KOR–POL HUN–KOR DEU–POL DEU–ROM BGR–DEU AUT–HUN IND–ZAF KEN–ZAF NGA–ZAF"
    wanted += " CHN–ZAF USA–ZAF ISR–JOR EGY–ISR IRN–USA MMR–USA"
    assert set(wanted.split()) <= set(rows)
    assert rows["EGY–ISR"]["left_truncated"] == "True" and not rows["EGY–ISR"]["share_1"]
    assert rows["CHN–KOR"]["right_truncated"] == "True" and not rows["CHN–KOR"]["share_15"]
    assert rows["HUN–KOR"]["reporting_start"] == "1991"
    assert all(r["picked"] == "True" for r in rows.values())


def test_picked_and_not_picked_split_the_whole():
    whole = {(r["pair"], r["event"]) for r in rows_of(run("--format", "csv").stdout)}
    parts = [
        {(r["pair"], r["event"]) for r in rows_of(run(w, "--format", "csv").stdout)}
        for w in ("--picked", "--not-picked")
    ]
    assert parts[0] | parts[1] == whole and not parts[0] & parts[1]


def test_a_share_is_actual_over_potential_and_both_ways_is_the_sum():
    rows = rows_of(run("--pair", "KOR", "CHN", "--format", "csv").stdout)
    assert [int(r["year"]) for r in rows] == list(range(1986, 2007))
    for row in rows:
        value = {k: float(v) for k, v in row.items() if v and k != "event"}
        for kind in ("actual", "potential"):
            both = value[f"{kind}_CHN_KOR"] + value[f"{kind}_KOR_CHN"]
            assert value[kind] == pytest.approx(both, rel=2e-3)
        assert value["share"] == pytest.approx(value["actual"] / value["potential"], rel=2e-3)
    assert [r["event"] for r in rows if r["event"]] == ["china-korea-1992"]


def test_either_order_and_small_letters_say_the_same():
    one, two = (run("--pair", *p).stdout for p in (("CHN", "KOR"), ("kor", "chn")))
    assert one == two and "1992*" in one


def test_json_has_provenance_and_no_nan():
    found = json.loads(run("--format", "json").stdout)
    assert found["measure"]["years"] == list(range(1986, 2007))
    assert len(found["measure"]["countries"]) == 69
    assert "tradepolicy" in found["measure"]["panel"]["source"]
    assert found["record"] == load_record().content_hash
    assert len(found["limits"]) == 4
    sets = {"ordinary", "ordinary-large", "placebo", "placebo-large"}
    assert {r["set"] for r in found["comparison"]} == sets
    pair = json.loads(run("--pair", "ISR", "JOR", "--format", "json").stdout)
    assert pair["events"][0]["date"] == "1994-10-26" and pair["events"][0]["source"]


def test_the_record_is_printed_whole():
    record = load_record()
    rows = rows_of(run("--events", "--format", "csv").stdout)
    assert [r["event"] for r in rows] == [e.name for e in record.events]
    assert all(r["source"] and r["verification"] for r in rows)
    told = run("--events").stdout
    assert all(e.name in told for e in record.events)


def test_a_long_table_is_cut_to_those_picked_and_the_largest():
    table = summary(embedded(load_record()).shares)
    shown = first_rows(table, 45)
    assert len(shown) == 45 < len(table)
    assert set(table[table["picked"]].index) <= set(shown.index)
    left = table.drop(shown.index)
    assert left["potential"].max() <= shown.loc[~shown["picked"], "potential"].min()
    assert "--all shows" in run().stdout and "--all shows" not in run("--all").stdout


def test_events_are_chosen_by_kind_and_pair():
    rows = rows_of(run("--events", "--kind", "closing", "--format", "csv").stdout)
    assert rows and {r["direction"] for r in rows} == {"closing"}
    own = rows_of(run("--events", "--pair", "south korea", "CHN", "--format", "csv").stdout)
    assert [r["event"] for r in own] == ["china-korea-1992"]
    told = run("--events").stdout
    assert told.index("Openings (") < told.index("Closings (")


def test_captions_follow_the_filters():
    assert "picked by hand, and the largest" in run().stdout
    told = run("--not-picked").stdout
    assert "those picked by hand, and" not in told and "by: found by the rule" in told
    assert "fitted to all openings" in told
    closings = run("--kind", "closing").stdout
    assert "Fitted" not in closings and "before" in closings and "--all" not in closings


def test_medians_are_those_of_the_table():
    """Observed rows against the embedded shares, one by one."""
    measured = embedded(load_record())
    table = observed(measured.shares, measured.record).set_index(["set", "tau"])
    rows = for_curve(measured.shares, measured.record)
    for name, own in (("all", rows), ("picked", rows[rows["picked"]])):
        at = own[own["tau"] == 10].dropna(subset=["share"])
        assert table.loc[(name, 10), "seen"] == len(at)
        below = (at["share"] < table.loc[(name, 10), "q50"]).mean()
        assert abs(below - 0.5) <= 0.5 / len(at) + 1e-9
    told = run().stdout
    assert "a new link of USD 1 billion (1990 dollars), median" in told
    assert "median, of" not in told


def test_an_event_before_the_panel_has_no_mark():
    told = run("--pair", "EGY", "ISR").stdout
    assert "*" not in told and "Event of 1979, before the panel" in told


# -- charts ------------------------------------------------------------------------------------
def test_charts_say_what_they_show(tmp_path):
    run("-o", tmp_path / "all", "--format", "csv")
    names = {p.name for p in (tmp_path / "all").iterdir()}
    assert {"openings.svg", "closings.svg", "openings.csv", "events.csv"} <= names
    facts = json.loads((tmp_path / "all" / "run.json").read_text(encoding="utf-8"))
    assert facts["run_again"] == "detente openings" and facts["version"]
    assert facts["record"] == load_record().content_hash
    assert facts["measure"]["panel"]["content_hash"]
    text = (tmp_path / "all" / "openings.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    for words in ("what gravity expects", "% of what gravity", "Source: detente", "1986–2006"):
        assert words in text
    labels = re.findall(r">(\w{3}–\w{3}) [\d.]+ %<", text)
    assert {"CHN–KOR", "EGY–ISR", "DEU–POL"} <= set(labels)
    assert len(labels) == len(set(labels))


def test_labels_in_the_chart_do_not_overlap(tmp_path):
    run("-o", tmp_path / "all", "--format", "csv")
    root = ElementTree.parse(tmp_path / "all" / "openings.svg").getroot()
    texts = [e for e in root.iter() if e.tag.endswith("text") and "–" in (e.text or "")]
    heights = sorted(float(e.attrib["y"]) for e in texts if float(e.attrib["x"]) > 580)
    assert len(heights) > 10 and min(np.diff(heights)) > 11


def test_a_pairs_chart_marks_the_event(tmp_path):
    run("--pair", "KOR", "CHN", "-o", tmp_path / "pair")
    text = (tmp_path / "pair" / "CHN-KOR.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert "1992: recognition" in text and "USD a year" in text and "Source: detente" in text


# -- what is refused ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--pair", "CHN", "KOP"), "Did you mean 'KOR'"),
        (("--pair", "CHN", "PRK"), "not among the 69 countries"),
        (("--pair", "CHN", "CHN"), "twice"),
        (("--pair", "FRA", "DEU"), "--panel FILE measures any pair"),
        (("--pair", "CHN", "KOR", "--kind", "closing"), "--pair shows one pair"),
        (("--pair", "CHN", "KOR", "--picked"), "--picked chooses among many"),
        (("--events", "--picked"), "takes no --picked"),
        (("--events", "--pair", "CHN", "XXX"), "no event of CHN–XXX"),
        (("--kind", "closing", "--by-rule"), "the written rule is for openings"),
        (("--kind", "open"), "Did you mean 'opening'"),
        (("--pair", "VNM", "USA"), "vietnam-usa-1994, vietnam-usa-1995"),
        (("--pair", "Chna", "KOR"), "Did you mean 'CHN'"),
        (("--zeros",), "--panel FILE names it"),
        (("--panel", "nowhere.csv"), "no file"),
        (("--record", "nowhere.yaml"), "nowhere.yaml"),
        (("fit", "--panel", "nowhere.csv"), "no file"),
    ],
)
def test_wrong_input_is_one_line_and_status_two(words, message):
    got = run(*words, status=2)
    assert got.stderr.startswith("error: ") and message in got.stderr


def test_a_known_country_that_the_panel_lacks_is_no_slip_of_the_pen():
    assert "Did you mean" not in run("--pair", "PRK", "KOR", status=2).stderr


def test_a_record_without_a_source_is_refused_with_its_line(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(RECORD.replace("    source: made up for a test\n", "", 1), "utf-8")
    got = run("--events", "--record", file, status=2)
    assert "own.yaml" in got.stderr and "source" in got.stderr


def test_a_record_of_ones_own_needs_a_panel(folder):
    got = run("--record", folder / "own.yaml", status=2)
    assert "--panel FILE" in got.stderr
    assert "a-opens-1990" in run("--record", folder / "own.yaml", "--events").stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[t["year"] == 1990], "one year, 1990"),
        (lambda t: t.drop(columns="year"), "year"),
        (lambda t: t[t["iso3_o"] != t["iso3_d"]], "no domestic sales"),
        (lambda t: t.drop(columns="dist"), "no distance"),
        (lambda t: t.rename(columns={"trade": "usd"}), "--column trade="),
        (
            lambda t: t[(t["iso3_o"] != "AKK") | (t["iso3_d"] != "AKK")],
            "same) of AKK in 1986–2003.",
        ),
        (
            lambda t: t.assign(
                trade=t["trade"].where(
                    (t["iso3_o"] != "AKK") | (t["iso3_d"] != "AKK") | (t["year"] != 1990)
                )
            ),
            "same) of AKK in 1990.",
        ),
        (lambda t: t[t["iso3_o"].isin(CODES[:2]) & t["iso3_d"].isin(CODES[:2])], "2 countries"),
        (
            lambda t: t.assign(trade=t["trade"].where(t["iso3_o"] == t["iso3_d"], 0.0)),
            "nothing crosses a border in 1986–2003",
        ),
        (lambda t: t.assign(dist=np.nan), "has a distance"),
    ],
)
def test_a_panel_that_cannot_be_used_says_why(tmp_path, change, message):
    change(made_up()).to_csv(tmp_path / "panel.csv", index=False)
    got = run("--panel", tmp_path / "panel.csv", status=2)
    assert message in got.stderr and "panel.csv" in got.stderr


def test_what_of_a_panel_is_not_used_is_told(tmp_path):
    from detente.cli.openingspanel import read

    table = made_up()
    ends = (table["iso3_o"] == "AKK") & (table["iso3_d"] == "ALL")
    table.loc[ends & (table["year"] == 1991), "trade"] = np.nan
    table.loc[ends & (table["year"] > 2001), "dist"] = np.nan
    table.to_csv(tmp_path / "panel.csv", index=False)
    one, two = read(tmp_path / "panel.csv").notes
    assert one.startswith("1 row without trade")
    assert two.startswith("2 rows without distance (the first: AKK to ALL, 2002)")


def test_an_unlisted_flow_has_its_distance_from_the_other_direction(tmp_path):
    from detente.cli.openingspanel import read

    table = made_up()
    ends = (table["iso3_o"] == "AKK") & (table["iso3_d"] == "ALL")
    table[~ends].to_csv(tmp_path / "panel.csv", index=False)
    filled = read(tmp_path / "panel.csv", zeros=True)
    own = filled.table[
        (filled.table["exporter"] == "AKK") & (filled.table["importer"] == "ALL")
    ]
    assert (own["trade"] == 0).all() and len(own) == len(YEARS)
    assert own["distance"].to_numpy(float) == pytest.approx(table.loc[ends, "dist"].to_numpy())
    assert not any("without distance" in note for note in filled.notes)


def test_an_event_that_does_not_count_says_why_and_its_pair_is_measured(tmp_path):
    table = made_up()
    table[table["year"].between(1987, 1992)].to_csv(tmp_path / "panel.csv", index=False)
    text = RECORD.split("  - event: a-closes", 1)[0].replace("[[AAA], [ABB,", "[[AKK], [ALL,")
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    own = ("--panel", tmp_path / "panel.csv", "--record", tmp_path / "own.yaml")
    got = run(*own, status=2)
    for words in (
        "a-opens-1990: not closed: share 1.0",
        "and 3 more",
        "'picked'",
        "--pair A B",
    ):
        assert words in got.stderr
    told = run(*own, "--pair", "AKK", "ALL").stdout
    assert "1990*" in told and "100" in told and max(map(len, told.splitlines())) <= 80


# -- a panel of one's own ----------------------------------------------------------------------
@pytest.fixture(scope="module")
def measured(folder):
    got = run(
        "--panel", folder / "panel.csv", "--record", folder / "own.yaml",
        "-o", folder / "out", "--format", "csv",
    )  # fmt: skip
    return rows_of(got.stdout)


def test_known_shares_are_recovered(measured):
    rows = {r["pair"]: r for r in measured}
    for code in LEVELS:
        row = rows[f"AAA–{code}"]
        for tau in (1, 5, 10):
            expected = share_of(code, 1990 + tau)
            assert float(row[f"share_{tau}"]) == pytest.approx(expected, rel=2e-3)
        assert not row["share_15"] and row["right_truncated"] == "True"
        assert row["by_rule"] == "True" and row["picked"] == str(code == "ABB")


def test_a_closing_goes_from_one_to_nothing(measured, folder):
    row = next(r for r in measured if r["pair"] == "AHH–AII")
    assert float(row["share_before"]) == pytest.approx(1.0, rel=2e-3)
    assert float(row["share_1"]) == 0.0 and row["direction"] == "closing"
    assert (folder / "out" / "closings.svg").is_file()


def test_any_pair_of_a_panel_is_measured_and_an_ordinary_one_gives_one(folder):
    got = run(
        "--panel", folder / "panel.csv", "--record", folder / "own.yaml",
        "--pair", "AKK", "ALL", "--format", "csv",
    )  # fmt: skip
    shares = [float(r["share"]) for r in rows_of(got.stdout)]
    assert len(shares) == len(YEARS)
    assert shares == pytest.approx([1.0] * len(YEARS), rel=2e-3)


# -- fitting again -----------------------------------------------------------------------------
class DeathError(Exception):
    """The fit stops."""


def fit_words(folder, *more):
    own = ["--panel", folder / "panel.csv", "--record", folder / "own.yaml"]
    return ["fit", *own, "--no-leave-one-out", *more]


def test_a_finished_measure_outlives_a_fit_that_dies(folder, tmp_path, monkeypatch):
    import detente.cli.openingsfit as command
    import detente.openings.fit as fitting
    from detente.openings.embedded import curve

    def die(*_, **__):
        raise DeathError

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "fit", die)
        got = CliRunner().invoke(
            app, ["openings", *map(str, fit_words(folder, "-o", tmp_path / "refit"))]
        )
    assert isinstance(got.exception, DeathError)
    kept = {p.name: p.read_bytes() for p in (tmp_path / "refit").iterdir()}
    assert {"shares.csv", "comparison.csv", "measure.json"} <= set(kept)

    asked = []
    monkeypatch.setattr(fitting, "fit", lambda rows, **_: asked.append(rows) or curve())
    with monkeypatch.context() as patch:
        patch.setattr(command, "measure", die)  # so it can only be taken up
        told = run(*fit_words(folder, "-o", tmp_path / "refit")).stdout
    assert "The measured shares were there" in told
    assert (tmp_path / "refit" / "shares.csv").read_bytes() == kept["shares.csv"]
    names = {p.name for p in (tmp_path / "refit").iterdir()}
    assert {"curve.csv", "curve.json", "fit.json"} <= names
    # with those picked by hand, and without
    assert [len(r[["a", "b"]].drop_duplicates()) for r in asked] == [6, 5]
    assert all((r["direction"] == "opening").all() for r in asked)


@pytest.fixture(scope="module")
def refit(folder):
    """A finished fit's folder, to be taken up."""
    import detente.openings.fit as fitting
    from detente.openings.embedded import curve

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "fit", lambda *_, **__: curve())
        run(*fit_words(folder, "-o", folder / "refit"))
    return folder / "refit"


def test_a_measure_of_another_record_is_not_taken_up(folder, refit, tmp_path, monkeypatch):
    import detente.cli.openingsfit as command
    import detente.openings.fit as fitting
    from detente.openings.embedded import curve

    monkeypatch.setattr(fitting, "fit", lambda *_, **__: curve())
    shutil.copytree(refit, tmp_path / "refit")
    other = tmp_path / "other.yaml"
    other.write_text(RECORD + "# one line more\n", encoding="utf-8")
    calls = []
    real = command.measure
    monkeypatch.setattr(command, "measure", lambda *a, **k: calls.append(a) or real(*a, **k))
    words = ["fit", "--panel", folder / "panel.csv", "--record", other]
    run(*words, "--no-leave-one-out", "-o", tmp_path / "refit")
    assert len(calls) == 1


def test_a_fit_prints_old_and_new_side_by_side(folder, refit, monkeypatch):
    import detente.openings.fit as fitting
    from detente.openings.embedded import curve

    monkeypatch.setattr(fitting, "fit", lambda *_, **__: curve())
    rows = rows_of(run(*fit_words(folder, "-o", refit, "--format", "csv")).stdout)
    assert [r["quantity"] for r in rows] == [
        "level", "half_life", "start", "cold", "share_1", "share_5", "share_10", "share_15",
    ]  # fmt: skip
    assert all(r["embedded"] == r["refit"] and r["embedded"] for r in rows)
    assert all(
        float(r["refit_low"]) <= float(r["refit"]) <= float(r["refit_high"]) for r in rows
    )
    told = run(*fit_words(folder, "-o", refit)).stdout
    assert "half-life, years" in told and max(map(len, told.splitlines())) <= 80
    found = json.loads(run(*fit_words(folder, "-o", refit, "--format", "json")).stdout)
    assert found["refit"]["without_picked"]["shares"][10]["tau"] == 10


def test_a_missing_package_is_named_with_the_way_to_get_it(folder, monkeypatch):
    import detente.cli.openingsfit as command

    monkeypatch.setattr(command, "find_spec", lambda name: None)
    got = run(*fit_words(folder), status=2)
    assert 'pip install "detente[estimate,openings]"' in got.stderr


def test_a_curve_is_told_as_its_draws_say():
    """With one draw and no spread the shares are the curve's formula, and odds the logit's."""
    from detente.cli.openingscurve import curve_document
    from detente.openings.curve import COLUMNS, Curve

    one = dict.fromkeys(COLUMNS, 0.0) | {
        "mu_warm": np.log(0.8), "mu_cold": np.log(0.8), "logit_cold": np.log(0.25),
        "mu_half": np.log(4.0), "mu_start": np.log(0.25), "noise": 1.0,
    }  # fmt: skip
    curve = Curve(pd.DataFrame([one] * 3), {"openings": 9, "groups": 2})
    told = curve_document(curve)
    assert told["level"]["median"] == pytest.approx(0.8)
    assert told["half_life"]["low"] == pytest.approx(4.0)
    assert [told[k]["median"] for k in ("start", "cold")] == pytest.approx([0.2, 0.2])
    at = {r["tau"]: r for r in told["shares"]}
    assert at[4]["q05"] == at[4]["q95"] == pytest.approx(0.8 * (1 - 0.8 / 2))
    # spread over causes pulls a chance towards a half
    wide = Curve(pd.DataFrame([one | {"cold_spread": 2.0}]), {"openings": 9, "groups": 2})
    assert 0.2 < curve_document(wide)["cold"]["median"] < 0.5


def test_the_embedded_shares_are_those_of_the_original_panel(tmp_path):
    """Measured again from the panel, to the four digits that are kept."""
    file = SHARED / "agtpa" / "agtpa_applications.csv.gz"
    if not file.is_file():
        pytest.skip("the shared data are not here: agtpa")
    from detente.cli.openingsmeasure import measure

    record = load_record()
    old, new = embedded(record), measure(file, record)
    assert new.facts["panel"]["content_hash"] == old.facts["panel"]["content_hash"]
    keys = ["a", "b", "event", "year"]
    both = old.shares.merge(new.shares, on=keys, how="outer", suffixes=("", "_new"))
    assert len(both) == len(old.shares) == len(new.shares)
    for name in ("actual", "potential", "share", "share_ab", "share_ba"):
        assert both[f"{name}_new"].to_numpy() == pytest.approx(
            both[name].to_numpy(), rel=2e-3, nan_ok=True
        )
