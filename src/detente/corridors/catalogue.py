"""Networks and projects by name or file, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from detente.corridors.costsectors import load_sectors
from detente.corridors.network import BETTER, Network
from detente.corridors.project import (
    AddValues,
    Capex,
    EdgeChange,
    Project,
    SetValues,
    Told,
)
from detente.corridors.routes import RouteError, Shipment, route
from detente.corridors.tables import (
    no_edge,
    read_edges,
    read_modes,
    read_nodes,
    read_scarcity,
    read_transfers,
)
from detente.errors import InputError, Place, nearest
from detente.sources.yamlfile import Lines, parse_yaml, text_of

SUFFIXES = (".yaml", ".yml")
#: Any shipment will do to see whether there is a way at all.
_ANY = Shipment("dry", 1.0, 1.0, 0.0)


def load_network(path: str | Path | None = None) -> Network:
    """The embedded network, or one from a folder of one's own.

    Parameters
    ----------
    path : str or Path, optional
        Folder with ``nodes.csv`` and ``edges.csv``; ``modes.csv`` and ``transfers.csv`` are
        the embedded ones where it has none.

    Returns
    -------
    Network
        The embedded one is read once.

    Raises
    ------
    InputError
        No such folder or file; a mistake in one: file, line, column.
    """
    return _embedded_network() if path is None else _network(Path(path))


@cache
def _embedded_network() -> Network:
    return _network(_data())


def _data() -> Path:
    return Path(str(files("detente.data").joinpath("corridors")))


def _network(folder: Path) -> Network:
    if not folder.is_dir():
        what = (
            f"there is no folder '{folder}'; a network is a folder with nodes.csv, edges.csv."
        )
        raise InputError(what)

    def usual(name: str) -> Path:
        own = folder / name
        return own if own.is_file() else _data() / name

    nodes = read_nodes(folder / "nodes.csv")
    modes = read_modes(usual("modes.csv"))
    edges = read_edges(folder / "edges.csv", nodes, modes)
    edges = read_scarcity(folder / "scarcity.csv", edges)
    return Network(nodes, edges, modes, read_transfers(usual("transfers.csv")))


@cache
def project_names() -> tuple[str, ...]:
    """The projects that come with detente, in alphabetical order."""
    folder = _data() / "projects"
    found = folder.iterdir() if folder.is_dir() else ()
    return tuple(sorted(f.name.removesuffix(".yaml") for f in found if f.suffix == ".yaml"))


def load_project(
    name: str | Path, network: Network | None = None, beside: Path | None = None
) -> Project:
    """A project by its name, or from a file of one's own.

    Parameters
    ----------
    name : str or Path
        A name of `project_names`, or the path of a YAML file.
    network : Network, optional
        The network that it is checked against; the embedded one where not given.
    beside : Path, optional
        Folder that a path counts from: the scenario's, or the including project's.

    Returns
    -------
    Project
        With the projects that it includes.

    Raises
    ------
    InputError
        No such project (with the nearest); an unknown key or place, an edge that is not
        there, a negative capacity, a value that is worse than what is there, projects that
        include each other, a pair to show that stays without a route: file, line, key.
    """
    network = load_network() if network is None else network
    return _loaded(str(name), network, beside, ())


def _loaded(
    name: str, network: Network, beside: Path | None, above: tuple[Path, ...]
) -> Project:
    path = _path(name, beside)
    _refuse_ring(path, name, above)
    data, lines = parse_yaml(text_of(path), str(path))
    if not isinstance(data, dict):
        raise InputError("a project is a mapping of keys to values.", Place(str(path), 1))
    try:
        project = Project.model_validate(data)
    except ValidationError as error:
        raise _friendly(error, lines) from None
    if not name.endswith(SUFFIXES) and project.project != name:
        what = f"the file calls itself '{project.project}', not '{name}'."
        raise InputError(what, lines.place("project"))
    project = project.including(_included(project, network, path, lines, above))
    _check(project, network, lines)
    return project


def _refuse_ring(path: Path, name: str, above: tuple[Path, ...]) -> None:
    """Refuse a project that is among those that include it; its place is the includer's."""
    whole = [each.resolve() for each in above]  # two spellings of a path are one file
    if path.resolve() not in whole:
        return
    ring = above[whole.index(path.resolve()) :]
    if len(ring) == 1:
        raise InputError(f"the project '{name}' includes itself.")
    chain = " → ".join(f"'{_spoken(each)}'" for each in (*ring, ring[0]))
    raise InputError(f"these projects include each other in a ring: {chain}.")


def _spoken(path: Path) -> str:
    return path.stem if path.parent == _data() / "projects" else path.name


def _path(name: str, beside: Path | None) -> Path:
    if name.endswith(SUFFIXES):
        path = Path(name)
        if beside is not None and not path.is_absolute() and (beside / path).is_file():
            return beside / path
        return path
    names = project_names()
    if name not in names:
        raise InputError(
            f"there is no project '{name}'; there are {', '.join(names)}, or give the path of "
            "a file of your own (.yaml).",
            nearest=nearest(name, names),
        )
    return _data() / "projects" / f"{name}.yaml"


def _included(
    project: Project, network: Network, path: Path, lines: Lines, above: tuple[Path, ...]
) -> tuple[Project, ...]:
    found = []
    for j, name in enumerate(project.includes):
        try:
            found.append(_loaded(name, network, path.parent, (*above, path)))
        except InputError as error:
            if error.place is not None:  # it stands in that file
                raise
            raise InputError(error.what, lines.place("includes", j), error.nearest) from None
    return tuple(found)


# -- what a project may say of a network --------------------------------------------------
def _check(project: Project, network: Network, lines: Lines) -> None:
    before = network
    for part in project.included:
        before = before.with_project(part)
    for j, edge in enumerate(project.edges):
        for key in ("a", "b"):
            before.node(getattr(edge, key), lines.place("edges", j, key))
        _check_edge(edge, j, before, network, lines)
    _check_twice(project, lines)
    _check_hosts(project, network, lines)
    after = before.with_project(project)
    carried = [code for code, row in load_sectors().items() if row.carried]
    for j, (origin, destination, sector) in enumerate(project.show):
        place = lines.place("show", j)
        if sector not in carried:
            what = f"no network carries '{sector}'; sectors are {', '.join(carried)}."
            raise InputError(what, place, nearest(sector, carried))
        for code in (origin, destination):
            after.node(code, place)
        if origin == destination:
            raise InputError(f"the pair's ends are one place, {origin}.", place)
        try:
            route(after, _ANY, origin, destination)
        except RouteError as error:
            what = f"even with the project, {error.what}"
            raise InputError(what, place, error.nearest) from None


def _check_edge(
    edge: EdgeChange, j: int, before: Network, network: Network, lines: Lines
) -> None:
    there = before.by_key.get(edge.key)
    if edge.add is not None:
        if edge.key in network.by_key:
            what = f"the edge {there} is in the network already: write 'set'."
            raise InputError(what, lines.place("edges", j, "add"))
        return
    if there is None:
        what, near = no_edge(before.edges, edge.a, edge.b, edge.layer)
        raise InputError(what, lines.place("edges", j), near)
    own = network.by_key.get(edge.key)
    if own is None or own.state == "closed" or edge.set is None:
        return
    for name, value in edge.set.stated().items():
        now = getattr(own, name)
        if BETTER[name](value, now) != value:
            key = "usd_t_km" if name.startswith("usd_t_km") else name
            raise InputError(
                f"{key} {_said(value)} is worse than what is there ({_said(now)}), and a "
                "project does not make an open edge worse: leave it out.",
                lines.place("edges", j, "set", key),
            )


def _check_hosts(project: Project, network: Network, lines: Lines) -> None:
    """Where the money is spent has to be a country that some place of the network is in."""
    known = sorted({node.country for node in network.nodes.values()})
    for code in project.capex.in_ if project.capex is not None else ():
        if code not in known:
            what = f"'{code}' is the ISO3 code of no country that has a place in the network."
            raise InputError(what, lines.place("capex", "in", code), nearest(code, known))


def _check_twice(project: Project, lines: Lines) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for j, edge in enumerate(project.edges):
        first = seen.setdefault(edge.key, j)
        if first != j:
            line = lines.place("edges", first).line
            what = f"the edge {edge.a}–{edge.b} ({edge.layer}) is on line {line} already."
            raise InputError(what, lines.place("edges", j))


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# -- pydantic's words as ours ---------------------------------------------------------------
def _friendly(error: ValidationError, lines: Lines) -> InputError:
    """The first mistake in the file's order, unknown keys before the missing ones."""
    details = error.errors()
    unknown = [d for d in details if d["type"] == "extra_forbidden"]
    found = [_mistake(d, lines) for d in unknown or details]
    return min(found, key=lambda e: (e.place and e.place.line) or 10**9)


def _mistake(detail: Mapping[str, Any], lines: Lines) -> InputError:
    keys = tuple(detail["loc"])
    place = lines.place(*keys)
    last = str(keys[-1]) if keys else "project"
    if detail["type"] == "extra_forbidden":
        valid = [f.alias or name for name, f in _model(keys).model_fields.items()]
        what = f"unknown key '{last}'; there are {', '.join(valid)}."
        return InputError(what, place, nearest(last, valid))
    if detail["type"] == "missing":
        return InputError(f"'{last}' is missing.", place)
    what = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "string_pattern_mismatch":
        what = f"{detail['input']!r} is no name: small letters, digits and hyphens"
    elif last == "state" and detail["input"] == "closed":
        what = "a project opens or improves; it closes nothing"
    elif detail["type"] == "literal_error":
        what = f"'{detail['input']}' is not valid; {what[0].lower()}{what[1:]}"
    return InputError(f"{last}: {what.rstrip('.')}." if keys else f"{what}.", place)


def _model(keys: tuple[Any, ...]) -> type[BaseModel]:
    """The class that an unknown key is not a field of."""
    models: dict[Any, type[BaseModel]] = {
        "capex": Capex,
        "sources": Told,
        "edges": EdgeChange,
        "set": SetValues,
        "add": AddValues,
    }
    owner: type[BaseModel] = Project
    for key in keys[:-1]:
        owner = models.get(key, owner)
    return owner
