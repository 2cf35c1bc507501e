"""Where files' bytes are, and the signed URLs that they are fetched by.

A file is kept under the digest of its content, so storing it twice, or again after a lost answer, is storing it once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from flowfinity.fields import Upload

SALT = "flowfinity.file"
KEPT = "flowfinity.kept"
# Shown in the browser; everything else is only ever offered for download.
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def store(upload: Upload) -> dict[str, Any]:
    """Stores the bytes and answers with the value to keep. Talks to the storage: never under a lock."""
    digest = hashlib.sha256(upload.content).hexdigest()
    key = f"{digest[:2]}/{digest}"
    if not default_storage.exists(key):
        saved = default_storage.save(key, ContentFile(upload.content))
        if saved != key:  # Somebody stored the same bytes at the same moment.
            default_storage.delete(saved)
    return {
        "FileName": upload.name,
        "ContentType": upload.content_type,
        "Size": len(upload.content),
        "Key": key,
    }


def signed_url(value: Mapping[str, Any], base_url: str) -> str:
    """A URL that fetches the file for `FILE_URL_SECONDS`, and no other file."""
    if not value.get("Key"):
        return ""
    token = signing.dumps([value["Key"], value["FileName"], value["ContentType"]], salt=SALT, compress=True)
    return f"{base_url}/files/{token}/{quote(value['FileName'])}"


def token_of(value: Mapping[str, Any]) -> str:
    """A token by which `kept` finds a stored file again, for one that cannot be submitted yet."""
    return signing.dumps(dict(value), salt=KEPT, compress=True)


def kept(token: str) -> Upload | None:
    """The file as an upload; None when the token was not made here or has expired, or the file is gone."""
    try:
        value = signing.loads(token, salt=KEPT, max_age=settings.FILE_URL_SECONDS)
        with default_storage.open(value["Key"]) as file:
            return Upload(value["FileName"], file.read(), value["ContentType"])
    except (signing.BadSignature, FileNotFoundError):
        return None


def download(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """The file that a signed URL names. 403 for a URL that has expired or was not made here."""
    try:
        key, filename, content_type = signing.loads(token, salt=SALT, max_age=settings.FILE_URL_SECONDS)
        file = default_storage.open(key)
    except signing.SignatureExpired:
        return HttpResponse(_("This link has expired. Read the record again for a new one."), "text/plain", 403)
    except signing.BadSignature:
        return HttpResponse(_("This link is not one of this site's."), "text/plain", 403)
    except FileNotFoundError:
        return HttpResponse(_("The file is no longer there."), "text/plain", 404)
    response = FileResponse(file, as_attachment=content_type not in SHOWN, filename=filename, content_type=content_type)
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
