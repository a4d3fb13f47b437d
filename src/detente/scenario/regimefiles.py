"""Regimes that a scenario names: files to keep beside it, and hashes of what they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from detente.errors import InputError
from detente.regimes.attach import record_of, recorded_regime
from detente.regimes.catalogue import SUFFIXES, load_regime
from detente.regimes.schema import Regime
from detente.scenario.core import Scenario
from detente.scenario.lawmeasure import LawMeasure
from detente.scenario.measure import Measure
from detente.sources.yamlfile import text_of
from detente.world.core import World

#: Folder, beside a scenario that was written, of the regimes' files that it names.
FOLDER = "regimes"


@dataclass(frozen=True)
class Told:
    """A scenario as a folder of its own holds it.

    Attributes
    ----------
    scenario : Scenario
        Names its regimes' files as ``regimes/NAME.yaml``; itself where it names none.
    files : mapping of str to bytes
        ``regimes/NAME.yaml`` → the file's own text; other measures' files likewise.
    own : mapping of str to Regime
        What these files say, by the regime's name.
    """

    scenario: Scenario
    files: Mapping[str, bytes] = field(default_factory=dict)
    own: Mapping[str, Regime] = field(default_factory=dict)

    @property
    def named(self) -> tuple[Measure, ...]:
        """The measures, in their order, with a regime's name in place of its file: for words.

        They are no measures to solve: the name of a file's regime says nothing elsewhere.
        """
        return tuple(_by_name(m) for m in self.scenario.measures)


def told(scenario: Scenario) -> Told:
    """A scenario that no longer hangs on where its regimes' files were.

    Parameters
    ----------
    scenario : Scenario
        Files that its measures name count from its own folder.

    Raises
    ------
    InputError
        A file is not there, or has a mistake; two different ones have a regime of one name.
    """
    files: dict[str, bytes] = {}
    own: dict[str, Regime] = {}
    measures: list[Measure] = []
    for measure in scenario.measures:
        path = _file_of(measure)
        if path is None:
            renamed, paths = measure.for_folder()
            measures.append(renamed)
            for name, where in paths.items():
                text = where if isinstance(where, bytes) else where.read_bytes()
                if files.setdefault(name, text) != text:
                    what = f"two different files would both be kept as '{name}': rename one."
                    measure.fail("use", what)
            continue
        regime, text = _read(measure, path)
        name = f"{FOLDER}/{regime.regime}{SUFFIXES[0]}"
        if files.setdefault(name, text) != text:
            measure.fail("regime", f"two different files call their regime '{regime.regime}'.")
        own[regime.regime] = regime
        measures.append(measure.model_copy(update={"regime": name}).at(measure.source))
    return (
        Told(scenario.with_(measures=tuple(measures)), files, own) if files else Told(scenario)
    )


def _read(measure: Measure, path: Path) -> tuple[Regime, bytes]:
    """A regime and its file's text; a mistake is told at the measure that names the file."""
    try:
        return load_regime(path), text_of(path).encode()
    except InputError as error:
        where = f"{error.place}: " if error.place else ""
        measure.fail("regime", f"{where}{error.what}", error.nearest)


def regimes_of(said: Told, world: World) -> list[dict[str, str]]:
    """Which regimes an answer rests on, and a hash of what each says.

    Parameters
    ----------
    said : Told
        Every regime that it names is among them.
    world : World
        So is what its trade is under, since it closes links until a measure changes that.

    Returns
    -------
    list of dict
        JSON-able, by name, then other measures' files: ``name``; ``source``: the file in the
        scenario's folder,
        ``detente``, or ``world`` for one that the world keeps itself; ``sha256`` of the
        canonical JSON of all that it says.
    """
    found: dict[str, tuple[str, Regime]] = {}
    for target, facts in world.meta.get("law", {}).items():
        for name in facts.get("regimes", ()) if target in world.countries else ():
            source = "world" if name in facts.get("own", {}) else "detente"
            found[name] = source, recorded_regime(facts, name)
    for measure in said.named:
        if not isinstance(measure, LawMeasure):
            continue
        name = measure.regime
        if name in said.own:
            found[name] = f"{FOLDER}/{name}{SUFFIXES[0]}", said.own[name]
        elif name not in found:
            found[name] = "detente", load_regime(name)
    rows = [
        {"name": name, "source": source, "sha256": _hash(regime)}
        for name, (source, regime) in sorted(found.items())
    ]
    return rows + [
        {"name": Path(name).stem, "source": name, "sha256": hashlib.sha256(text).hexdigest()}
        for name, text in sorted(said.files.items())
        if not name.startswith(f"{FOLDER}/")
    ]


@lru_cache(maxsize=64)
def _hash(regime: Regime) -> str:
    """SHA-256 of the canonical JSON: the same content, the same hash, in any file."""
    canonical = json.dumps(
        record_of(regime), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _file_of(measure: Measure) -> Path | None:
    """The regime's file that a measure names, as `load_regime` finds it; None for a name."""
    if not isinstance(measure, LawMeasure) or not measure.regime.endswith(SUFFIXES):
        return None
    path, file = Path(measure.regime), measure.source.file
    beside = Path(file).parent / path if file else path
    # where neither is there, the message is about the scenario's own folder
    return beside if beside.is_file() or not path.is_file() else path


def _by_name(measure: Measure) -> Measure:
    if not isinstance(measure, LawMeasure) or not measure.regime.endswith(SUFFIXES):
        return measure
    return measure.model_copy(update={"regime": Path(measure.regime).stem})
