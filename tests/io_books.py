"""Writers of workbooks: Excel's xlsx, and its binary form xlsb."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import openpyxl


def xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([float(v) if isinstance(v, np.floating) else v for v in row])
    book.save(path)
    return path


def xlsb(name: str, rows: list[list[object]]) -> bytes:
    """A workbook in Excel's binary form with one sheet ([MS-XLSB]), texts in the cells."""
    width = max(map(len, rows))
    sheet = [_record(129), _record(148, struct.pack("<4I", 0, len(rows) - 1, 0, width - 1))]
    sheet.append(_record(145))
    for j, row in enumerate(rows):
        sheet.append(_record(0, struct.pack("<I", j) + bytes(13)))
        sheet += [_cell(k, v) for k, v in enumerate(row) if v is not None]
    sheet += [_record(146), _record(130)]
    book = [_record(131), _record(143)]
    book.append(_record(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide(name)))
    book += [_record(144), _record(132)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, text in _parts().items():
            archive.writestr(part, text)
        archive.writestr("xl/workbook.bin", b"".join(book))
        archive.writestr("xl/worksheets/sheet1.bin", b"".join(sheet))
    return out.getvalue()


def _record(kind: int, data: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([(kind & 0x7F) | 0x80, kind >> 7])
    size, out = len(data), bytearray(head)
    while True:
        out.append((size & 0x7F) | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes(out) + data


def _wide(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode("utf-16-le")


def _cell(column: int, value: object) -> bytes:
    place = struct.pack("<II", column, 0)
    if isinstance(value, str):
        return _record(6, place + _wide(value))
    if float(value) == int(value) and abs(int(value)) < 2**28:  # whole numbers are RK cells
        return _record(2, place + struct.pack("<i", (int(value) << 2) | 2))
    return _record(5, place + struct.pack("<d", float(value)))


def _parts() -> dict[str, str]:
    schema = "http://schemas.openxmlformats.org"
    of = f"{schema}/officeDocument/2006/relationships"
    top = "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>"

    def one(kind: str, target: str) -> str:
        return (
            f'{top}<Relationships xmlns="{schema}/package/2006/relationships"><Relationship '
            f'Id="rId1" Type="{of}/{kind}" Target="{target}"/></Relationships>'
        )

    return {
        "[Content_Types].xml": (
            f'{top}<Types xmlns="{schema}/package/2006/content-types">'
            '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary'
            '.macroEnabled.main"/><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/></Types>'
        ),
        "_rels/.rels": one("officeDocument", "xl/workbook.bin"),
        "xl/_rels/workbook.bin.rels": one("worksheet", "worksheets/sheet1.bin"),
    }
