"""Scenarios: YAML files of dated measures, and the shocks that they come to."""

from detente.scenario.assumptions import Assumptions
from detente.scenario.core import Scenario
from detente.scenario.loader import load_scenario, parse_yaml
from detente.scenario.measure import LinkMeasure, Measure
from detente.scenario.registry import kinds, measure
from detente.scenario.schema import json_schema

__all__ = [
    "Assumptions",
    "LinkMeasure",
    "Measure",
    "Scenario",
    "json_schema",
    "kinds",
    "load_scenario",
    "measure",
    "parse_yaml",
]
