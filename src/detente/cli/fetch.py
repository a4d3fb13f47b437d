"""``detente fetch``: originals from their official addresses, and the catalogue of sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json, progress_bar
from detente.errors import DetenteError, InputError

if TYPE_CHECKING:
    from detente.sources.catalogue import Entry, SourceFile, Vintage
    from detente.sources.fetch import Fetched


def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A source; none lists them.")
    ] = None,
    vintage: Annotated[
        str | None, typer.Option(metavar="V", help="Release; the newest by default.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(metavar="F", help="One file of the release, or 'all'.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Put it here, not into the cache."),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List the sources, or the files of one.")
    ] = False,
    form: Annotated[
        ListFormat, typer.Option("--format", help="What to print.")
    ] = ListFormat.table,
) -> None:
    """Download an original from its official address, or list the sources.

    A download that was cut goes on where it stopped; a file that is in the cache is not
    downloaded again. DETENTE_CACHE names another folder for the cache.

    Example: detente fetch oecd-icio --file 2016-2022_SML.zip
    """
    from detente.sources.catalogue import catalogue, entry

    if name is None:
        if vintage or file or out:
            raise InputError("--vintage, --file and -o are for one source: name it.")
        _list_sources(catalogue(), form)
        return
    source = entry(name)
    if listing:
        if file or out:
            raise InputError("--list shows what there is; --file and -o are for a download.")
        _list_files(source, vintage, form)
        return
    found, failed = _fetch_all(source, vintage, file, out)
    _print_fetched(source, found, form)
    if failed:
        failed.sort(key=lambda error: error.exit_status)
        for error in failed[:-1]:
            typer.echo(f"error: {error}\n", err=True)
        raise failed[-1]


def _fetch_all(
    source: Entry, vintage: str | None, file: str | None, out: Path | None
) -> tuple[list[Fetched], list[DetenteError]]:
    """Every file that was asked for; one that fails does not stop the others."""
    from detente.sources.fetch import choose
    from detente.sources.fetch import fetch as fetch_one

    release, items = choose(source, vintage, file)
    found: list[Fetched] = []
    failed: list[DetenteError] = []
    for item in items:
        try:
            with progress_bar(_short(item.file), download=True) as progress:
                found.append(
                    fetch_one(source, release, item, out, progress=progress, waiting=_waiting)
                )
        except DetenteError as error:
            if str(error) not in map(str, failed):
                failed.append(error)
    return found, failed


def _waiting() -> None:
    typer.echo("another process is fetching this file; waiting for it", err=True)


def _short(name: str) -> str:
    """A file's name that leaves room for the bar."""
    return name if len(name) < 26 else f"{name[:24]}…"


def _print_fetched(source: Entry, found: list[Fetched], form: ListFormat) -> None:
    if form is ListFormat.json:
        told = {"licence": source.licence, "citation": source.citation, "page": source.page}
        echo_json({"name": source.name, **told, "files": [f.as_dict() for f in found]})
        return
    if form is ListFormat.csv:
        import pandas as pd

        rows = [f.as_dict() | {"notes": "; ".join(f.notes)} for f in found]
        echo_csv(pd.DataFrame(rows, columns=list(rows[0]) if rows else ["file"]))
        return
    if not found:
        return
    for f in found:
        typer.echo(f.path)
        sign = "as the catalogue has it" if f.checked else "not in the catalogue: not checked"
        typer.echo(f"  {f.status}, {_size(f.bytes)}; sha256 {sign}")
        typer.echo(f"  {f.sha256}")
        for note in (n for n in f.notes if "no checksum" not in n):
            typer.echo(f"  {note}")
    from detente.cli.render import print_lines

    lines = [f"Licence: {source.licence}", f"Cite: {source.citation}"]
    if not source.vintage(found[0].vintage).verified:
        lines.append(
            "Unverified: detente's parser has not read a real original of this release."
        )
    print_lines(lines)


# -- listing -----------------------------------------------------------------------------
def _list_sources(sources: dict[str, Entry], form: ListFormat) -> None:
    rows = [_source_row(source) for source in sources.values()]
    if _machine(rows, form):
        return
    from detente.cli.render import print_lines

    if not rows:
        print_lines(["This installation has no catalogue of sources."])
    for row in rows:
        parser = (
            f"parser {row['parser']}" if row["parser"] != "partly" else "parser partly verified"
        )
        print_lines(
            [
                f"{row['name']} ({row['kind']}, {_access(row['access'])}, {parser})",
                f"{row['title']}. Vintages: {'; '.join(row['vintages'])}.",
                f"Licence: {row['licence']}",
                "",
            ]
        )
    print_lines(["'detente fetch NAME --list' shows the files of a source."])


def _source_row(source: Entry) -> dict[str, Any]:
    return {
        "name": source.name,
        "title": source.title,
        "kind": source.kind,
        "vintages": [v.name for v in source.vintages],
        "licence": source.licence,
        "access": source.access,
        "parser": source.verified,
        "page": source.page,
        "citation": source.citation,
    }


def _list_files(source: Entry, vintage: str | None, form: ListFormat) -> None:
    releases = source.vintages if vintage is None else (source.vintage(vintage),)
    rows = [_file_row(source, release, item) for release in releases for item in release.files]
    if _machine(rows, form):
        return
    from detente.cli.render import print_lines

    print_lines([f"{source.name}: {source.title}", source.what, ""])
    for release in releases:
        read = release.verified_with if release.verified else "no real original yet: unverified"
        years = f", {release.years}" if release.years else ""
        print_lines([f"Vintage {release.name}{years}. The parser has read {read}."])
        if not release.files:
            print_lines(["  no file is named"])
        for row in (r for r in rows if r["vintage"] == release.name):
            size = "size unknown" if row["bytes"] is None else _size(row["bytes"])
            told = [size, "sha256 known" if row["sha256"] else "no sha256", str(row["address"])]
            if row["cached"]:
                told.append("in the cache")
            typer.echo(f"  {row['file']}  ({', '.join(told)})")
        typer.echo()
    print_lines(
        [
            f"Access: {_access(source.access)}. Licence: {source.licence}",
            f"Page: {source.page}",
            f"By hand: {source.by_hand}",
            f"Cite: {source.citation}",
        ]
    )


def _file_row(source: Entry, release: Vintage, item: SourceFile) -> dict[str, Any]:
    from detente.sources.fetch import cached_path

    path = cached_path(source, release, item)
    address = {"seen": "address known", "recalled": "address unchecked"}[item.url_status]
    return {
        "vintage": release.name,
        "years": release.years,
        "verified": release.verified,
        "file": item.file,
        "bytes": item.bytes,
        "sha256": item.sha256,
        "address": address if item.url else "by hand",
        "url": item.url,
        "path": str(path),
        "cached": path.is_file(),
    }


def _machine(rows: list[dict[str, Any]], form: ListFormat) -> bool:
    if form is ListFormat.json:
        echo_json(rows)
    elif form is ListFormat.csv:
        import pandas as pd

        flat = [
            {k: "; ".join(v) if isinstance(v, list) else v for k, v in r.items()} for r in rows
        ]
        echo_csv(pd.DataFrame(flat))
    return form is not ListFormat.table


def _access(access: str) -> str:
    return access if access == "open" else f"{access} needed"


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
