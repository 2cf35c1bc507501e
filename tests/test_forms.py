"""Forms: what a browser sends back is a value to store, and only what a person changed counts as changed."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.template import Context, Template
from django.test import override_settings
from django.utils.datastructures import MultiValueDict
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flowfinity.definitions import OperationDefinition
from flowfinity.fields import TYPES, Reference, Upload, World
from flowfinity.forms import OperationForm, ParameterForm
from flowfinity.query import Column, Parameter

COLOURS = {"choices": ["Red", "Green", "Blue"]}
CONFIGS: Mapping[str, Mapping[str, Any]] = {"single": COLOURS, "multiple": COLOURS, "currency": {"currency": "EUR"}}


def column(kind: str, **settings: Any) -> Column:
    return Column("Value", "The value", TYPES[kind], CONFIGS.get(kind, {}), **settings)


def operation(*columns: Column, kind: str = "update") -> OperationDefinition:
    return OperationDefinition(1, 1, "Change", "Change", kind, "", columns)


def form(kind: str, stored: Any, sent: str | None) -> OperationForm:
    """The form of one field over a stored value; `sent` is the body as a browser writes it."""
    values = {} if stored is None else {"Value": stored}
    return OperationForm(operation(column(kind)), values, None if sent is None else QueryDict(sent))


@pytest.mark.parametrize(
    ("kind", "sent", "cleaned"),
    [
        ("text", "Value=ABC+Inc", "ABC Inc"),
        ("text", "Value=++ABC++", "ABC"),
        ("text", "Value=+", None),
        ("multiline", "Value=one%0D%0Atwo", "one\ntwo"),
        ("email", "Value=ada@example.com", "ada@example.com"),
        ("phone", "Value=555-7777", "555-7777"),
        ("url", "Value=https://example.com/", "https://example.com/"),
        ("number", "Value=25", 25),
        ("number", "Value=+0.5+", 0.5),
        ("number", "Value=", None),
        ("currency", "Value=99.50", 99.5),
        ("yesno", "Value=on", True),
        ("yesno", "", None),
        ("date", "Value=2026-11-24", "2026-11-24"),
        ("datetime", "Value=2026-11-24T10:30", "2026-11-24T10:30:00.000Z"),
        ("single", "Value=Green", "Green"),
        ("single", "Value=", None),
        ("multiple", "Value=Blue&Value=Red", {"Red": True, "Blue": True}),
        ("multiple", "", None),
    ],
)
def test_what_a_browser_sends_becomes_what_is_stored(kind: str, sent: str, cleaned: Any) -> None:
    filled = form(kind, None, sent)
    assert filled.is_valid(), filled.errors
    assert filled.cleaned_data == {"Value": cleaned}
    assert filled.changed_data == ([] if cleaned is None else ["Value"])


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("number", "Value=many"),
        ("email", "Value=ada"),
        ("url", "Value=example"),
        ("date", "Value=2026-02-30"),
        ("datetime", "Value=soon"),
        ("single", "Value=Purple"),
        ("location", "Value=91,0"),
        ("link", "Value=twelve"),
        ("multiple", "Value=Red&Value=Purple"),
        ("text", "Value=a%00b"),
    ],
)
def test_a_wrong_value_is_an_error_beside_the_field_and_stays_typed(kind: str, sent: str) -> None:
    filled = form(kind, None, sent)
    assert not filled.is_valid()
    assert list(filled.errors) == ["Value"] and filled["Value"].data


STORED = [
    ("text", "ABC Inc"),
    ("text", "  two  blanks "),
    ("text", "two\nlines, sent by a program"),
    ("multiline", "one\ntwo\r\nthree\n"),
    ("email", "ada@example.com"),
    ("number", 25),
    ("number", 1e300),
    ("currency", 0.1),
    ("yesno", True),
    ("yesno", None),
    ("date", "2026-11-24"),
    ("datetime", "2026-11-24T10:30:00.120Z"),
    ("single", "Red"),
    ("single", "Purple"),
    ("multiple", {"Red": True, "Blue": True}),
    ("multiple", {"Red": True, "Purple": True}),
]


def sent_back(kind: str, stored: Any) -> str:
    """What a browser sends for a control that nobody touched."""
    value = form(kind, stored, None)["Value"].initial
    body = QueryDict(mutable=True)
    if isinstance(value, list):
        body.setlist("Value", value)
    elif kind == "multiline":
        body["Value"] = "\r\n".join(value.splitlines()) + "\r\n" * value.endswith("\n")
    elif kind == "datetime":
        body["Value"] = value.rstrip("0")  # browsers write the shortest form
    elif isinstance(value, str):
        body["Value"] = value.replace("\n", "")
    elif value:
        body["Value"] = "on"
    return body.urlencode()


@pytest.mark.parametrize(("kind", "stored"), STORED)
def test_a_control_that_nobody_touched_sends_nothing(kind: str, stored: Any) -> None:
    untouched = form(kind, stored, sent_back(kind, stored))
    assert untouched.is_valid(), untouched.errors
    assert untouched.sent == {} and untouched.cleaned_data == {"Value": stored}


@override_settings(TIME_ZONE="Europe/Berlin")
def test_the_second_of_an_hour_that_occurs_twice_survives_an_edit() -> None:
    untouched = form("datetime", "2026-10-25T01:30:00.000Z", "Value=2026-10-25T02:30")
    assert untouched.sent == {}


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_survives_an_edit_that_does_not_touch_it(text: str) -> None:
    for kind in ("text", "multiline"):
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        body = QueryDict(mutable=True)
        # HTML: a textarea sends CRLF, a one-line control drops line ends.
        body["Value"] = lines.replace("\n", "\r\n") if kind == "multiline" else lines.replace("\n", "")
        assert OperationForm(operation(column(kind)), {"Value": text}, body).sent == {}


def test_a_choice_that_is_offered_no_longer_is_shown_and_can_be_left() -> None:
    assert "Purple (no longer offered)" in str(form("single", "Purple", None)["Value"])
    assert form("single", "Purple", "Value=").sent == {"Value": ""}
    assert form("single", "Purple", "Value=Red").sent == {"Value": "Red"}
    assert form("multiple", {"Purple": True, "Red": True}, "Value=Red").sent == {"Value": ["Red"]}


def test_a_field_that_the_page_did_not_have_is_left_alone() -> None:
    two = operation(column("text"), Column("Other", "Other", TYPES["text"]))
    assert OperationForm(two, {"Value": "a", "Other": "b"}, QueryDict("Value=c")).sent == {"Value": "c"}


def test_changes_are_laid_over_newer_values() -> None:
    two = operation(column("text"), Column("Other", "Other", TYPES["multiple"], COLOURS))
    mine = OperationForm(two, {"Value": "a", "Other": {"Red": True}}, QueryDict("Value=mine&Other=Red"))
    over = mine.over({"Value": "theirs", "Other": {"Blue": True}})
    assert over["Value"].value() == "mine" and over["Other"].value() == ["Blue"]
    assert over.sent == {"Value": "mine"}


def test_sections_follow_the_form() -> None:
    columns = (
        Column("A", "A", TYPES["text"], section="First"),
        Column("B", "B", TYPES["multiline"], section="Second"),
        Column("C", "C", TYPES["currency"], {"currency": "CHF"}, section="First"),
        Column("D", "D", TYPES["text"], section="Third", required=True),
    )
    sections = OperationForm(operation(*columns, kind="create"), {}).sections
    assert [(one.label, [field.name for field in one.fields]) for one in sections] == [
        ("First", ["A", "C"]),
        ("Second", ["B"]),
        ("Third", ["D"]),
    ]


@pytest.mark.parametrize(("currency", "unit"), [("USD", "$"), ("EUR", "€"), ("CHF", "CHF"), ("", "")])
def test_money_says_its_unit(currency: str, unit: str) -> None:
    money = Column("Value", "Value", TYPES["currency"], {"currency": currency})
    assert OperationForm(operation(money), {})["Value"].unit == unit  # type: ignore[attr-defined]


def test_what_an_admin_writes_is_text_not_html() -> None:
    field = Column("Value", "<b>Label</b>", TYPES["text"], help="<script>alert(1)</script>", required=True)
    page = Template("{% include 'flowfinity/parts/fields.html' %}").render(
        Context({"form": OperationForm(operation(field), {"Value": '"><script>'})})
    )
    assert "<script>" not in page and "<b>" not in page and "must" in page


PHOTO = {"FileName": "site.png", "ContentType": "image/png", "Size": 2048, "Key": "ab/abcd"}


def files_form(
    stored: Mapping[str, Any] | None, sent: str = "", upload: tuple[str, bytes] | None = None, kind: str = "picture"
) -> OperationForm:
    """The form of one file field, as a browser sends it back."""
    files: MultiValueDict[str, Any] = MultiValueDict()
    if upload:
        files["Value"] = SimpleUploadedFile(*upload)
    values = {} if stored is None else {"Value": stored}
    return OperationForm(operation(column(kind)), values, QueryDict(sent), files)


def picture(colour: str = "red", kind: str = "PNG") -> bytes:
    """A picture's bytes."""
    out = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("stored", [None, PHOTO])
def test_a_file_that_nobody_touched_is_not_sent(stored: Mapping[str, Any] | None) -> None:
    for sent in ("", "Value=", "Value=site.png", "Value-kept=", "Value-kept=forged"):
        untouched = files_form(stored, sent)
        assert untouched.is_valid() and untouched.sent == {} and untouched.cleaned_data == {"Value": stored}


def test_a_file_that_is_chosen_is_sent_and_one_that_is_removed_is_null() -> None:
    chosen = files_form(PHOTO, "Value-remove=on", ("new.png", picture()))
    assert chosen.sent == {"Value": Upload("new.png", picture())}
    assert chosen.is_valid() and chosen.cleaned_data["Value"].content_type == "image/png"
    removed = files_form(PHOTO, "Value-remove=on")
    assert removed.sent == {"Value": ""} and removed.changes == {"Value": None}
    assert "checked" in str(removed["Value"]) and "site.png" in str(removed["Value"])
    assert files_form(None, "Value-remove=on").sent == {}


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (("a.png", b"no picture"), "A picture is expected here"),
        (("a.png", b""), "The file is empty"),
        (("a.png", picture() + b"x" * 9_000_000), "at most 5 MB"),
    ],
)
def test_a_file_that_cannot_be_taken_is_an_error_and_is_not_held(upload: tuple[str, bytes], words: str) -> None:
    wrong = files_form(PHOTO, "", upload)
    assert words in wrong.errors["Value"][0]
    wrong.keep_files()
    assert "-kept" not in str(wrong["Value"])


def test_a_form_that_comes_back_holds_the_file_that_was_chosen(settings: Any, tmp_path: Any) -> None:
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    first = files_form(PHOTO, "", ("new.png", picture()))
    first.keep_files()
    page = str(first["Value"])
    assert "new.png" in page and "not saved yet" in page and "site.png" not in page
    token = re.search(r'name="Value-kept" value="([^"]+)"', page)
    assert token
    again = files_form(PHOTO, urlencode({"Value-kept": token[1]}))
    assert again.sent == {"Value": Upload("new.png", picture(), "image/png")}
    assert files_form(PHOTO, urlencode({"Value-kept": token[1], "Value-remove": "on"})).sent == {"Value": ""}
    other = files_form(PHOTO, urlencode({"Value-kept": token[1]}), ("b.png", picture("blue")))
    assert other.sent["Value"].name == "b.png"
    over = again.over({"Value": {**PHOTO, "FileName": "theirs.png"}})
    assert over.sent == again.sent
    default_storage.delete(default_storage.listdir("")[0][0] + "/" + hashlib.sha256(picture()).hexdigest())
    assert files_form(PHOTO, urlencode({"Value-kept": token[1]})).sent == {}


def test_a_file_is_shown_by_its_signed_link_and_a_picture_by_itself() -> None:
    world = World(file_url=lambda value: f"/files/t/{value['FileName']}")
    for kind, pictured in (("picture", True), ("signature", True), ("attachment", False)):
        shown = str(OperationForm(operation(column(kind)), {"Value": PHOTO}, world=world)["Value"])
        assert 'href="/files/t/site.png"' in shown and "2.0\xa0KB" in shown and 'name="Value-remove"' in shown
        assert ('<img class="thumb" src="/files/t/site.png"' in shown) is pictured
        assert ("data-pad" in shown) is (kind == "signature")
    empty = OperationForm(operation(column("picture")), {}, world=world)
    assert empty.is_multipart() and "Remove" not in str(empty["Value"])


PEOPLE = Reference("user", None)
SITES = Reference("record", None, "sites")


def test_a_user_is_chosen_among_those_that_are_offered_and_one_who_has_gone_is_kept() -> None:
    world = World(people={"priya": "Priya Shah"}, offers={PEOPLE: [("sam", "Sam Lowry")]})
    one = operation(column("user"))
    assert OperationForm(one, {}, QueryDict("Value=sam"), world=world).changes == {"Value": "sam"}
    kept = OperationForm(one, {"Value": "priya"}, QueryDict("Value=priya"), world=world)
    assert kept.sent == {} and "Priya Shah (no longer active)" in str(kept["Value"])
    assert OperationForm(one, {"Value": "priya"}, QueryDict("Value="), world=world).sent == {"Value": ""}


def test_a_record_is_chosen_by_its_title_or_named_by_its_number() -> None:
    link = Column("Value", "The value", TYPES["link"], {"app": "Sites"})
    world = World(titles={7: "Old (deleted)"}, offers={SITES: [("000000012", "Head office")]})
    few = OperationForm(operation(link), {"Value": 7}, QueryDict("Value=000000007"), world=world)
    assert few.sent == {} and re.findall(r"<option[^>]*>([^<]+)", str(few["Value"])) == [
        "—",
        "Head office",
        "Old (deleted)",
    ]
    assert OperationForm(operation(link), {}, QueryDict("Value=000000012"), world=world).changes == {"Value": 12}
    many = OperationForm(operation(link), {"Value": 7})["Value"]
    assert 'type="text"' in str(many) and 'value="000000007"' in str(many)


def test_a_place_is_typed_and_untouched_when_it_comes_back() -> None:
    stored = {"Latitude": 49.2827, "Longitude": -123.1207, "Accuracy": 12}
    assert form("location", stored, "Value=49.2827%2C+-123.1207%2C+12").sent == {}
    assert form("location", None, "Value=49.2827,-123.1207").changes == {
        "Value": {"Latitude": 49.2827, "Longitude": -123.1207}
    }
    assert "data-position" in str(form("location", stored, None)["Value"])
    assert "A place is expected here" in form("location", None, "Value=home").errors["Value"][0]


def test_a_question_offers_any_for_no_answer() -> None:
    world = World(offers={PEOPLE: [("sam", "Sam Lowry")]})
    asked = {**ASKED, "Owner": Parameter("Owner", "Owner", TYPES["user"])}
    form = ParameterForm(asked, QueryDict("Owner=sam&Rating="), world)
    for name, last in (("Rating", "Blue"), ("Colours", "Blue"), ("Callback", "No"), ("Owner", "Sam Lowry")):
        options = re.findall(r"<option[^>]*>([^<]+)", str(form[name]))
        assert (options[0], options[-1]) == ("Any", last)
    assert form.is_valid() and form.arguments == {"Owner": "sam"}


ASKED = {
    parameter.name: parameter
    for parameter in (
        Parameter("Company", "Company", TYPES["text"]),
        Parameter("Rating", "Rating", TYPES["single"], COLOURS),
        Parameter("Colours", "Colours", TYPES["multiple"], COLOURS),
        Parameter("Least", "Least", TYPES["number"]),
        Parameter("Callback", "Callback", TYPES["yesno"]),
        Parameter("Notes", "Notes", TYPES["multiline"]),
        Parameter("Day", "Day", TYPES["date"]),
    )
}


@pytest.mark.parametrize(
    ("asked", "arguments"),
    [
        ("", {}),
        ("Company=&Rating=&Least=&Callback=", {}),
        ("Company=ABC", {"Company": "ABC"}),
        ("Rating=Red&Colours=Blue", {"Rating": "Red", "Colours": "Blue"}),
        ("Least=0", {"Least": 0}),
        ("Callback=no", {"Callback": False}),
        ("Callback=yes", {"Callback": True}),
        ("Day=2026-11-24", {"Day": "2026-11-24"}),
        ("Unknown=1", {}),
    ],
)
def test_parameters_become_operands(asked: str, arguments: dict[str, Any]) -> None:
    form = ParameterForm(ASKED, QueryDict(asked))
    assert form.is_valid(), form.errors
    assert form.arguments == arguments
    assert form.has_changed() is bool(arguments)


def test_a_wrong_parameter_is_an_error_beside_it() -> None:
    form = ParameterForm(ASKED, QueryDict("Least=many&Rating=Purple&Company=ABC"))
    assert set(form.errors) == {"Least", "Rating"}
