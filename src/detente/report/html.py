"""The report of a run as one HTML page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from detente.report.sections import Section, Table, certificate, head, remarks, sections
from detente.report.view import View

#: Which charts stand under which section.
_CHARTS: Mapping[str, tuple[str, ...]] = {
    "welfare": ("welfare",),
    "partners": ("partners", "shares"),
    "sources": ("decomposition",),
    "path_years": ("path",),
}

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--soft:#555;--line:#d0d0d0;--bg:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#ececec;--soft:#b4b4b4;--line:#3a3d44;
--bg:#16181c}}
body{margin:0 auto;max-width:48rem;padding:2rem 1rem 4rem;background:var(--bg);
color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem}
p{margin:.5rem 0}.note,footer{color:var(--soft);font-size:.87rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:1rem 0;
font-size:.93rem}dt{color:var(--soft)}dd{margin:0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;margin:.8rem 0;
min-width:100%;font-variant-numeric:tabular-nums}
th{color:var(--soft);font-weight:500;border-bottom:1px solid var(--line)}
th,td{padding:.25rem .7rem .25rem 0;text-align:left;white-space:nowrap}
.r{text-align:right}tr.sum td{font-weight:600;border-top:1px solid var(--line)}
td.text{white-space:normal}.warn{border-left:4px solid #D55E00;padding-left:.8rem}
figure{margin:1.2rem 0}figure svg{width:100%;height:auto;display:block}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:1rem}
footer p{overflow-wrap:anywhere}pre{white-space:pre-wrap;font-size:.85rem}
"""


def page(view: View, pictures: Mapping[str, str]) -> str:
    """``report.html``.

    Parameters
    ----------
    view : View
    pictures : mapping of str to str
        Charts as SVG, by name.
    """
    body = [f"<h1>{escape(view.title)}</h1>"]
    if view.scenario.get("description"):
        body.append(_p(str(view.scenario["description"])))
    if view.provenance.get("provisional"):
        body.append(_p("PROVISIONAL: see how far to trust it, below.", "warn"))
    body.append(_list(head(view)))
    for section in sections(view):
        body += _section(section)
        body += [
            f"<figure>{pictures[name]}</figure>"
            for name in _CHARTS.get(section.key, ())
            if name in pictures
        ]
    body += [*_assumptions(view), *_sources(view), _foot(view)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(view.title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _section(section: Section) -> list[str]:
    return [
        f"<h2>{escape(section.title)}</h2>",
        *map(_p, section.paragraphs),
        *(_table(table) for table in section.tables),
        *(_p(note, "note") for note in section.notes),
    ]


def _assumptions(view: View) -> list[str]:
    """What was assumed, the elasticities included, and what the measures remark."""
    settings = view.provenance["settings"]
    dormant = view.notes.get("dormant_share", {})
    rows = [("Deficit rule", str(settings["deficit_rule"]))]
    if dormant:
        anchor = dormant.get("anchor") or "none used"
        rows.append(("Dormant shares ψ", f"{anchor}, × {dormant.get('psi_scale', 1):g}"))
    theta = ", ".join(f"{k} {v:.2f}" for k, v in settings["trade_elasticity"].items())
    rows.append(("Trade elasticity θ", theta))
    rows += [("Remark", text) for text in remarks(view)]
    return ["<h2>Assumptions</h2>", _list(rows)]


def _sources(view: View) -> list[str]:
    """Every block of the world with its flag, source, year and licence."""
    if not view.blocks:
        return []
    rows = [
        "<tr>"
        + "".join(
            f'<td class="text">{escape(str(block.get(key, "") or ""))}</td>'
            for key in ("name", "flag", "source", "year", "licence")
        )
        + "</tr>"
        for block in view.blocks
    ]
    heads = "".join(f"<th>{h}</th>" for h in ("Block", "Flag", "Source", "Year", "Licence"))
    return [
        "<h2>Sources</h2>",
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>",
    ]


def _foot(view: View) -> str:
    """Certificate, full hashes, and the scenario's text."""
    world, scenario = view.provenance["world"], view.provenance["scenario"]
    lines = [
        *certificate(view),
        f"World {world['hash']}; scenario {scenario.get('hash', 'none')}; shocks "
        f"{scenario['shocks_hash']}.",
    ]
    text = scenario.get("text") or ""
    shown = f"<details><summary>The scenario</summary><pre>{escape(text)}</pre></details>"
    return f"<footer>{''.join(map(_p, lines))}{shown if text else ''}</footer>"


def _p(text: str, kind: str = "") -> str:
    if not kind and text.startswith("PROVISIONAL"):
        kind = "warn"
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def _list(rows: list[tuple[str, str]]) -> str:
    told, last = [], ""
    for label, text in rows:
        told.append(f"<dt>{escape(label if label != last else '')}</dt><dd>{escape(text)}</dd>")
        last = label
    return f"<dl>{''.join(told)}</dl>"


def _table(table: Table) -> str:
    kinds = [' class="r"' if side == "r" else "" for side in table.align]
    heads = "".join(
        f"<th{kind}>{escape(h)}</th>" for kind, h in zip(kinds, table.headers, strict=True)
    )
    rows = []
    for j, row in enumerate(table.rows):
        cells = "".join(
            f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)
        )
        mark = ' class="sum"' if j >= len(table.rows) - table.sums else ""
        rows.append(f"<tr{mark}>{cells}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
