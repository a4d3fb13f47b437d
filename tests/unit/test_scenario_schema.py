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
from small_korea import PRK, small_korea

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
    return low <= value <= high and value > schema.get("exclusiveMinimum", value - 1)


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
    flagship = next(p for p in GALLERY if p.name == "korea-opens.yaml")
    world = small_korea()
    with pytest.raises(ScenarioError, match="unknown country 'USA'"):
        load_scenario(flagship).to_shocks(world)
    tables = {**world.coverage, "us-dprk": 0 * world.coverage["japan"]}
    names = ("PRK", "KOR", "CHN", "JPN", "USA")
    wider = {
        "countries": names,
        "country_names": names,
        "flows": grown(world.flows, 10.0),
        "tariff": grown(world.tariff, 0.0),
        "input_share": grown(world.input_share, 0.0, last=True),
        "value_added_share": grown(world.value_added_share, 1.0, last=True),
        "final_share": grown(world.final_share, 1 / 3, last=True),
        "value_added": grown(world.value_added, 100.0, last=True),
        "deficit": grown(world.deficit, 0.0, last=True),
        "dormant": {"provisional": grown(world.dormant["provisional"], 0.3)},
        "coverage": {k: grown(v, 0.0) for k, v in tables.items()},
    }
    wider["coverage"]["us-dprk"][:, PRK, 4] = 1.0
    wider["coverage"]["us-dprk"][:, 4, PRK] = 1.0
    big = world.with_(**wider)
    got = load_scenario(flagship).to_shocks(big)
    assert not any("stay banned" in r for n in got.notes["measures"] for r in n["remarks"])
    closed = max_of(big.coverage)
    assert ((got.link_open > 0) == (closed > 0)).all()
    assert (got.link_open >= closed).all()
    early = load_scenario(flagship).to_shocks(big, at="2020-03-01")
    assert early.link_open[0, PRK, 1] == 1.0
    assert not early.link_open[:, PRK, [3, 4]].any()


def grown(array, fill, last=False):
    """One more country at the end of each country axis."""
    pad = [(0, 1)] if last else [(0, 1), (0, 1)]
    return np.pad(array, [(0, 0)] * (array.ndim - len(pad)) + pad, constant_values=fill)


def max_of(tables):
    return np.max(list(tables.values()), axis=0)
