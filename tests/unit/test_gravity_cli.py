"""``detente gravity`` as a user meets it."""

import json

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.gravity import gravity
from gravity_world import flows_of

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")

app = typer.Typer(cls=Commands, rich_markup_mode=None)
app.command()(gravity)
app.command("other")(lambda: None)


def call(*arguments):
    return CliRunner().invoke(app, ["gravity", *map(str, arguments)])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "trade.csv"
    flows_of().to_csv(path, index=False)
    return path


def test_the_default_prints_a_table(file):
    done = call(file)
    assert done.exit_code == 0
    assert "ln_distance" in done.stdout and "FE exporter-year" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_help_has_an_example():
    assert "Example: detente gravity" in call("--help").stdout


def test_json_is_strict_and_complete(file):
    done = call(file, "--format", "json", "--holdout", 0.2, "--seed", 1)
    found = json.loads(done.stdout, parse_constant=pytest.fail)
    assert len(found["covariance"]) == len(found["terms"]) == len(found["coef"])
    assert found["content_hash"] and found["holdout"]["seed"] == 1
    assert found["holdout"]["prediction_error"][0]["sector"] == "all"


def test_csv_and_latex(file):
    table = call(file, "--format", "csv").stdout.splitlines()
    assert table[0].startswith("term,coefficient,std_error")
    assert r"\begin{tabular}" in call(file, "--format", "latex").stdout


def test_out_of_sample_is_printed_below(file):
    done = call(file, "--holdout", 0.2)
    assert "trading pairs hidden (seed 0)" in done.stdout
    assert "mean_share" in done.stdout


def test_a_folder_is_written_whole(file, tmp_path):
    out = tmp_path / "out"
    done = call(file, "--holdout", 0.2, "-o", out)
    assert done.exit_code == 0
    names = {p.name for p in out.iterdir()}
    assert {"table.txt", "table.tex", "coefficients.csv", "covariance.csv"} <= names
    assert {"estimate.json", "holdout.csv", "prediction_error.csv"} <= names
    assert pd.read_csv(out / "coefficients.csv")["term"].tolist()[0] == "ln_distance"
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    done = call(file, "-o", foreign)
    assert done.exit_code == 2 and (foreign / "notes.txt").read_text() == "mine"


def test_sectors_years_pairs_and_columns(tmp_path):
    path = tmp_path / "trade.csv"
    data = flows_of(n=12, sectors=("a", "b")).rename(
        columns={"trade": "usd", "sector": "branch"}
    )
    data.to_csv(path, index=False)
    done = call(
        path, "--column", "trade=usd", "--sector-column", "branch", "--year", 2001, "--year",
        2002, "--pair", "--format", "csv",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "sector", "a", "b", "pooled",
    ]  # fmt: skip


def test_positive_flows_only_can_be_filled_and_joined(tmp_path):
    data = flows_of(n=12, years=1)
    abroad = data[(data["exporter"] != data["importer"]) & (data["trade"] > 0)]
    path, pairs = tmp_path / "trade.csv", tmp_path / "pairs.csv"
    abroad[["exporter", "importer", "trade"]].to_csv(path, index=False)
    data[["exporter", "importer", "distance"]].to_csv(pairs, index=False)
    done = call(path, "--zeros", "--covariates", pairs, "--format", "json")
    assert json.loads(done.stdout)["n_obs"] == 12 * 11


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--formula", "trade ~ distanc"], "Did you mean 'distance'"),
        (["--year", "1950"], "no row for 1950"),
        (["--cluster", "pairs"], "Did you mean 'pair'"),
        (["--holdout", "2"], "lies between 0 and 1"),
        (["--column", "trade"], "should be ROLE=NAME"),
        (["--pair", "--formula", "trade ~ rta"], "--pair goes with the default formula"),
    ],
)
def test_wrong_input_is_one_line_and_status_two(file, arguments, message):
    done = call(file, *arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there(tmp_path):
    done = call(tmp_path / "none.csv")
    assert done.exit_code == 2 and "there is no file" in done.stderr
    broken = tmp_path / "trade.parquet"
    broken.write_bytes(b"not parquet at all")
    assert "no parquet file" in call(broken).stderr


def test_no_estimate_is_status_one(tmp_path):
    path = tmp_path / "trade.csv"
    flows_of().assign(trade=0.0).to_csv(path, index=False)
    done = call(path)
    assert done.exit_code == 1 and "no positive flow" in done.stderr
