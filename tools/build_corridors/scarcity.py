"""What room costs on lines that are full today: ``python -m tools.build_corridors.scarcity``.

The trade of world ``korea`` goes over the network as it is, every line within its stated
capacity, at least total cost; the shadow prices of the lines that are then full are written to
``scarcity.csv``. The network takes them as given: a line that is full today costs everybody so
much more, so that faster lines elsewhere do not send through it what it cannot hold.
"""

from __future__ import annotations

import csv
import io
from importlib.resources import files
from pathlib import Path

import detente as dt
from detente.corridors.catalogue import load_network
from detente.corridors.cost import baseline_shadows

#: Prices below this, USD per tonne, are left out.
SMALLEST = 0.05
SOURCE = "shadow price at the trade of world korea and stated capacities (docs/trade-cost.md)"


def main() -> None:
    """Compute the prices and write the file."""
    path = Path(str(files("detente.data"))) / "corridors" / "scarcity.csv"
    path.unlink(missing_ok=True)
    world = dt.load_world("korea")
    network = load_network()
    loads = baseline_shadows(world, network)
    full = loads[loads["shadow_usd_per_tonne"] >= SMALLEST]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["a", "b", "layer", "usd_t", "source"])
    for row in full.sort_values(["a", "b", "layer"]).to_dict("records"):
        price = f"{row['shadow_usd_per_tonne']:.2f}"
        writer.writerow([row["a"], row["b"], row["layer"], price, SOURCE])
    path.write_text(text.getvalue(), encoding="utf-8")
    print(f"{len(full)} lines are full: {path.name}")


if __name__ == "__main__":
    main()
