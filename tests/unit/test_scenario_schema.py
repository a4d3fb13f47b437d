"""The JSON Schema says what the loader accepts; the gallery passes both."""

import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from detente.errors import ScenarioError
from detente.scenario import Scenario, json_schema, kinds, load_scenario, measure, parse_yaml
from detente.scenario.core import TOP_KEYS
from detente.scenario.measure import Measure
from detente.world import load_world

GALLERY = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
KINDS = {"ban", "open", "productivity", "tariff", "trade_cost", "transfer", "unban"}


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def accepts(schema, value, root):
    """The few words of JSON Schema that ours uses, for the tests only."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].split("/")[-1]]
    found = [
        "anyOf" not in schema or any(accepts(s, value, root) for s in schema["anyOf"]),
        "oneOf" not in schema or sum(accepts(s, value, root) for s in schema["oneOf"]) == 1,
        value in schema.get("enum", [value]),
        isinstance(value, TYPES.get(schema.get("type"), object)),
    ]
    if schema.get("type") == "number":
        found.append(accepts_number(schema, value))
    if isinstance(value, str):
        found.append(bool(re.search(schema.get("pattern", ""), value)))
    if isinstance(value, list):
        found += [accepts(schema.get("items", {}), v, root) for v in value]
    if isinstance(value, dict):
        found.append(accepts_object(schema, value, root))
    return all(found)


def accepts_number(schema, value):
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    above, under = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    strictly = (above is None or value > above) and (under is None or value < under)
    return low <= value <= high and strictly


def accepts_object(schema, value, root):
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    rules = {key: known.get(key, others) for key in value}
    return set(schema.get("required", ())) <= value.keys() and all(
        rule is not False and accepts(rule, value[key], root) for key, rule in rules.items()
    )


def test_the_registry_finds_every_kind():
    assert set(kinds()) >= KINDS


def test_every_measure_says_what_is_behind_it():
    for kind, model in kinds().items():
        assert len(model.__doc__) > 80, kind


def test_two_measures_of_one_name_are_refused():
    class Other(Measure):
        """Another."""

    with pytest.raises(ValueError, match="two measures are called 'tariff'"):
        measure("tariff")(Other)


def test_the_schema_has_every_key_and_kind():
    schema = json_schema()
    assert set(schema["properties"]) == set(TOP_KEYS)
    assert set(schema["$defs"]) == set(kinds())
    assert "from" in schema["$defs"]["transfer"]["properties"]
    assert "except" in schema["$defs"]["tariff"]["properties"]
    for definition in schema["$defs"].values():
        assert definition["additionalProperties"] is False


@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.name)
def test_the_gallery_loads_and_fits_the_schema(path):
    data, _ = parse_yaml(path.read_text(encoding="utf-8"), path.name)
    schema = json_schema()
    assert accepts(schema, data, schema)
    scenario = load_scenario(path)
    assert accepts(schema, scenario.to_dict(), schema)
    assert Scenario.from_dict(scenario.to_dict()).content_hash == scenario.content_hash


def test_the_schema_holds_under_jsonschema():
    validator = jsonschema.Draft202012Validator
    validator.check_schema(json_schema())
    for path in GALLERY:
        data, _ = parse_yaml(path.read_text(encoding="utf-8"))
        validator(json_schema()).validate(data)


@pytest.mark.parametrize(
    "wrong",
    [
        {"measures": []},
        {"scenario": "a", "wrld": "b"},
        {"scenario": "a", "deficit_rule": "none"},
        {"scenario": "a", "measures": [{"tarif": {}}]},
        {"scenario": "a", "measures": [{"tariff": {"importer": "A", "rate": 0.1}}]},
        {
            "scenario": "a",
            "measures": [{"tariff": {"importer": "A", "exporter": "B", "rate": 25}}],
        },
        {
            "scenario": "a",
            "measures": [{"transfer": {"from": "A", "to": "B", "amount": "5 USD"}}],
        },
        {"scenario": "a", "measures": [{"productivity": {"country": "A", "tfp": "10%"}}]},
    ],
)
def test_the_schema_and_the_loader_refuse_the_same(wrong):
    schema = json_schema()
    assert not accepts(schema, wrong, schema)
    with pytest.raises(
        ScenarioError, match=r"needs|unknown|without a %|not an amount|could be"
    ):
        Scenario.from_dict(wrong)


def test_the_flagship_lifts_every_regime():
    flagship = load_scenario(next(p for p in GALLERY if p.name == "korea-opens.yaml"))
    world = load_world("korea")
    recorded = set(world.meta["law"]["PRK"]["regimes"])
    assert {m.regime for m in flagship.measures} == recorded
    got = flagship.to_shocks(world)
    assert got.notes["closed"] == []
    assert got.caps == ()
    closed = max_of(world.coverage)
    assert ((got.link_open > 0) == (closed > 0)).all()
    early = flagship.to_shocks(world, at="2020-03-01")
    assert {name for row in early.notes["closed"] for name in row["regimes"]} == {
        "japan-dprk",
        "us-dprk",
        "eu-dprk",
    }


def grown(array, fill, last=False):
    """One more country at the end of each country axis."""
    pad = [(0, 1)] if last else [(0, 1), (0, 1)]
    return np.pad(array, [(0, 0)] * (array.ndim - len(pad)) + pad, constant_values=fill)


def max_of(tables):
    return np.max(list(tables.values()), axis=0)
