"""An app's next definition while somebody works on it: a blueprint that is changed here and there, then published.

A draft may hold faults (a view that is not finished, say), so that no work is lost; publishing names all of them.
What a poll, a form and `submit` read is the published definition alone, so an edit costs them nothing.
"""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from flowfinity import blueprint
from flowfinity.fields import TYPES
from flowfinity.models import App, Draft, User, configuring
from flowfinity.query import Column, QueryError

Document = dict[str, Any]
# How many fields a sentence names before it counts the rest.
MOST_NAMED = 8


def document(app: App) -> Document:
    """The app as it will be: its draft's blueprint, else its published definition."""
    draft = Draft.objects.filter(app=app).first()
    return blueprint.export_app(app) if draft is None else draft.document


@contextmanager
def editing(app: App, by: User, now: dt.datetime) -> Iterator[Document]:
    """The app's document to be changed in place, and kept as its draft at the end of the block.

    All in one transaction, one editor at a time. A draft is begun when there is none, and is gone when it has become
    what is published.
    """
    with transaction.atomic():
        published = blueprint.export_app(app)
        begun = {"document": published, "origin": published, "by": by, "on": now}
        draft, _made = Draft.objects.select_for_update().get_or_create(app=app, defaults=begun)
        edited = copy.deepcopy(draft.document)
        yield edited
        if edited == published:
            draft.delete()
        elif edited != draft.document:
            draft.document, draft.by, draft.on = edited, by, now
            draft.save()


def discard(app: App) -> bool:
    """Throws the app's draft away; True when the app went with it, because nothing of it was ever published."""
    if not is_empty(app):
        Draft.objects.filter(app=app).delete()
        return False
    with configuring():
        app.delete()
    return True


def is_empty(app: App) -> bool:
    """True for an app that came in as a draft, so that it has nothing until that is published."""
    # Not by the log alone: that goes with the account of whoever published.
    if app.former or any(rows.exists() for rows in (app.fields, app.operations, app.views)):
        return False
    return not app.journal.last_submission_id and not published_before(app).exists()


def published_before(app: App) -> models.QuerySet[LogEntry]:
    """What was published of the app, newest first."""
    return LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(App), object_id=str(app.pk))


class Unseen(Exception):
    """What would be published, or be replaced by it, is not what was shown."""


def publish(app: App, by: User, now: dt.datetime, seen: str = "") -> App:
    """Makes the app what its draft says, and keeps in its log what that changed. Raises BlueprintError with all faults.

    What the draft leaves out is removed, records are kept. Without a draft, nothing happens. Raises Unseen when `seen`
    is given and is not the `digest` of what there is.
    """
    with configuring():
        draft = Draft.objects.select_for_update().filter(app=app).first()
        if draft is None:
            return app
        before = blueprint.export_app(app)
        if seen and seen != digest(before, draft.document):
            raise Unseen
        app = blueprint.replace_app(app, draft.document)
        LogEntry.objects.create(
            user=by,
            action_time=now,
            action_flag=CHANGE,
            content_type=ContentType.objects.get_for_model(App),
            object_id=str(app.pk),
            object_repr=str(app)[:200],
            change_message="\n".join(change.sentence for change in changes(before, draft.document)),
        )
        draft.delete()
    return app


def digest(published: Document, edited: Document) -> str:
    """What a page has shown of both, so that nobody publishes what he has not seen."""
    return hashlib.sha256(orjson.dumps([published, edited], option=orjson.OPT_SORT_KEYS)).hexdigest()


def find(parts: Sequence[Document], name: str) -> Document | None:
    """The part of that name, in any case."""
    return next((part for part in parts if part["name"].lower() == name.lower()), None)


# What a draft changes, in words


@dataclass(frozen=True)
class Change:
    """One difference: `verb` is adds, removes, changes or moves; `kind` app, fields, operations or views."""

    verb: str
    kind: str
    name: str
    sentence: str
    # True when nothing but what the part is called differs.
    label_only: bool = False
    # The name of the field that comes or goes, where the change does no more than follow from that.
    cause: str = ""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """What makes the new document out of the old one, in plain sentences and in the order of a blueprint. Pure."""
    found = list(app_changes(old["app"], new["app"]))
    for kind in blueprint.KINDS_OF_PARTS:
        found += part_changes(kind, old, new)
    return found


def app_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What becomes of the app itself."""
    if old["label"] != new["label"]:
        yield Change("changes", "app", new["name"], _("renames the app to %s") % new["label"])
    if old.get("description", "") != new.get("description", ""):
        yield Change("changes", "app", new["name"], _("changes the description of the app"))


def part_changes(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What becomes of fields, operations or views."""
    before = {part["name"]: part for part in old[kind]}
    after = {part["name"]: part for part in new[kind]}
    columns = (blueprint.columns_of(old), blueprint.columns_of(new))
    for name, part in before.items():
        if name not in after:
            yield Change("removes", kind, name, removed(kind, part))
    for name, part in after.items():
        if name not in before:
            yield Change("adds", kind, name, added(kind, part, columns[1]))
        else:
            alone = {**before[name], "label": part["label"]} == part
            for sentence in SENTENCES[kind](before[name], part, *columns):
                yield Change("changes", kind, name, sentence, alone)
            for cause, sentence in consequences(kind, before[name], part, *columns):
                yield Change("changes", kind, name, sentence, cause=cause)
    stay = [name for name in before if name in after]
    if stay != [name for name in after if name in before]:
        yield Change("moves", kind, "", _(MOVED[kind]))


MOVED = {
    "fields": gettext_noop("changes the order of the fields"),
    "operations": gettext_noop("changes the order of the operations"),
    "views": gettext_noop("changes the order of the views"),
}


def removed(kind: str, part: Mapping[str, Any]) -> str:
    """That a part goes."""
    words = {
        "fields": _("removes the field %s"),
        "operations": _("removes the operation %s"),
        "views": _("removes the view %s"),
    }
    return str(words[kind] % part["label"])


def added(kind: str, part: Mapping[str, Any], columns: Mapping[str, Column]) -> str:
    """That a part comes, and what it is."""
    label = part["label"]
    if kind == "fields":
        type = TYPES.get(part["type"])
        return _("adds the field %(label)s (%(type)s)") % {
            "label": label,
            "type": str(type.label).lower() if type else part["type"],
        }
    if kind == "operations":
        words = {"label": label, "kind": _(KIND_WORDS.get(part["kind"], part["kind"]))}
        if not part.get("fields"):
            return _("adds the operation %(label)s (%(kind)s)") % words
        words["names"] = some_labels(part["fields"], columns)
        return _("adds the operation %(label)s (%(kind)s), which sets %(names)s") % words
    return _("adds the view %(label)s: %(sentence)s") % {"label": label, "sentence": sentence_of(part, columns)}


KIND_WORDS = {
    "create": gettext_noop("creates a record"),
    "update": gettext_noop("updates a record"),
    "delete": gettext_noop("deletes a record"),
}


def sentence_of(view: Mapping[str, Any], columns: Mapping[str, Column]) -> str:
    """Which records a document's view shows, as a sentence without its full stop; or that this is not finished."""
    try:
        return blueprint.query_of(view, columns).describe().rstrip(".")
    except QueryError:
        return _("which is not finished")


def relabelled(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """That a part is called something else."""
    if old["label"] != new["label"]:
        yield _("changes the label of %(old)s to %(new)s") % {"old": old["label"], "new": new["label"]}


def field_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], before: Mapping[str, Column], after: Mapping[str, Column]
) -> Iterator[str]:
    """What becomes of a field."""
    yield from relabelled(old, new)
    label = new["label"]
    if old["type"] != new["type"]:
        yield _("changes the type of %s") % label
    if old.get("required", False) != new.get("required", False):
        yield (_("makes %s required") if new.get("required") else _("makes %s optional")) % label
    if old.get("section", "") != new.get("section", ""):
        section = new.get("section", "")
        yield (
            _("puts %(label)s under the heading %(section)s") % {"label": label, "section": section}
            if section
            else _("puts %s under no heading") % label
        )
    if old.get("help", "") != new.get("help", ""):
        yield _("changes the help text of %s") % label
    yield from setting_changes(label, old, new)


def setting_changes(label: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What becomes of the settings of a field's type."""
    for key in sorted((old.keys() | new.keys()) - set(blueprint.FIELD_KEYS)):
        was, is_ = old.get(key), new.get(key)
        if was == is_:
            continue
        if key == "choices" and isinstance(was, list) and isinstance(is_, list):
            more = [choice for choice in is_ if choice not in was]
            less = [choice for choice in was if choice not in is_]
            if more:
                yield ngettext(
                    "adds the choice %(choices)s to %(label)s", "adds the choices %(choices)s to %(label)s", len(more)
                ) % {"choices": ", ".join(more), "label": label}
            if less:
                yield ngettext(
                    "no longer offers the choice %(choices)s of %(label)s",
                    "no longer offers the choices %(choices)s of %(label)s",
                    len(less),
                ) % {"choices": ", ".join(less), "label": label}
            if not more and not less:
                yield _("changes the order of the choices of %s") % label
        elif key == "tones":
            yield _("changes the colours of the choices of %s") % label
        elif isinstance(is_, str):
            words = {"currency": _("changes the currency of %(label)s to %(value)s"),
                     "app": _("lets %(label)s link to records of %(value)s")}  # fmt: skip
            default = _("changes a setting of %(label)s to %(value)s")
            yield words.get(key, default) % {"label": label, "value": is_}
        else:
            yield _("changes the settings of %s") % label


def operation_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], before: Mapping[str, Column], after: Mapping[str, Column]
) -> Iterator[str]:
    """What becomes of an operation."""
    yield from relabelled(old, new)
    label = new["label"]
    if old["kind"] != new["kind"]:
        words = _(KIND_WORDS.get(new["kind"], new["kind"]))
        yield _("changes what %(label)s does: it now %(kind)s") % {"label": label, "kind": words}
    if old.get("done", "") != new.get("done", ""):
        yield _("changes what the history says of %s") % label
    yield from list_changes("operations", old, new, before, after)


def view_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], before: Mapping[str, Column], after: Mapping[str, Column]
) -> Iterator[str]:
    """What becomes of a view."""
    yield from relabelled(old, new)
    label = new["label"]
    if old.get("description", "") != new.get("description", ""):
        yield _("changes the description of %s") % label
    yield from list_changes("views", old, new, before, after)
    left = [key for key in old.get("sort", []) if not leaves_the_app(key.get("field"), before, after)]
    if (old.get("filter"), left) != (new.get("filter"), new.get("sort", [])):
        yield _("changes which records %(label)s shows, from “%(old)s” to “%(new)s”") % {
            "label": label,
            "old": sentence_of(old, before),
            "new": sentence_of(new, after),
        }
    if old.get("parameters", []) != new.get("parameters", []):
        asked = ", ".join(part.get("label", "") for part in new.get("parameters", []))
        yield (
            _("changes what %(label)s asks its reader: %(asked)s") % {"label": label, "asked": asked}
            if asked
            else _("%s no longer asks its reader anything") % label
        )


# By kind, the key of the columns that a part lists, and what is said when some come, when some go, when they move.
LISTED = {
    "operations": (
        "fields",
        gettext_noop("lets %(label)s set %(names)s"),
        gettext_noop("%(label)s no longer sets %(names)s"),
        gettext_noop("changes the order of the fields of %(label)s"),
    ),
    "views": (
        "columns",
        gettext_noop("shows %(names)s in %(label)s"),
        gettext_noop("no longer shows %(names)s in %(label)s"),
        gettext_noop("changes the order of the columns of %(label)s"),
    ),
}


def list_changes(
    kind: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    before: Mapping[str, Column],
    after: Mapping[str, Column],
) -> Iterator[str]:
    """What comes into a part's columns, what goes, and whether the rest is in another order.

    Fields that come into the app or leave it are not told: see `consequences`.
    """
    key, more, less, moved = LISTED[kind]
    was, is_, label = old.get(key, []), new.get(key, []), new["label"]
    came = [name for name in is_ if name not in was and not leaves_the_app(name, after, before)]
    gone = [name for name in was if name not in is_ and not leaves_the_app(name, before, after)]
    if came:
        yield _(more) % {"label": label, "names": labels(came, after)}
    if gone:
        yield _(less) % {"label": label, "names": labels(gone, before)}
    if [name for name in was if name in is_] != [name for name in is_ if name in was]:
        yield _(moved) % {"label": label}


def consequences(
    kind: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    before: Mapping[str, Column],
    after: Mapping[str, Column],
) -> Iterator[tuple[str, str]]:
    """What happens to an operation or a view by fields that come into the app or leave it: (field, sentence) pairs."""
    if kind not in LISTED:
        return
    key, more, less, _moved = LISTED[kind]
    was, is_, label = old.get(key, []), new.get(key, []), new["label"]
    for name in is_:
        if name not in was and leaves_the_app(name, after, before):
            yield name, _(more) % {"label": label, "names": labels([name], after)}
    for name in was:
        if name not in is_ and leaves_the_app(name, before, after):
            yield name, _(less) % {"label": label, "names": labels([name], before)}
    for sorted_by in old.get("sort", []):
        name = sorted_by.get("field")
        if leaves_the_app(name, before, after) and sorted_by not in new.get("sort", []):
            yield name, _("no longer sorts %(label)s by %(names)s") % {"label": label, "names": labels([name], before)}


def leaves_the_app(name: Any, before: Mapping[str, Column], after: Mapping[str, Column]) -> bool:
    """True for a field that is there before and not after; the other way round, for one that comes."""
    return name in before and name not in after


def labels(names: Iterable[str], columns: Mapping[str, Column]) -> str:
    """The columns' labels, in a row."""
    return ", ".join(columns[name].heading if name in columns else name for name in names)


def some_labels(names: Sequence[str], columns: Mapping[str, Column]) -> str:
    """The columns' labels, in a row; of many the first, and how many more there are."""
    left = len(names) - MOST_NAMED
    if left < 2:
        return labels(names, columns)
    return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", left) % {
        "names": labels(names[:MOST_NAMED], columns),
        "count": left,
    }


SENTENCES = {"fields": field_changes, "operations": operation_changes, "views": view_changes}


def summary(found: Sequence[Change]) -> str:
    """The changes counted: "adds 2 fields, changes the label of 1 field"; "" for none."""
    said = []
    for (verb, label_only), counted in COUNTED.items():
        for kind in blueprint.KINDS_OF_PARTS:
            fits = {one.name for one in found if (one.verb, one.label_only, one.kind) == (verb, label_only, kind)}
            if fits:
                said.append(_(counted) % {"parts": parts_counted(kind, len(fits))})
    rest = [one.sentence for one in found if one.kind == "app" or one.verb == "moves"]
    return ", ".join([*said, *rest])


COUNTED = {
    ("adds", False): gettext_noop("adds %(parts)s"),
    ("changes", False): gettext_noop("changes %(parts)s"),
    ("changes", True): gettext_noop("changes the label of %(parts)s"),
    ("removes", False): gettext_noop("removes %(parts)s"),
}


def parts_counted(kind: str, count: int) -> str:
    """So many fields, operations or views: "2 fields"."""
    words = {
        "fields": ngettext("%(count)d field", "%(count)d fields", count),
        "operations": ngettext("%(count)d operation", "%(count)d operations", count),
        "views": ngettext("%(count)d view", "%(count)d views", count),
    }
    return words[kind] % {"count": count}


def touched_views(old: Mapping[str, Any], new: Mapping[str, Any], found: Sequence[Change]) -> set[str]:
    """Names of published views whose answers differ: changed themselves, or by a field that they show or ask for."""
    fields = {
        one.name for one in found if one.kind == "fields" and one.verb in {"changes", "removes"} and not one.label_only
    }
    touched = {one.name for one in found if one.kind == "views" and not one.label_only}
    for view in old["views"]:
        if fields.intersection(fields_used_by(view)):
            touched.add(view["name"])
    return touched & {view["name"] for view in old["views"]}


def touched_operations(old: Mapping[str, Any], new: Mapping[str, Any], found: Sequence[Change]) -> set[str]:
    """Names of published operations that take other values: changed themselves, or by a field that they set."""
    fields = {one.name for one in found if one.kind == "fields" and one.verb == "changes" and not one.label_only}
    touched = {one.name for one in found if one.kind == "operations" and not one.label_only}
    for operation in old["operations"]:
        if fields.intersection(operation["fields"]):
            touched.add(operation["name"])
    return touched & {operation["name"] for operation in old["operations"]}


def fields_used_by(view: Mapping[str, Any]) -> Iterator[str]:
    """Names of the columns that a view shows, sorts by or asks for."""
    yield from view["columns"]
    yield from (key.get("field", "") for key in view.get("sort") or [] if isinstance(key, dict))
    yield from (leaf["field"] for leaf in leaves(view.get("filter")) if isinstance(leaf.get("field"), str))


def leaves(part: Any) -> Iterator[Document]:
    """The conditions of a stored filter, finished or not."""
    if isinstance(part, dict):
        for inner in part.get("all") or part.get("any") or []:
            yield from leaves(inner)
        if "field" in part:
            yield part


def rename_field(edited: Document, old: str, new: str) -> None:
    """Gives a field of the document, and all that uses it, another name."""
    for operation in edited["operations"]:
        operation["fields"] = [new if name == old else name for name in operation["fields"]]
    for view in edited["views"]:
        view["columns"] = [new if name == old else name for name in view["columns"]]
        for leaf in [*leaves(view.get("filter")), *(view.get("sort") or [])]:
            if leaf.get("field") == old:
                leaf["field"] = new
    for field in edited["fields"]:
        if field["name"] == old:
            field["name"] = new


def remove_field(edited: Document, name: str) -> None:
    """Takes a field out of the document: out of its operations, its columns and its sorts as well.

    A filter that asks for it is left as it is, and is a fault until somebody says what the view shall show.
    """
    edited["fields"] = [field for field in edited["fields"] if field["name"] != name]
    for operation in edited["operations"]:
        operation["fields"] = [one for one in operation["fields"] if one != name]
    for view in edited["views"]:
        view["columns"] = [one for one in view["columns"] if one != name]
        view["sort"] = [key for key in view.get("sort") or [] if key.get("field") != name]
