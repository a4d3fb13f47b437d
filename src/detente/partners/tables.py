"""A race as tables and as a document, for files and machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from detente.partners.race import Race
from detente.report.documents import document


def tables(race: Race) -> dict[str, pd.DataFrame]:
    """Every table of a race by name.

    Returns
    -------
    dict of str to DataFrame
        ``partners``; ``ranks`` (state, partner, rank, probability, and
        ``probability_pair_error`` where each pair's own error is drawn too: the same numbers
        with the base rate, whose levels hold it); ``links``, every link with its kind and what
        each anchor says of it; and, with a history, ``borders``, the anchors' ratio by sector.
    """
    parts = []
    for state in race.ranked if race.settings.draws else ():
        plain, noisy = (
            race.rank_probability(state, pair_error=own).stack() for own in (False, True)
        )
        frame = pd.DataFrame({"probability": plain, "probability_pair_error": noisy})
        parts.append(frame.reset_index().assign(state=state))
    columns = ["state", "partner", "rank", "probability", "probability_pair_error"]
    ranks = pd.concat(parts)[columns] if parts else pd.DataFrame(columns=pd.Index(columns))
    found = {
        "partners": race.table.reset_index(),
        "ranks": ranks.reset_index(drop=True),
        "links": race.shares.links(),
    }
    if race.shares.history is not None:
        found["borders"] = race.shares.border_ratio().reset_index()
    return found


def as_document(race: Race, top: Sequence[str] = ()) -> dict[str, Any]:
    """Everything about a race, JSON-able.

    Parameters
    ----------
    race : Race
    top : sequence of str
        Partners whose chance of being the largest is asked for.

    Returns
    -------
    dict
        Provenance, ``tables``, ``rank_probability[state][partner]`` (a list from rank 1 on)
        and the same with each pair's own error, and ``top``.
    """
    found = document(race.provenance(), tables(race))
    states = race.ranked if race.settings.draws else ()
    for key, own in (("rank_probability", False), ("rank_probability_pair_error", True)):
        found[key] = {
            state: {
                str(code): [float(p) for p in row]
                for code, row in race.rank_probability(state, pair_error=own).iterrows()
            }
            for state in states
        }
    if top:
        found["top"] = {
            "partners": list(top),
            **{
                state: {
                    "probability": race.probability_of_top(top, state),
                    "probability_pair_error": race.probability_of_top(
                        top, state, pair_error=True
                    ),
                }
                for state in states
            },
        }
    return found
