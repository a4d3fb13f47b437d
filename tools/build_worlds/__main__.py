"""``python -m tools.build_worlds DATA``: write the embedded worlds and say what they hold."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.build_worlds.build import build_all

from detente.world.core import World

TARGET = Path(__file__).resolve().parents[2] / "src" / "detente" / "data"


def summary(world: World) -> str:
    """The DPRK's baseline by sector, with its largest partners, million USD."""
    if "PRK" not in world.countries:
        return repr(world)
    prk = world.country_index("PRK")
    added = world.value_added_share[:, prk] * world.output[:, prk]
    out, in_ = world.flows[:, prk].copy(), world.flows[:, :, prk].copy()
    home = out[:, prk].copy()
    out[:, prk] = in_[:, prk] = 0.0
    lines = [
        f"{world!r}",
        f"{'sector':20}{'value added':>12}{'output':>10}{'home share':>11}{'exports':>9}"
        f"{'imports':>9}  largest buyers and suppliers",
    ]
    for s, code in enumerate(world.sectors):
        share = home[s] / world.expenditure[s, prk] if world.expenditure[s, prk] else 0.0
        lines.append(
            f"{code:20}{added[s]:12,.1f}{world.output[s, prk]:10,.1f}{share:11.1%}"
            f"{out[s].sum():9,.1f}{in_[s].sum():9,.1f}  "
            f"{_largest(world, out[s])} | {_largest(world, in_[s])}"
        )
    total = f"{'total':20}{added.sum():12,.1f}{world.output[:, prk].sum():10,.1f}{'':11}"
    lines.append(
        f"{total}{out.sum():9,.1f}{in_.sum():9,.1f}  "
        f"{_largest(world, out.sum(axis=0))} | {_largest(world, in_.sum(axis=0))}"
    )
    return "\n".join(lines)


def _largest(world: World, values: object, count: int = 3) -> str:
    named = sorted(zip(values, world.countries, strict=True), reverse=True)[:count]  # type: ignore[call-overload]
    return ", ".join(f"{code} {value:,.1f}" for value, code in named if value >= 0.05)


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the originals")
    parser.add_argument(
        "-o", "--output", type=Path, default=TARGET, help="folder of worlds/ and splits/"
    )
    given = parser.parse_args()
    folders = given.output / "worlds", given.output / "splits"
    for world in build_all(given.data, *folders).values():
        print(summary(world), end="\n\n")


if __name__ == "__main__":
    main()
