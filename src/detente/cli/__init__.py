"""The command line: ``detente COMMAND``. Heavy imports wait until a command needs them."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# Threads inside a linear algebra of this size only cost; set before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from detente._version import __version__
from detente.cli.attribute import attribute
from detente.cli.corridors import app as corridors_app
from detente.cli.debt import app as debt_app
from detente.cli.explain import explain
from detente.cli.fetch import fetch
from detente.cli.gravity import gravity
from detente.cli.openings import app as openings_app
from detente.cli.package import package
from detente.cli.partners import partners
from detente.cli.path import path
from detente.cli.pipelines import app as pipelines_app
from detente.cli.regimes import app as regimes_app
from detente.cli.replicate import replicate
from detente.cli.run import run
from detente.cli.schema import schema
from detente.cli.target import target
from detente.cli.visits import visits
from detente.cli.world import app as world_app
from detente.cli.zones import app as zones_app
from detente.errors import DetenteError


class Commands(TyperGroup):
    """A group whose commands report what went wrong in words, with an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; our own errors, and the system's about files, are printed."""
        try:
            return super().invoke(ctx)
        except DetenteError as error:
            _fail(str(error), error.exit_status)
        except BrokenPipeError:
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror or error}.", 1)


def _fail(message: str, status: int) -> None:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(status)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    help="Who trades with whom, and who gains, when a closed or sanctioned economy opens.\n\n"
    "Example: detente run scenarios/korea-opens.yaml",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"detente {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options before any command."""


app.command()(run)
app.command()(path)
app.command()(partners)
app.command()(attribute)
app.command()(package)
app.command()(target)
app.add_typer(world_app, name="world")
app.add_typer(regimes_app, name="regimes")
app.add_typer(corridors_app, name="corridors")
app.add_typer(pipelines_app, name="pipelines")
app.add_typer(zones_app, name="zones")
app.add_typer(debt_app, name="debt")
app.add_typer(openings_app, name="openings")
app.command()(visits)
app.command()(schema)
app.command()(explain)
app.command()(replicate)
app.command()(fetch)
app.command()(gravity)


#: what a stream that lacks a sign gets instead: a lost minus would be a wrong number
_PLAIN = {
    "−": "-", "–": "-", "→": "->", "≈": "~", "×": "x", "·": "*", "†": "*", "…": "~",
    "ψ": "psi", "θ": "theta", "≤": "<=", "≥": ">=", "’": "'", "“": '"', "”": '"',
}  # fmt: skip


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """Write a character that the stream cannot encode in plainer ones."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    plain = "".join(_PLAIN.get(c) or unicodedata.normalize("NFKD", c)[:1] for c in lost)
    return plain.encode("ascii", "replace").decode(), error.end


def main() -> None:
    """Run the command line."""
    codecs.register_error("detente", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="detente")
    try:
        app(prog_name="detente")
    except BrokenPipeError:
        # the reader has left (detente run … | head -1): nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
