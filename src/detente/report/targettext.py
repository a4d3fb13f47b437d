"""What it would take, in words and in tables of 80 columns."""

from __future__ import annotations

import math

from detente._version import __version__
from detente.outcomes.target import Answer, Run, Target
from detente.report.numbers import digits, listed, percent, plural, sign, usd
from detente.report.parts import Section, Table

_HOW = {
    "rises": "rises through it",
    "falls": "falls through it",
    "touches": "touches it",
    "stays": "stays on it from there",
    "jumps": "jumps across it just before",
    "already": "meets it from the start",
    "starts": "meets it from the first point that has an equilibrium",
}
_MOVED = {
    "rose": "rose throughout",
    "fell": "fell throughout",
    "both": "rose and fell",
    "still": "did not move",
}
#: Unsolved points named.
_FEW = 4


def title(found: Target) -> str:
    """The question."""
    return f"What would it take: {found.goal.text.strip()}"


def sections(found: Target) -> list[Section]:
    """The goal, an overview of the levers, and each of them in words."""
    parts = [Section("goal", "The goal", (_goal(found),)), _overview(found)]
    parts += [_lever(found, run) for run in found.runs]
    return [*parts, Section("sure", "How sure", (_sure(found),))]


def amount(found: Target, value: float) -> str:
    """A value of the goal's quantity, in its unit."""
    if found.goal.is_flow:
        return f"{'−' if value < 0 else ''}{usd(value)}"
    if found.goal.quantity == "share":
        return f"{sign(value) if value < 0 else ''}{digits(100 * value)} %"
    return percent(value)


def _goal(found: Target) -> str:
    goal, today, wanted = found.goal, found.today, found.target
    name = _name(found)
    if goal.is_flow or goal.quantity == "share":
        text = f"Today {name} is {amount(found, today)}; the goal is {amount(found, wanted)}"
        text += f", {digits(wanted / today)} times as much." if today > 0 else "."
    else:
        text = f"The goal is a change of {name} of {amount(found, wanted)} from today."
    if found.scenario.measures:
        text += (
            f" With '{found.scenario.title}' and no lever it is {amount(found, found.without)}."
        )
    return text


def _name(found: Target) -> str:
    return f"{found.goal.quantity}({','.join(found.goal.countries)})"


def _overview(found: Target) -> Section:
    rows = []
    for run in found.runs:
        span = f"{run.low:.4g}..{run.high:.4g}"
        if not run.answers:
            x, value = run.scan.closest
            closest = f"{amount(found, value)} at {_place(run, x)}"
            rows.append((run.name, span, "none", _short(run), closest))
        for answer in run.answers[:3]:
            rows.append(
                (
                    run.name,
                    span,
                    f"{answer.at.x:.6g}",
                    "met" if run.verdict == "met" else run.verdict,
                    amount(found, answer.at.value),
                )
            )
    headers = ("Lever", "Range", "Answer", "", "Outcome, or closest")
    notes = [f"{run.name}: {run.meaning} ({run.about})." for run in found.runs]
    return Section(
        "levers", "Levers", (), (Table(headers, "llrll", tuple(rows)),), tuple(notes)
    )


def _moves_nothing(run: Run) -> bool:
    """Whether the outcome is the same at all points of the grid, two or more."""
    known = sum(map(math.isfinite, run.scan.value.tolist()))
    return known > 1 and run.scan.movement == "still"


def _short(run: Run) -> str:
    if run.proof is None and _moves_nothing(run):
        return "moves nothing"
    return {"bounded": "impossible", "monotone": "impossible"}.get(run.verdict, "not found")


def _lever(found: Target, run: Run) -> Section:
    texts = [_answer(found, run, answer) for answer in run.answers] or [_none(found, run)]
    if run.answers and len(run.answers) > 1:
        texts.insert(0, f"{plural(len(run.answers), 'crossing')}, least effort first.")
    return Section(f"lever-{run.name}", run.name, tuple(texts), (), tuple(_notes(found, run)))


def _place(run: Run, x: float) -> str:
    """A number of the lever; beside an end of the range it is not the end."""
    text = f"{x:.4g}"
    if x < run.high and text == f"{run.high:.4g}":
        return f"just below {text}"
    return f"just above {text}" if x > run.low and text == f"{run.low:.4g}" else text


def _answer(found: Target, run: Run, answer: Answer) -> str:
    text = (
        f"At {answer.at.x:.6g} ({answer.words}) {_name(found)} is "
        f"{amount(found, answer.at.value)} and {_HOW[answer.at.how]}."
    )
    welfare = [f"{c} {percent(v)}" for c, v in answer.then["welfare"].items()]
    text += f" Then welfare: {listed(welfare)}"
    ranks = [
        f"{other} is partner {rank} of {one}"
        for (one, rank), other in zip(
            answer.then["rank"].items(), found.goal.countries[::-1], strict=False
        )
        if rank is not None
    ]
    return f"{text}; {listed(ranks)}." if ranks else f"{text}."


def _none(found: Target, run: Run) -> str:
    x, value = run.scan.closest
    if run.proof is not None:
        return f"No value of the lever does it ({run.proof.kind}): {run.proof.why}"
    low, high = run.scan.reached
    if not math.isfinite(low):
        return "not found on this grid: none of its points has an equilibrium."
    if _moves_nothing(run):
        which = " that have an equilibrium" if run.scan.unsolved else ""
        return (
            f"The lever moves nothing: {_name(found)} is {amount(found, value)} at all of "
            f"{plural(len(run.scan.x), 'point')} from {run.low:.4g} to {run.high:.4g}{which}."
        )
    jumps = [c for c in run.scan.crossings if c.how == "jumps"]
    leap = f" It jumps across the goal at {jumps[0].x:.6g}." if jumps else ""
    return (
        f"not found on this grid ({plural(len(run.scan.x), 'point')} from {run.low:.4g} to "
        f"{run.high:.4g}): {_name(found)} was between {amount(found, low)} and "
        f"{amount(found, high)}, and {_MOVED[run.scan.movement]}. Closest: "
        f"{amount(found, value)} at {_place(run, x)}.{leap}"
    )


def _notes(found: Target, run: Run) -> list[str]:
    """Points without an equilibrium, and a lever that is felt at its zero."""
    notes, unsolved = [], run.scan.unsolved
    if unsolved:
        few = ", ".join(f"{x:.6g}" for x, _ in unsolved[:_FEW])
        more = f" and {len(unsolved) - _FEW} more" if len(unsolved) > _FEW else ""
        notes.append(f"Without an equilibrium: {few}{more}. {unsolved[0][1]}")
    first = float(run.scan.value[0])
    least = max(1e-6 * max(abs(first), abs(found.without)), run.scan.floor)
    if abs(first - found.without) > least:
        notes.append(
            f"At {run.low:.4g} the lever already makes it {amount(found, first)}; without it: "
            f"{amount(found, found.without)}."
        )
    return notes


def _sure(found: Target) -> str:
    return (
        "Every crossing that the grid shows is narrowed to rounding. 'Impossible' is said only "
        "with a proof; 'not found on this grid' claims nothing of what lies between its "
        f"points: --grid {4 * (found.grid - 1) + 1} looks closer. The figures rest on the "
        "model and on dormant shares; detente run on an answer's measures prints how far they "
        "move."
    )


def foot(found: Target) -> str:
    """World and version: what made it."""
    world, points = found.world, sum(run.scan.x.size for run in found.runs)
    return (
        f"world {world.name} {world.content_hash[:12]} · {plural(points, 'grid point')} · "
        f"detente {__version__}"
    )
