"""The parameter table and what scenarios assume are the same; `detente explain` shows it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from detente.cli.explain import explain
from detente.errors import InputError
from detente.parameters import (
    DISTRIBUTIONS,
    VERIFICATION,
    Parameter,
    parameter,
    parameter_table,
    parameters,
)
from detente.scenario import Assumptions, kinds

ENTRIES = list(parameters().values())
#: What a key that is left out means, where its default is None.
LEFT_OUT = {"openness": 0.0, "compliance": 1.0, "leakage": 0.0}
app = typer.Typer()
app.command()(explain)


def default_of(key: str) -> object:
    """A key's default in the scenario's models; ``kind.field`` is a measure's."""
    kind, _, field = key.rpartition(".")
    if kind == "openness_path":  # what its default, the base rate, stands for
        return float(f"{getattr(Assumptions().pace, field):.2g}")
    model = kinds()[kind] if kind else Assumptions
    return model.model_fields[field].default


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_defaults_are_what_scenarios_assume(entry: Parameter) -> None:
    assert entry.where
    for key in entry.where:
        default = default_of(key)
        if default == "central":  # by sector, as the embedded table has it
            default = None
        if default is None:
            default = LEFT_OUT.get(key.rpartition(".")[2])
        assert default == entry.default, key


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_ranges_hold_their_default_and_say_where_they_come_from(entry: Parameter) -> None:
    assert entry.low < entry.high
    if entry.default is not None:
        assert entry.low <= entry.default <= entry.high
    assert entry.distribution in DISTRIBUTIONS
    assert entry.distribution != "log-uniform" or entry.low > 0
    assert entry.verification in VERIFICATION
    assert entry.label and entry.unit and entry.source
    assert entry.verification == "verified" or entry.note or "none states" in entry.source


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_both_ends_of_a_range_are_valid_in_a_scenario(entry: Parameter) -> None:
    for key in entry.where:
        if "." in key or key == "trade_elasticity":
            continue
        for text in (entry.written["low"], entry.written["high"]):
            given = Assumptions.model_validate({key: text})
            assert getattr(given, key) == pytest.approx(
                float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
            )


def test_what_a_path_assumes_is_in_the_table() -> None:
    paths = {"opening_level", "opening_half", "opening_start"}
    paths |= {"adjustment_years", "discount_rate", "capital_share", "depreciation"}
    assert paths <= set(parameters())
    assert parameter("capital_share").default == 1 / 3


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'adjustment_years'"):
        parameter("adjustment_year")


def test_the_table_prints_in_80_columns() -> None:
    shown = CliRunner().invoke(app, [])
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    for name in parameters():
        assert name in shown.stdout


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_an_entry_tells_default_range_source_and_key(entry: Parameter) -> None:
    shown = CliRunner().invoke(app, [entry.name])
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    text = " ".join(shown.stdout.split())
    for part in (entry.label, entry.written["default"], entry.written["high"], entry.source):
        assert " ".join(part.split()) in text
    for key in entry.where:
        assert key.split(".")[-1] in text


def test_machines_read_it_too() -> None:
    table = parameter_table()
    rows = json.loads(CliRunner().invoke(app, ["--format", "json"]).stdout)
    assert [row["name"] for row in rows] == list(table["name"])
    one = json.loads(CliRunner().invoke(app, ["leakage", "--format", "json"]).stdout)
    assert one["where"] == "ban.leakage; impose.leakage"
    csv = CliRunner().invoke(app, ["--format", "csv"]).stdout
    assert csv.splitlines()[0].startswith("name,label,unit,default")
    assert np.isnan(table.set_index("name")["default"]["trade_elasticity"])
    assert pd.api.types.is_float_dtype(table["low"])
