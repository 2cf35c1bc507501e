"""Files: what is taken, kept and sent; fetched by a signed URL alone, and never after it has expired."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from django.test import Client, override_settings
from PIL import Image

from flowfinity import definitions, references
from flowfinity.fields import TYPES, FieldError, Upload
from flowfinity.models import App, Record, User
from flowfinity.submissions import Call, Invalid, submit
from tests.builders import make

pytestmark = pytest.mark.django_db


def picture(colour: str = "red", kind: str = "PNG") -> bytes:
    """A picture's bytes."""
    out = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(out, kind)
    return out.getvalue()


def sent(name: str, content: bytes) -> dict[str, Any]:
    """A file as a client writes it."""
    return {"FileName": name, "Content": base64.b64encode(content).decode()}


@pytest.fixture(autouse=True)
def kept_apart(settings: Any, tmp_path: Any) -> None:
    """Files go into the test's own folder."""
    storages = {**settings.STORAGES}
    storages["default"] = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path},
    }
    settings.STORAGES = storages


@pytest.fixture
def app() -> App:
    names = {"Title": "text", "Photo": "picture", "Offer": "attachment", "Owner": "user", "Parent": "link"}
    fields = [{"name": n, "label": n, "type": t} | ({"app": "Sites"} if t == "link" else {}) for n, t in names.items()]
    return make(
        {
            "blueprint": 1,
            "app": {"name": "Sites", "label": "Sites"},
            "fields": fields,
            "operations": [
                {"name": "Add", "label": "Add", "kind": "create", "fields": list(names)},
                {"name": "Edit", "label": "Edit", "kind": "update", "fields": list(names)},
                {"name": "Drop", "label": "Drop", "kind": "delete"},
            ],
        }
    )


def run(app: App, operation: str, values: dict[str, Any], record: int | None = None) -> Record:
    """Submits, and answers with the record as it stands."""
    by, _ = User.objects.get_or_create(username="sam", defaults={"display_name": "Sam Lowry"})
    call = Call(definitions.of(app.pk).operation(operation), values, record)
    return Record.objects.get(pk=submit([call], by).results[0].record)


def as_read(app: App, record: Record, name: str) -> Any:
    """A value as a client reads it."""
    column = definitions.of(app.pk).fields[name]
    world = references.world([column], [record.values], "https://records.example")
    render, blank = column.type.renderer(column.config, "typed", world)
    return render(record.values[name]) if name in record.values else blank


def test_a_file_is_fetched_by_its_signed_url_and_is_what_was_sent(app: App, client: Client) -> None:
    record = run(app, "Add", {"Photo": sent("büro.png", picture()), "Offer": sent("offer.pdf", b"%PDF-1.4 x")})
    photo, offer = as_read(app, record, "Photo"), as_read(app, record, "Offer")
    assert photo | {"Url": ""} == {
        "FileName": "büro.png",
        "ContentType": "image/png",
        "Size": len(picture()),
        "Url": "",
    }
    answer = client.get(photo["Url"].removeprefix("https://records.example"))
    assert b"".join(answer.streaming_content) == picture()  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "image/png"
    answer = client.get(offer["Url"].removeprefix("https://records.example"))
    assert b"".join(answer.streaming_content) == b"%PDF-1.4 x"  # type: ignore[attr-defined]
    assert answer["Content-Disposition"] == 'attachment; filename="offer.pdf"'
    assert answer["Content-Type"] == "application/pdf"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_no_url_opens_another_records_file_or_opens_for_ever(app: App, client: Client) -> None:
    first = as_read(app, run(app, "Add", {"Photo": sent("a.png", picture("red"))}), "Photo")["Url"]
    second = as_read(app, run(app, "Add", {"Photo": sent("b.png", picture("blue"))}), "Photo")["Url"]
    _, _, _, _, token, _ = first.split("/")
    _, _, _, _, other, _ = second.split("/")
    payload, signature = token.split(":", 1)
    assert client.get(f"/files/{other.split(':', 1)[0]}:{signature}/b.png").status_code == 403
    assert client.get(f"/files/{payload}/a.png").status_code == 403
    with override_settings(FILE_URL_SECONDS=-1):
        assert client.get(first.removeprefix("https://records.example")).status_code == 403


def test_what_was_read_keeps_the_file_and_null_removes_it(app: App) -> None:
    record = run(app, "Add", {"Photo": sent("a.png", picture()), "Title": "A"})
    before = record.last_submission_id
    record = run(app, "Edit", {"Photo": as_read(app, record, "Photo")}, record.pk)
    assert record.last_submission_id == before
    record = run(app, "Edit", {"Photo": sent("a.png", picture())}, record.pk)
    assert record.last_submission_id == before
    with pytest.raises(Invalid, match="never fetched"):
        run(app, "Edit", {"Photo": {"FileName": "b.png", "ContentType": "x", "Size": 5, "Url": "https://x"}}, record.pk)
    record = run(app, "Edit", {"Photo": None}, record.pk)
    assert as_read(app, record, "Photo") == {"FileName": None, "ContentType": None, "Size": None, "Url": None}


@pytest.mark.parametrize(
    ("type", "raw"),
    [
        ("picture", sent("a.png", b"GIF89a no picture")),
        ("picture", sent("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")),
        ("signature", sent("a.gif", picture(kind="GIF"))),
        ("picture", sent("", picture())),
        ("picture", sent("../a.png", picture())),
        ("picture", {"FileName": "a.png", "Content": "not base64!"}),
        ("attachment", sent("a.txt", b"")),
        ("attachment", {"FileName": "a.txt", "Content": 5}),
        ("attachment", {"Url": "https://example.com/a.txt"}),
        ("attachment", sent("a.bin", b"x" * (7 * 1024 * 1024 + 1))),
        ("attachment", "a.txt"),
        ("attachment", ["a.txt"]),
    ],
)
def test_what_is_no_file_is_refused_in_words(type: str, raw: Any) -> None:
    with pytest.raises(FieldError) as refused:
        TYPES[type].validate(raw, {})
    assert len(refused.value.message) < 250


def test_a_picture_is_what_its_bytes_say(app: App) -> None:
    upload = TYPES["picture"].validate(Upload("photo.txt", picture(kind="JPEG")), {})
    assert upload.content_type == "image/jpeg"


def test_a_reference_is_checked_when_written_and_may_dangle_later(app: App) -> None:
    parent = run(app, "Add", {"Title": "Head office"})
    with pytest.raises(Invalid) as refused:
        run(app, "Add", {"Owner": "nobody", "Parent": 999_999, "Title": 5})
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [
        ("Title", "invalid"),
        ("Owner", "unknown_user"),
        ("Parent", "unknown_record"),
    ]
    child = run(app, "Add", {"Owner": {"UserName": "sam"}, "Parent": parent.pk})
    assert as_read(app, child, "Owner") == {"UserName": "sam", "DisplayName": "Sam Lowry"}
    assert as_read(app, child, "Parent") == {"RecordID": f"{parent.pk:09d}", "Display": "Head office"}
    run(app, "Drop", {}, parent.pk)
    assert as_read(app, child, "Parent")["Display"] == "Head office (deleted)"
    # Sent back as it was read, it stays: whoever edits another field loses nothing.
    sent_back = {"Parent": as_read(app, child, "Parent"), "Title": "Branch"}
    edited = run(app, "Edit", sent_back, child.pk)
    assert edited.values["Title"] == "Branch" and edited.values["Parent"] == parent.pk
    with pytest.raises(Invalid):
        run(app, "Add", {"Parent": as_read(app, child, "Parent")})
