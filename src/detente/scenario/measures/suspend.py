"""Suspending sanctions law: it snaps back."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from detente.scenario.measures.lift import Lift
from detente.scenario.quantities import refuse
from detente.scenario.registry import measure


@measure("suspend")
class Suspend(Lift):
    """A regime or some of its provisions, lifted until a day; the day after, it is back.

    As ``lift``, with an end. Snapback as in resolution 2231 (2015) on Iran: what was
    suspended holds again without a new decision.
    """

    @model_validator(mode="before")
    @classmethod
    def _with_an_end(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("until") is None:
            refuse("'suspend' needs 'until', its last day; without an end write 'lift'.")
        return given
