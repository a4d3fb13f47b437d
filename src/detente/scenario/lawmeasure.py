"""What measures on sanctions law have in common: a regime, its provisions, who applies them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema

from detente.errors import InputError, ScenarioError, nearest
from detente.regimes.catalogue import SUFFIXES, load_regime
from detente.regimes.coverage import line_mask
from detente.regimes.hs import expand, refuse_unknown_lines
from detente.regimes.law import Held, TargetLaw, rows_of
from detente.regimes.schema import Provision, Regime
from detente.scenario.compose import State
from detente.scenario.measure import Mask, Measure, links_in_words, nearest_label
from detente.scenario.quantities import ALL, Codes, refuse


def _texts(value: Any) -> tuple[str, ...]:
    """``2371``, ``2371-8`` or a list of them; YAML reads the first as a number."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values or any(isinstance(v, bool | float | dict | None | list) for v in values):
        refuse(f"{value!r} is no list of codes: write [2371, 2375-16].")
    return tuple(str(v).strip() for v in values)


def _lines(value: Any) -> tuple[str, ...]:
    if value in ([], ()):
        refuse("no HS line is named: write ['03', '2701'], or leave the key out for all.")
    for code in value if isinstance(value, list | tuple) else [value]:
        if isinstance(code, int) and not isinstance(code, bool):
            refuse(
                f"the HS line {code} has to stand in quotes, so that leading zeros stay.",
                nearest=f"{code:02d}" if code < 100 else f"{code:04d}",
            )
    found = _texts(value)
    try:
        expand(found)
    except InputError as error:
        refuse(error.what, error.nearest)
    return found


def _one_or_more(*kinds: dict[str, Any]) -> WithJsonSchema:
    listed = {"type": "array", "items": {"anyOf": list(kinds)}, "minItems": 1}
    return WithJsonSchema({"anyOf": [*kinds, listed]})


_NAME, _YEAR = {"type": "string"}, {"type": "integer"}
Provisions = Annotated[tuple[str, ...], BeforeValidator(_texts), _one_or_more(_NAME, _YEAR)]
Lines = Annotated[tuple[str, ...], BeforeValidator(_lines), _one_or_more(_NAME)]


@dataclass(frozen=True)
class Chosen:
    """What a measure names of a target's law."""

    law: TargetLaw
    held: Held
    provisions: tuple[Provision, ...]
    rows: Mask  # (P,) of the provisions on goods
    cells: Mask  # (2, G, N) lines
    senders: Mask  # (N,)

    @property
    def name(self) -> str:
        """The regime's name."""
        return self.held.regime.regime


class LawMeasure(Measure):
    """A measure on a regime: all of it, or some provisions, by all or some senders."""

    #: Whether it undoes law, or the undoing of it, and so looks at what has lapsed too.
    undoes: ClassVar[bool] = False

    regime: str = Field(description="A regime's name, or a file (.yaml).", min_length=1)
    provisions: Provisions = Field(
        default=(), description="Instruments (2371) or paragraphs (2375-16); by default all."
    )
    senders: Codes = Field(
        default=(ALL,), description="Who acts: partners that apply the regime; by default all."
    )
    hs: Lines = Field(default=(), description="Only these HS lines of it, in quotes.")

    _read: Regime | None = PrivateAttr(default=None)

    def own_regime(self) -> Regime | None:
        """Its regime as detente or a file has it; None where only a world may know it."""
        try:
            return self._from_file() if self._is_file else load_regime(self.regime)
        except InputError:
            return None

    def targets(self) -> tuple[str, ...]:
        """Target of its regime; nobody where only a world may know it."""
        regime = self.own_regime()
        return () if regime is None else regime.target

    def register(self, state: State) -> None:
        """Put the regime on record, as the baseline has it."""
        self._held(state)

    @property
    def _is_file(self) -> bool:
        return self.regime.endswith(SUFFIXES)

    def _from_file(self) -> Regime:
        """The regime of a file, read once: what is solved is what was read."""
        if self._read is None:
            folder = Path(self.source.file).parent if self.source.file else None
            self._read = load_regime(self.regime, folder)
        return self._read

    def _held(self, state: State) -> tuple[TargetLaw, Held]:
        try:
            return state.laws.held(self._regime(state))
        except ScenarioError:
            raise
        except InputError as error:
            self.fail("regime", error.what, error.nearest)

    def chosen(self, state: State, spared: tuple[str, ...] = ()) -> Chosen:
        """The provisions, lines and senders named; anything unknown is refused."""
        law, held = self._held(state)
        regime = held.regime
        provisions = self._provisions(regime)
        senders = self._senders(state, law, held)
        lines = self._line_mask(law, regime, self.hs, "hs") if self.hs else 1.0
        if spared:
            lines = lines * (1.0 - self._line_mask(law, regime, spared, "exempt"))
        whole = np.broadcast_to(lines, (len(law.codes),)) > 0
        cells = np.broadcast_to(
            whole[None, :, None] & senders, (2, len(law.codes), senders.size)
        )
        return Chosen(law, held, provisions, rows_of(held, provisions), cells, senders)

    def _regime(self, state: State) -> Regime:
        try:
            return self._from_file() if self._is_file else state.laws.regime(self.regime)
        except InputError as error:
            where = f"{error.place}: " if self._is_file and error.place else ""
            self.fail("regime", f"{where}{error.what}", error.nearest)

    def _provisions(self, regime: Regime) -> tuple[Provision, ...]:
        """Those named; without names all that are law on the first day."""
        try:
            found = regime.select(self.provisions) if self.provisions else regime.provisions
        except InputError as error:
            self.fail("provisions", error.what, error.nearest)
        if self.on is None:  # what has lapsed only by its own id, or to undo it
            return tuple(
                p for p in found if self.undoes or not p.until or p.id in self.provisions
            )
        early = [p for p in found if p.first_day > self.on]
        if self.provisions and early:
            p = early[0]
            self.fail(
                "on",
                f"{p.id} ({p.instrument}) is law from {p.first_day} on, not on {self.on}.",
                p.first_day.isoformat(),
            )
        holding = tuple(p for p in found if p.holds_on(self.on))
        if not holding:
            self._none_holds(regime, found, self.on)
        # what has lapsed by the calendar may still be in a baseline of earlier law
        return tuple(p for p in found if p not in early) if self.undoes else holding

    def _none_holds(self, regime: Regime, found: Iterable[Provision], on: date) -> None:
        first = min(p.first_day for p in found)
        if on < first:
            self.fail("on", f"nothing of '{regime.regime}' is law before {first}.", str(first))
        lapsed = max(found, key=lambda p: p.until or date.min)
        after = f"; {lapsed.replaced_by} replaced it" if lapsed.replaced_by else ""
        self.fail(
            "provisions" if self.provisions else "regime",
            f"{lapsed.id} lapsed on {lapsed.until}{after}.",
            lapsed.replaced_by or None,
        )

    def _senders(self, state: State, law: TargetLaw, held: Held) -> Mask:
        """Partners that act, (N,); one that is no sender of the regime is refused."""
        world = state.world
        bound: Mask = held.binds > 0
        if self.senders == (ALL,):
            return bound
        named = self.countries(world, self.senders, "senders")
        for code in self.senders:
            if not bound[world.country_index(code)]:
                applies = [c for c, b in zip(world.countries, bound, strict=True) if b]
                what = "the target" if code == law.target else "no sender"
                self.fail(
                    "senders",
                    f"{code} is {what} of '{self.regime}'; its senders in world "
                    f"'{world.name}' are {', '.join(applies)}.",
                    nearest_label(code, applies, applies) or nearest(code, applies),
                )
        return named

    def _line_mask(self, law: TargetLaw, regime: Regime, lines: Lines, key: str) -> Any:
        try:
            for line in expand(lines):
                refuse_unknown_lines(line, regime.hs_revision, f"'{regime.regime}'")
            return line_mask(
                expand(lines), law.codes, regime.hs_revision, law.mix.revision, key
            )
        except InputError as error:
            self.fail(key, error.what, error.nearest)

    def later(self, state: State, chosen: Chosen) -> None:
        """Tell what of a whole regime became law only after the measure's first day."""
        if self.provisions or self.on is None:
            return
        after = [p.id for p in chosen.held.provisions if p.first_day > self.on]
        if after:
            few = ", ".join(after[:4]) + (
                f" and {len(after) - 4} more" if len(after) > 4 else ""
            )
            state.tell(
                self,
                f"'{self.regime}' as it stood on {self.on}: {few} became law later and are not "
                "in it",
            )

    # -- words -----------------------------------------------------------------------------
    def words(
        self, state: State, chosen: Chosen, lines: Mask, nothing: Callable[[], str]
    ) -> str:
        """What was touched, or why nothing was: a warning, where goods were meant."""
        if lines.any():
            return links_in_words(state.world, chosen.law.links(lines))
        why = nothing()
        if chosen.rows.any():
            state.tell(self, f"warning: {why}")
        return f"nothing: {why}"

    def without_goods(self, state: State, chosen: Chosen, verb: str) -> None:
        """Tell which provisions have no goods in them: the model does not see those."""
        day = self.on or date.max
        others = [p for p in chosen.provisions if p.effect not in ("ban", "cap")]
        others = [p for p in others if p.holds_on(day)]
        kinds = {p.effect for p in others}
        if not kinds or not (self.provisions or verb == "lifted"):
            return
        ids = [p.id for p in others]
        few = ", ".join(ids[:4]) + (f" and {len(ids) - 4} more" if len(ids) > 4 else "")
        state.tell(
            self,
            f"{few} ({', '.join(sorted(kinds))}) {verb} too, and no goods are in them: state "
            "their money with 'transfer', their capital or know-how with 'productivity'",
        )

    def remarks(self, state: State) -> list[str]:
        """What the measure found out, and who still closes these links."""
        return state.told_of(self)
