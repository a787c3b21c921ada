"""A review as a Word document, by python-docx: the same sections as its page."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Length, Pt, RGBColor
from docx.table import _Cell, _Row

from diagnosis.review import Words
from training.reports.review.layout import sections
from training.reports.review.parts import Cell, Section, Table
from training.reports.review.plots import picture

LATIN, CHINESE = "Calibri", "Microsoft YaHei"
_TONES = {"good": RGBColor(0x1D, 0x7A, 0x4B), "bad": RGBColor(0xB3, 0x26, 0x1E)}
_SOFT = RGBColor(0x5B, 0x68, 0x75)
WIDTH = Cm(17.6)  # between the margins of an A4 page
MOST_EXTENT = 26  # letters of a cell that count for its column's width
LETTER, PADDING = Cm(0.16), Cm(0.45)  # of a column's width: for each letter of its longest word, and around it
_WORD = re.compile(r"[!-~–−]+")  # is not broken: numbers of records, dates, Latin words
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def review_document(content: Mapping[str, Any], language: str) -> bytes:
    """Return a review, new or frozen, as the bytes of a DOCX file in one language."""
    words = Words(language)
    document = _empty()
    document.core_properties.title = title = words("head", "title", quarter=content["quarter"])
    document.core_properties.author = ""
    _set_language(document)
    document.add_heading(title, 0)
    span = words(
        "head",
        "span",
        first=content["first_day"],
        last=content["last_day"],
        zone=content["zone"],
        as_of=content["as_of"][:10],
    )
    document.add_paragraph().add_run(span).font.color.rgb = _SOFT
    first, *parts = sections(content, words)
    _section(document, first, content, words)
    document.add_paragraph(words("head", "signed")).add_run().add_break(WD_BREAK.PAGE)
    for part in parts:
        _section(document, part, content, words)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _empty() -> WordDocument:
    document = Document()
    page = document.sections[0]
    page.page_width, page.page_height = Cm(21.0), Cm(29.7)
    page.left_margin = page.right_margin = Cm(1.7)
    page.top_margin = page.bottom_margin = Cm(1.8)
    for name in ("Normal", "Title", "Heading 1", "Heading 2", "Caption"):
        style = document.styles[name]
        style.font.name = LATIN
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qn("w:eastAsia"), CHINESE)
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(theme), None)
    normal = document.styles["Normal"]
    normal.font.size = Pt(10)
    normal.paragraph_format.space_after = Pt(5)
    return document


def _set_language(document: WordDocument) -> None:
    """Say that Chinese characters are simplified Chinese, for the form of its punctuation."""
    properties = document.styles["Normal"].element.get_or_add_rPr()
    mark = OxmlElement("w:lang")
    mark.set(qn("w:val"), "en-GB")
    mark.set(qn("w:eastAsia"), "zh-CN")
    properties.append(mark)


def _section(document: WordDocument, part: Section, content: Mapping[str, Any], words: Words) -> None:
    document.add_heading(part.title, 1)
    for text in part.paragraphs:
        document.add_paragraph(_printable(text)).paragraph_format.keep_with_next = bool(part.plot)
    if part.plot and (data := picture(part.plot, content, words)):
        document.add_picture(io.BytesIO(data), width=WIDTH)
    for table in part.tables:
        _table(document, table)


def _table(document: WordDocument, table: Table) -> None:
    if table.caption:
        caption = document.add_paragraph(_printable(table.caption), style="Caption")
        caption.paragraph_format.keep_with_next = True
    grid = document.add_table(rows=1, cols=len(table.columns))
    grid.style = "Table Grid"
    grid.autofit = False
    widths = _widths(table)
    for place, name in enumerate(table.columns):
        _fill(grid.rows[0].cells[place], Cell(name), right=place in table.numeric, bold=True)
    _mark(grid.rows[0], "w:tblHeader")  # repeated on each page
    for row in table.rows:
        cells = grid.add_row().cells
        for place, cell in enumerate(row):
            _fill(cells[place], cell, right=place in table.numeric)
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = width
    for row in grid.rows:
        _mark(row, "w:cantSplit")
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width
    document.add_paragraph()


def _widths(table: Table) -> list[Length]:
    """Return the columns' widths: each has room for its longest word, and what is left goes by the longest cells."""
    columns = [[name, *(row[place].text for row in table.rows)] for place, name in enumerate(table.columns)]
    words = [max(map(len, _WORD.findall(" ".join(texts))), default=4) for texts in columns]
    least = [LETTER * min(longest, MOST_EXTENT) + PADDING for longest in words]
    more = [max(min(_extent(text), MOST_EXTENT) for text in texts) for texts in columns]
    left = max(WIDTH - sum(least), 0)
    widths = [width + left * extent / sum(more) for width, extent in zip(least, more, strict=True)]
    return [Length(int(WIDTH * width / sum(widths))) for width in widths]


def _extent(text: str) -> int:
    """Return how much room a text takes: a Chinese character as much as two letters."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _fill(place: _Cell, cell: Cell, *, right: bool, bold: bool = False) -> None:
    paragraph = place.paragraphs[0]
    paragraph.paragraph_format.space_after = Pt(0)
    if right:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    run = paragraph.add_run(_printable(cell.text))
    run.font.size = Pt(8)
    run.bold = bold or bool(cell.tone)
    if cell.tone:
        run.font.color.rgb = _TONES[cell.tone]


def _printable(text: str) -> str:
    """Return a text without characters that no XML may hold: names come from systems that know no such limit."""
    return _NOT_IN_XML.sub("", text)


def _mark(row: _Row, name: str) -> None:
    """Set a property of a row that is on or off."""
    mark = OxmlElement(name)
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)
