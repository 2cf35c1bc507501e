"""Files: pictures, signatures, attachments. A value is what is known of the file; its bytes are in the storage.

Pure: `validate` answers with an Upload, which `submit` stores before it takes any lock, or with a KeptFile, which it
finds in the record as it stands. A URL is never fetched.
"""

from __future__ import annotations

import base64
import binascii
import io
import mimetypes
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image, UnidentifiedImageError

from flowfinity.fields.base import (
    BLANK_OPERATORS,
    NOWHERE,
    Config,
    FieldError,
    FieldType,
    Format,
    Render,
    Schema,
    World,
    closed,
)

KEYS = ("FileName", "ContentType", "Size", "Url")
MEGABYTE = 1024 * 1024
LONGEST_NAME = 200


@dataclass(frozen=True)
class Upload:
    """A file that was sent: its bytes are still to be stored."""

    name: str
    content: bytes
    content_type: str = ""


@dataclass(frozen=True)
class KeptFile:
    """A file's read form sent back: it means the one that the record has."""

    name: str
    size: int


class Attachment(FieldType):
    """Any file. Its content type is what its name says, and it is only ever offered for download."""

    name = "attachment"
    label = gettext_lazy("Attachment")
    operators = BLANK_OPERATORS
    sortable = False
    stable = False
    refers = True
    uploaded = True
    wide = True
    most: ClassVar[int] = 7 * MEGABYTE
    attrs: ClassVar[Mapping[str, str | bool]] = {}

    def validate(self, raw: Any, config: Config) -> Any:
        """An Upload or a KeptFile."""
        if isinstance(raw, Upload):
            return self.checked(raw)
        if raw is None or raw == "":
            return None
        given = {str(key).lower(): value for key, value in raw.items()} if isinstance(raw, dict) else {}
        if set(given) == {"filename", "content"}:
            return self.checked(Upload(given["filename"], decoded(given["content"])))
        if given and set(given) <= {key.lower() for key in KEYS} and "filename" in given:
            if given["filename"] is None:
                return None
            size = given.get("size")
            if isinstance(given["filename"], str) and isinstance(size, int) and not isinstance(size, bool):
                return KeptFile(given["filename"], size)
        raise FieldError("invalid", _('Send {"FileName", "Content": base64}; or what was read, to keep it; or null.'))

    def checked(self, upload: Upload) -> Upload:
        """The upload with its content type. Raises FieldError."""
        name = upload.name
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise FieldError("invalid", _("Give the file a name of 1 to %d printable characters.") % LONGEST_NAME)
        if "/" in name or "\\" in name:
            raise FieldError("invalid", _("Give the file's name without folders."))
        if not upload.content:
            raise FieldError("invalid", _("The file is empty."))
        if len(upload.content) > self.most:
            raise FieldError("too_large", _("A file has at most %d MB here.") % (self.most // MEGABYTE))
        return Upload(name, upload.content, self.content_type(upload))

    def content_type(self, upload: Upload) -> str:
        """The type that the name says."""
        return mimetypes.guess_type(upload.name)[0] or "application/octet-stream"

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        """What is known of the file, with a signed URL that expires."""
        url = world.file_url

        def render(value: Any) -> Any:
            return {
                "FileName": value["FileName"],
                "ContentType": value["ContentType"],
                "Size": value["Size"],
                "Url": url(value),
            }

        return render, dict.fromkeys(KEYS)

    def schema(self, config: Config, format: Format) -> Schema:
        """All keys, null where there is no file."""
        text: Schema = {"type": ["string", "null"]}
        url = {**text, "description": "Signed; expires."}
        return closed({"FileName": text, "ContentType": text, "Size": {"type": ["integer", "null"]}, "Url": url}, KEYS)

    def write_schema(self, config: Config) -> Schema:
        """A file with its bytes; or the read form, which keeps the one that is there, or says that there is none."""
        name: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
        content: Schema = {"type": "string", "contentEncoding": "base64"}
        kept = {"FileName": {"type": "string"}, "ContentType": {}, "Size": {"type": "integer"}, "Url": {}}
        return {
            "anyOf": [
                closed({"FileName": name, "Content": content}, ["FileName", "Content"]),
                closed(kept, ["FileName", "Size"]),
                closed({"FileName": {"type": "null"}, **{key: {} for key in KEYS[1:]}}, ["FileName"]),
                {"const": ""},
            ]
        }

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """The file's name."""
        if isinstance(value, Upload):
            return value.name
        return "" if value is None else str(value["FileName"])

    def url(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """The file itself, once it is stored."""
        return world.file_url(value) if isinstance(value, Mapping) else ""

    def sample(self, config: Config) -> Any:
        """What would be known of a file."""
        return {"FileName": "offer.pdf", "ContentType": "application/pdf", "Size": 48_211, "Key": ""}

    def widget(self, config: Config) -> forms.Widget:
        """A file to choose."""
        return forms.FileInput(attrs=dict(self.attrs))


class Picture(Attachment):
    """A picture. What it is, its bytes say, whatever it is called."""

    name = "picture"
    label = gettext_lazy("Picture")
    most = 5 * MEGABYTE
    pictured = True
    attrs = {"accept": "image/png,image/jpeg,image/gif,image/webp"}
    formats: ClassVar[tuple[str, ...]] = ("PNG", "JPEG", "GIF", "WEBP")

    def content_type(self, upload: Upload) -> str:
        """The type that the bytes show. Raises FieldError for what is no picture of these kinds."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(upload.content), formats=self.formats) as picture:
                    picture.verify()
                    return str(Image.MIME[picture.format or ""])
        except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning, OSError):
            pass
        except (SyntaxError, ValueError, EOFError, KeyError):  # What Pillow raises for a broken file.
            pass
        raise FieldError("invalid", _("A picture is expected here: %s.") % ", ".join(self.formats))

    def sample(self, config: Config) -> Any:
        """What would be known of a picture."""
        return {"FileName": "site.jpg", "ContentType": "image/jpeg", "Size": 182_044, "Key": ""}


class Signature(Picture):
    """A signature: a picture of one."""

    name = "signature"
    label = gettext_lazy("Signature")
    most = 1 * MEGABYTE
    attrs = {"accept": "image/png,image/jpeg", "data-pad": True}
    formats = ("PNG", "JPEG")


def decoded(content: Any) -> bytes:
    """Base64 as bytes. Raises FieldError."""
    try:
        return base64.b64decode(content, validate=True) if isinstance(content, str) else b"" + content
    except (binascii.Error, ValueError, TypeError):
        raise FieldError("invalid", _("Send Content as base64 text.")) from None
