"""`detente regimes` as tests call it, and a made-up law and trade of a user's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.regimes import app as regimes_app

app = typer.Typer(cls=Commands)
app.add_typer(regimes_app, name="regimes")

OWN = """\
regime: my-law
title: A made-up regime
target: PRK
senders: [CHN]
hs_revision: HS92
sources:
  act: {title: An act, read: text}
provisions:
  - id: act-1
    instrument: Act
    paragraph: "1"
    adopted: 2020-01-01
    what: clothes and coal may not be bought
    effect: ban
    direction: export
    products:
      - {hs: ["61-63", "2701"], verification: verified}
    source: act
    verification: verified
"""


def detente(*args: str | Path) -> Any:
    return CliRunner().invoke(app, ["regimes", *map(str, args)])


def shown(*args: str | Path) -> Any:
    ran = detente("show", *args, "--format", "json")
    assert ran.exit_code == 0, ran.stderr
    return json.loads(ran.stdout)


def covered(found: Any, direction: str = "export") -> dict[str, float]:
    rows = [r for r in found["coverage"] if r["direction"] == direction]
    return {row["sector"]: row["covered"] for row in rows}


def narrow(text: str) -> bool:
    return max(map(len, text.splitlines())) <= 80


# million USD: clothes 30, leather bags 10 (of the same sector), coal 5; bought: machines 7
BACI = """t,i,j,k,v,q
2016,408,156,620342,30000.0,1.0
2016,408,156,420221,10000.0,1.0
2016,408,156,270111,5000.0,1.0
2016,156,408,845210,7000.0,1.0
2016,408,410,270111,2000.0,1.0
2016,410,156,620342,999.0,1.0
"""
COUNTRIES = (
    "country_code,country_name,country_iso2,country_iso3\n"
    "156,China,CN,CHN\n408,DPRK,KP,PRK\n410,ROK,KR,KOR\n"
)


def baci(folder: Path, text: str = BACI, name: str = "BACI_HS92_Y2016_V202401b.csv") -> Path:
    (folder / "country_codes_V202401b.csv").write_text(COUNTRIES)
    path = folder / name
    path.write_text(text)
    return path


def own(folder: Path) -> Path:
    path = folder / "own.yaml"
    path.write_text(OWN)
    return path
