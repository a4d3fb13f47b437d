"""Quantities with units: read as written, written as read, refused without a unit."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from detente.corridors.pipelineunits import figure
from detente.scenario import units
from hypothesis_profiles import examples

READ = {
    name: TypeAdapter(getattr(units, name))
    for name in (
        "Capacity",
        "ContractPrice",
        "Days",
        "EnergyPrice",
        "Kilometres",
        "Part",
        "TransitFee",
        "Usd",
        "Years",
    )
}


def mistake(kind: str, value: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as error:
        READ[kind].validate_python(value)
    return error.value.errors()[-1]["ctx"]


@pytest.mark.parametrize(
    ("kind", "text", "carrier", "value"),
    [
        ("Capacity", "10 bcm/year", "gas", 10.0),
        ("Capacity", "7.5 Mt/year", "gas", 10.35),
        ("Capacity", ".5 TWh/year", "power", 0.5),
        ("Capacity", "2 GW", "power", 17.52),
        ("EnergyPrice", "382 USD/1000m3", "gas", 382.0),
        ("EnergyPrice", "382 USD/1000 m³", "gas", 382.0),
        ("EnergyPrice", "10 USD/mmbtu", "gas", 357.0),
        ("EnergyPrice", "60 USD/MWh", "power", 60.0),
    ],
)
def test_a_quantity_is_its_number_in_one_unit(
    kind: str, text: str, carrier: str, value: float
) -> None:
    found = READ[kind].validate_python(text)
    assert found.carrier == carrier
    amount = found.a_year if kind == "Capacity" else found.value
    assert amount == pytest.approx(value)


def test_a_fee_by_distance_and_one_ad_valorem_are_their_formulas() -> None:
    """2 USD per 1000 m³ and 100 km on 10.35 bcm over 700 km is 144.9 million USD."""
    by_distance = READ["TransitFee"].validate_python("2 USD/1000m3/100km")
    assert by_distance.income(7.5 * units.BCM_PER_MT, 700.0, 999.0) == pytest.approx(144.9)
    ad_valorem = READ["TransitFee"].validate_python("5%")
    assert ad_valorem.income(10.0, 700.0, 300.0) == pytest.approx(150.0)
    assert ad_valorem.carrier is None


@pytest.mark.parametrize(
    ("kind", "value", "nearest"),
    [
        ("Capacity", 10, "10 bcm/year"),
        ("Capacity", "10", "10 bcm/year"),
        ("Capacity", "10 bcm", "10 bcm/year"),
        ("Capacity", "10 BCM/year", "10 bcm/year"),
        ("EnergyPrice", 10.7, "10.7 USD/mmbtu"),
        ("EnergyPrice", "10.7 USD", "10.7 USD/mmbtu"),
        ("TransitFee", 2, "2 USD/1000m3/100km"),
        ("TransitFee", "2 USD/1000m3", "2 USD/1000m3/100km"),
        ("Kilometres", 700, "700 km"),
        ("Kilometres", "700 miles", "700 km"),
        ("Days", 30, "30 days"),
        ("Years", "30 months", "30 years"),
    ],
)
def test_a_missing_or_wrong_unit_is_refused_with_what_was_meant(
    kind: str, value: Any, nearest: str
) -> None:
    assert mistake(kind, value)["nearest"] == nearest


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("Capacity", "-10 bcm/year", "below zero"),
        ("Capacity", -10, "above zero"),
        ("Capacity", "0 bcm/year", "above zero"),
        ("Capacity", 0, "without capacity"),
        ("EnergyPrice", "-1 USD/mmbtu", "below zero"),
        ("EnergyPrice", "0.0 USD/mmbtu", "above zero"),
        ("TransitFee", "-2 USD/1000m3/100km", "below zero"),
        ("TransitFee", "100%", "leaves nothing"),
        ("Kilometres", "-700 km", "below zero"),
        ("Days", "400 days", "more than a year"),
        ("Days", "-1 days", "below zero"),
        ("Part", "120%", "outside"),
        ("Part", "-5%", "no share"),
        ("Part", 1.5, "without a % sign"),
        ("Capacity", "ten bcm/year", "is not a capacity"),
        ("Capacity", True, "is not a capacity"),
        ("Capacity", None, "is not a capacity"),
    ],
)
def test_what_no_link_can_have_is_refused(kind: str, value: Any, why: str) -> None:
    assert why in mistake(kind, value)["what"]


numbers = st.decimals(0, 5000, places=3).map(lambda d: f"{d.normalize():f}")
texts = st.one_of(
    st.builds(
        lambda sign, number, unit: f"{sign}{number}{unit}",
        st.sampled_from(["", "", "+", "-"]),
        numbers,
        st.sampled_from(
            [
                "",
                " ",
                "%",
                " %",
                " km",
                " day",
                " days",
                " years",
                " bcm/year",
                " Mt/year",
                " GW",
                " USD/mmbtu",
                " USD/1000m3",
                " USD/1000 m3",
                " USD/MWh",
                " USD/MWh/100km",
                " USD/1000m3/100 km",
                " million USD",
                " billion USD",
                " USD",
            ]
        ),
    ),
    numbers,
)


@settings(max_examples=examples(300))
@given(kind=st.sampled_from(sorted(READ)), text=texts)
def test_the_schema_passes_what_is_read_and_it_goes_back_as_it_was(
    kind: str, text: str
) -> None:
    adapter = READ[kind]
    # bounds across a unit (365 days, 100 %) are not in a pattern
    passes = jsonschema.Draft202012Validator(adapter.json_schema()).is_valid(text)
    try:
        found = adapter.validate_python(text)
    except ValidationError as error:
        what = error.errors()[-1]["ctx"]["what"]
        assert not passes or re.search(r"more than a year|outside|leaves nothing", what), text
        return
    assert passes, text
    written = adapter.dump_python(found, mode="json")
    assert adapter.validate_python(written) == found


@pytest.mark.parametrize("value", [30, 30.0, "30", "30 years", " 30 years "])
def test_years_are_years_without_their_unit(value: Any) -> None:
    """Nothing else can be meant; it goes back to a file with its unit."""
    found = READ["Years"].validate_python(value)
    assert found == 30.0
    assert READ["Years"].dump_python(found, mode="json") == "30 years"
    schema = jsonschema.Draft202012Validator(READ["Years"].json_schema())
    assert schema.is_valid(value)
    for wrong in (0, -3, "0", True):
        assert not schema.is_valid(wrong)
        assert "above zero" in mistake("Years", wrong)["what"] or wrong is True


def test_one_of_something_is_singular() -> None:
    for kind, text in (("Years", "1 year"), ("Days", "1 day"), ("Kilometres", "1 km")):
        found = READ[kind].validate_python(text)
        assert READ[kind].dump_python(found, mode="json") == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3.8199e6, "3,819,900"),
        (38214.4, "38,214"),
        (144.9, "144.9"),
        (300.0, "300"),
        (999.96, "1,000"),
        (-0.454, "−0.454"),
        (-12345.0, "−12,345"),
        (1e-5, "0.00001"),
        (0.0, "0"),
        (-0.0, "0"),
        (float("inf"), "n/a"),
    ],
)
def test_numbers_for_people_have_no_exponent_and_one_minus(number: float, text: str) -> None:
    assert figure(number) == text


def test_every_type_has_examples_that_it_reads() -> None:
    for name, adapter in READ.items():
        shown = adapter.json_schema()["examples"]
        assert shown
        for example in shown:
            adapter.validate_python(example)
            assert jsonschema.Draft202012Validator(adapter.json_schema()).is_valid(example), (
                name
            )
