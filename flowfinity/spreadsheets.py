"""CSV and Excel files: a table of texts read from one, and records written as one.

A file is read row by row and never kept whole as a table. What cannot be read without losing something is refused in a
sentence: half a file that looks like a whole one is the worst of imports.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from django.utils import timezone
from django.utils.translation import gettext
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter

from flowfinity import cells
from flowfinity.fields import Date, DateTime, Number, plain
from flowfinity.query import Column

MOST_BYTES = 25 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 500
# An Excel file is a zip archive: one that unpacks to more than this is a bomb, not a table.
MOST_UNPACKED = 500 * 1024 * 1024
LONGEST_HEADING = 200
# More than any field takes, so that its type can say so; Python's csv reads no more.
LONGEST_CELL = 131_072
DELIMITERS = ",;\t|"
SNIFFED = 64 * 1024
# Excel holds no more text in a cell, and cuts it without a word.
EXCEL_LONGEST = 32_767
EXCEL_ROWS = 1_048_576
EXCEL_FIRST = dt.date(1900, 3, 1)


class Unreadable(Exception):
    """A file that cannot be taken for a table, and what to do about it, in a sentence."""


@dataclass(frozen=True)
class Table:
    """A file's headings, and its rows: each a number, as the spreadsheet shows it, and its texts, as many as headings.

    Rows without any text are left out. `rows` can be gone through once, and raises Unreadable where the file breaks.
    """

    headings: Sequence[str]
    rows: Iterator[tuple[int, list[str]]]
    # Excel knows numbers and dates from text, so that there is no doubt how they are written.
    typed: bool = False


def read(file: IO[bytes]) -> Table:
    """The table in a CSV or Excel file. Raises Unreadable."""
    file.seek(0, io.SEEK_END)
    if file.tell() > MOST_BYTES:
        raise Unreadable(
            gettext("The file is larger than %d MB. Split it into several.") % (MOST_BYTES // 1024 // 1024)
        )
    file.seek(0)
    start = file.read(8)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        return table(excel_rows(file), typed=True)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(gettext("This is an old Excel file, or one with a password. Save it as .xlsx or .csv."))
    return table(csv_rows(file))


def table(found: Iterator[list[str]], typed: bool = False) -> Table:
    """The table of these rows, of which the first that says anything is the headings. Raises Unreadable."""
    first = next((one for one in enumerate(found, 1) if any(text.strip() for text in one[1])), None)
    if first is None:
        raise Unreadable(gettext("The file is empty."))
    number, row = first
    while not row[-1].strip():
        row.pop()
    if len(row) > MOST_COLUMNS:
        raise Unreadable(gettext("The file has more than %d columns.") % MOST_COLUMNS)
    headings = told_apart(row)
    return Table(headings, body(found, number, len(headings)), typed)


def body(found: Iterator[list[str]], above: int, width: int) -> Iterator[tuple[int, list[str]]]:
    """The rows under the headings, which are in row `above`. Raises Unreadable."""
    count = 0
    for number, row in enumerate(found, above + 1):
        if not any(text.strip() for text in row):
            continue
        if any(text.strip() for text in row[width:]):
            raise Unreadable(
                gettext("Row %(row)s has more cells than there are headings. Is a quotation mark missing?")
                % {"row": f"{number:,}"}
            )
        count += 1
        if count > MOST_ROWS:
            raise Unreadable(gettext("The file has more than %s rows. Split it into several.") % f"{MOST_ROWS:,}")
        if any(len(text) > LONGEST_CELL for text in row):
            raise Unreadable(gettext("A cell in row %s is too long for any field.") % f"{number:,}")
        yield number, [*row[:width], *[""] * (width - len(row))]


def told_apart(row: Sequence[str]) -> list[str]:
    """The headings, each once: one without words is called by its letter, and one that stands twice gets a number."""
    found: list[str] = []
    for index, text in enumerate(row):
        words = " ".join(text.split())[:LONGEST_HEADING]
        heading = base = words or gettext("Column %s") % get_column_letter(index + 1)
        times = 1
        while heading in found:
            times += 1
            heading = f"{base} ({times})"
        found.append(heading)
    return found


def csv_rows(file: IO[bytes]) -> Iterator[list[str]]:
    """The rows of a CSV file, whatever its encoding and delimiter. Raises Unreadable."""
    encoding = encoding_of(file)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    start = text.read(SNIFFED)
    if "\x00" in start:
        raise Unreadable(gettext("This is no CSV file and no Excel file (.xlsx)."))
    text.seek(0)
    delimiter = delimiter_of(start)
    # Excel's own hint, where it stands.
    if re.match(r"sep=.\r?\n", start):
        text.readline()
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            if any("\x00" in cell for cell in row):
                raise Unreadable(gettext("Row %s has a character that no text has (NUL).") % f"{number:,}")
            yield [unguarded(cell) for cell in row]
    except csv.Error:
        raise Unreadable(
            gettext("Row %s cannot be read. Is a quotation mark missing, or one too many?") % f"{number + 1:,}"
        ) from None
    finally:
        # The file is the caller's to close, who may have done so before.
        with suppress(ValueError):
            text.detach()


def encoding_of(file: IO[bytes]) -> str:
    """How the text of a file is encoded: by its mark, as UTF-8 where that fits, else as Windows writes it."""
    start = file.read(4)
    marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for one in ("utf-16" if marked else "utf-8-sig", "cp1252"):
        file.seek(0)
        decoder = codecs.getincrementaldecoder(one)()
        try:
            while chunk := file.read(1024 * 1024):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        file.seek(0)
        return one
    raise Unreadable(gettext("The file's characters cannot be read. Save it as “CSV UTF-8”."))


def delimiter_of(start: str) -> str:
    """What stands between the cells: what most of the first rows can be split by into as many cells as the first."""
    if hint := re.match(r"sep=(.)\r?\n", start):
        return hint[1]
    best, most = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        # The last line may be cut.
        lines = start.splitlines(keepends=True)
        lines = lines[:-1] if len(start) >= SNIFFED else lines
        widths = []
        try:
            for row in csv.reader(lines[:200], delimiter=delimiter):
                widths += [len(row)] if row else []
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
            if score > most:
                best, most = delimiter, score
    return best


def excel_rows(file: IO[bytes]) -> Iterator[list[str]]:
    """The rows of an Excel file's first sheet, as texts. Raises Unreadable."""
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(one.file_size for one in archive.infolist()) > MOST_UNPACKED:
                raise Unreadable(gettext("The Excel file is too large when unpacked. Save it as CSV."))
        file.seek(0)
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except Unreadable:
        raise
    except Exception:
        raise Unreadable(
            gettext("This Excel file cannot be read. Open it in Excel and save it as .xlsx again.")
        ) from None
    try:
        sheet = next((one for one in book.worksheets if one.sheet_state == "visible"), None)
        if sheet is None:
            raise Unreadable(gettext("The file is empty."))
        # What a file says of its size may be wrong.
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            yield [excel_text(value, number) for value in row]
    except Unreadable:
        raise
    except Exception:
        raise Unreadable(
            gettext("This Excel file cannot be read. Open it in Excel and save it as .xlsx again.")
        ) from None
    finally:
        book.close()


def excel_text(value: Any, number: int) -> str:
    """A cell of an Excel file as text. Raises Unreadable for one that Excel has cut."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # 15 digits are what Excel shows of a number; what is beyond them is of binary fractions.
        return plain(float(f"{value:.15g}"))
    if isinstance(value, dt.datetime):
        moment = value + dt.timedelta(microseconds=500)
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        if not (moment.hour or moment.minute or moment.second or moment.microsecond):
            return moment.date().isoformat()
        return moment.isoformat(" ", "milliseconds" if moment.microsecond else "seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return str(value)
    text = str(value)
    if len(text) >= EXCEL_LONGEST:
        raise Unreadable(
            gettext("A cell in row %s is as long as Excel can hold, so it may have been cut. Use a CSV file.")
            % f"{number:,}"
        )
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


# Excel's way to write a character that XML cannot hold.
ESCAPED = re.compile(r"_x(00(?:0[1-9A-Fa-f]|1[0-9A-Fa-f])|005F|FFF[EF])_")
MUST_ESCAPE = re.compile(r"[\x01-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


# What a spreadsheet would take for a formula; a number or a phone number that starts with a sign is none.
FORMULA = re.compile(r"'*([=@\t\r\n]|[+-](?![\d ().,/-]*\Z))")


def guarded(text: str) -> str:
    """A text that no spreadsheet runs as a formula: one that looks like one gets an apostrophe before it."""
    return f"'{text}" if FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """The text that was guarded."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


class _Line:
    """What a csv.writer writes to: it hands the line on."""

    def write(self, line: str) -> str:
        return line


def write_csv(headings: Sequence[str], rows: Iterable[Sequence[str]], mark: bool = True) -> Iterator[bytes]:
    """A CSV file in UTF-8, line by line; with `mark` it begins with the mark by which Excel knows that it is."""
    write = csv.writer(_Line()).writerow
    yield (codecs.BOM_UTF8 if mark else b"") + write([guarded(text) for text in headings]).encode()
    for row in rows:
        yield write([guarded(text) for text in row]).encode()


def excel_value(column: Column, value: Any) -> Any:
    """A stored value as Excel has it: a number, a date, a time in the site's zone; what it cannot hold is text."""
    if isinstance(column.type, Number) and not column.system and value is not None:
        return value
    if isinstance(column.type, Date) and value is not None:
        day = dt.date.fromisoformat(value)
        return day if day >= EXCEL_FIRST else value
    if isinstance(column.type, DateTime) and value is not None:
        moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
        local = moment.astimezone(timezone.get_default_timezone())
        # Of an hour that occurs twice Excel could not say which one is meant.
        if local.date() >= EXCEL_FIRST and not local.fold:
            return local.replace(tzinfo=None)
    return cells.write(column, value)


def write_excel(
    file: IO[bytes], columns: Sequence[Column], headings: Sequence[str], rows: Iterable[Sequence[Any]], title: str
) -> None:
    """Writes an Excel file of one sheet, row by row: `rows` hold what `excel_value` gives."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", title)[:31].strip("' ") or "Sheet")
    sheet.freeze_panes = "A2"
    for index, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(index)].width = 40 if column.type.wide else 18
    sheet.append([excel_cell(sheet, heading) for heading in headings])
    for row in rows:
        sheet.append([excel_cell(sheet, value) for value in row])
    book.save(file)


def excel_cell(sheet: Any, value: Any) -> Any:
    """A cell; text is text, whatever it begins with."""
    if value == "" or value is None:
        return None
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, MUST_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", value)[:EXCEL_LONGEST])
        cell.data_type = "s"
        return cell
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, dt.datetime):
        cell.number_format = "yyyy-mm-dd hh:mm:ss.000" if value.microsecond else "yyyy-mm-dd hh:mm:ss"
    elif isinstance(value, dt.date):
        cell.number_format = "yyyy-mm-dd"
    return cell


def errors(headings: Sequence[str], lines: Iterable[tuple[Mapping[str, str], str]]) -> Iterator[bytes]:
    """A CSV file of rows as they came, each with what is wrong with it; corrected, it can be imported as it is."""
    last = gettext("Error")
    shown = [heading for heading in headings if heading != last]
    return write_csv([*shown, last], ([*(row.get(one, "") for one in shown), words] for row, words in lines))
