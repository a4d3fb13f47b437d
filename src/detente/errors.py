"""Errors for people: what is wrong, where, why, and the nearest valid thing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """A place in a user's file."""

    file: str | None = None
    line: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        parts = [self.file] if self.file else []
        if self.line is not None:
            parts.append(f"line {self.line}")
        if self.key:
            parts.append(f"key '{self.key}'")
        return ", ".join(parts)


class DetenteError(Exception):
    """Base of every error that detente raises on purpose."""

    exit_status = 1


class InputError(DetenteError):
    """Something that the user gave is wrong.

    Parameters
    ----------
    what : str
        What is wrong and why, in one or two sentences.
    place : Place, optional
        File, line and key.
    nearest : str, optional
        The nearest valid value.
    """

    exit_status = 2

    def __init__(
        self, what: str, place: Place | None = None, nearest: str | None = None
    ) -> None:
        self.what, self.place, self.nearest = what, place, nearest
        where = f"{place}: " if place and str(place) else ""
        hint = f" Did you mean '{nearest}'?" if nearest else ""
        super().__init__(f"{where}{what}{hint}")


class WorldError(InputError):
    """A world that cannot be used: unreadable, or its identities fail."""


class ScenarioError(InputError):
    """A scenario that cannot be used."""


class ShockError(InputError):
    """Shocks whose shape, sign or labels do not fit the world."""


class NoSolutionError(DetenteError):
    """The scenario has no equilibrium; the message says where and why."""


class NotConvergedError(DetenteError):
    """The solver stopped before the tolerance.

    Attributes
    ----------
    certificate : object
        The certificate of the last iterate (never a result).
    """

    def __init__(self, message: str, certificate: Any = None) -> None:
        super().__init__(message)
        self.certificate = certificate


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option that looks most like ``word``, or None if none does."""
    options = list(options)
    folded = {o.casefold(): o for o in options}
    found = difflib.get_close_matches(str(word).casefold(), folded, n=1, cutoff=0.5)
    return folded[found[0]] if found else None
