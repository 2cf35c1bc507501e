"""Django's admin, for what it is good at: lists and plain forms of accounts, roles and definitions, and raw look-ups.

Whoever may enter Configure may change all of it; nobody changes a record here, since only `submit` writes records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import (
    ReadOnlyPasswordHashField,
    ReadOnlyPasswordHashWidget,
    UserChangeForm,
    UserCreationForm,
)
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.forms.models import ModelChoiceIterator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from flowfinity import blueprint, names
from flowfinity.definitions import read_view
from flowfinity.fields import TYPES
from flowfinity.models import (
    App,
    Field,
    Journal,
    JSONField,
    Operation,
    Record,
    Role,
    Submission,
    User,
    View,
    configuring,
)
from flowfinity.query import SYSTEM_COLUMNS, Column, QueryError

# Roles say what people may do; Django's groups would be a second answer to the same question.
admin.site.unregister(Group)


def changing(request: HttpRequest) -> AbstractContextManager[None]:
    """What a request that may change the configuration runs in."""
    return configuring() if request.method == "POST" else nullcontext()


class Ticks(forms.CheckboxSelectMultiple):
    """Boxes to tick, `name` said of all of them. Django's own chooser needs a script to be of any use on a phone."""

    template_name = "flowfinity/parts/ticks.html"

    def __init__(self, name: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.name = name

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The template's context, with the name."""
        context = super().get_context(name, value, attrs)
        context["widget"]["group_name"] = self.name
        return context


class PlainAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists and pages that are called what they show, open to everybody who may enter Configure."""

    # A count beside each filter would be a query each; that there are some is seen in the list.
    show_facets = admin.ShowFacets.NEVER

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if context.get("original"):
            context |= {"title": str(context["original"]), "subtitle": None}
        context["adminform"].form.label_suffix = ""
        return super().render_change_form(request, context, *args, **kwargs)


class ConfigurationAdmin(PlainAdmin):
    """Lists and forms whose every change, actions and deletions included, happens inside `configuring()`."""

    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})}}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The input, without Django's icons that would open a window to change what it points to."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with changing(request):
            return super().changeform_view(request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        with changing(request):
            return super().changelist_view(request, extra_context)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with changing(request):
            return super().delete_view(request, *args, **kwargs)


class LookUpAdmin(PlainAdmin):
    """Lists and pages that show and change nothing."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# Accounts and roles


class AccountAddForm(UserCreationForm):  # type: ignore[type-arg]
    display_name = forms.CharField(
        max_length=150, required=False, help_text="What records and history show. Left empty: the user name."
    )

    class Meta:
        model = User
        fields = ("username", "display_name", "account_type")

    def clean(self) -> dict[str, Any]:
        """The form's values, the display name filled in."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["display_name"] = cleaned.get("display_name") or cleaned.get("username", "")
        return cleaned


class PasswordState(ReadOnlyPasswordHashWidget):
    """Whether there is a password, and the way to another one. How it is hashed tells the reader nothing."""

    template_name = "flowfinity/parts/password.html"


class AccountForm(UserChangeForm):  # type: ignore[type-arg]
    # Who fills it in; set by the admin on a subclass for each request.
    asked_by: ClassVar[User | None] = None
    password = ReadOnlyPasswordHashField(widget=PasswordState)

    class Meta(UserChangeForm.Meta):
        model = User
        labels = {"is_active": "Active", "is_staff": "May configure this site"}
        help_texts = {
            "is_active": "An account that is not active is refused at its very next request. Better than deleting it.",
            "is_staff": "Apps, roles, users and what is open to other systems: everything in Configure.",
        }

    def clean(self) -> dict[str, Any]:
        """The form's values, if nobody locks himself out by them."""
        cleaned = super().clean() or self.cleaned_data
        if self.instance == self.asked_by:
            for name in ("is_active", "is_staff"):
                if name in self.fields and not cleaned.get(name):
                    self.add_error(name, "You would lock yourself out. Ask a colleague who may configure to do this.")
        return cleaned


@admin.register(User)
class AccountAdmin(ConfigurationAdmin, UserAdmin):  # type: ignore[type-arg]
    form = AccountForm
    add_form = AccountAddForm
    add_form_template = None
    list_display = ("username", "display_name", "account", "role_names")
    list_filter = ("account_type", "is_active", "roles")
    search_fields = ("username", "display_name", "email")
    ordering = ("username",)
    empty_value_display = "none"
    filter_horizontal = ()
    readonly_fields = ("account", "last_login", "date_joined")
    add_fieldsets = (
        (
            None,
            {
                "fields": ("username", "display_name", "account_type"),
                "description": "A new account has no roles at first; the next page gives it some. Until then a person "
                "sees no app, and an integration account gets 404 from every view, operation and feed.",
            },
        ),
        ("Password", {"fields": ("password1", "password2")}),
    )
    fieldsets = (
        (None, {"fields": ("username", "password", "display_name", "email", "account")}),
        ("What it may do", {"fields": ("is_active", "is_staff", "roles")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The form's sections; an integration account enters no page, so it cannot configure either."""
        sections = super().get_fieldsets(request, obj)
        if obj is None or obj.is_person:
            return sections
        return [
            (title, {**section, "fields": tuple(name for name in section["fields"] if name != "is_staff")})
            for title, section in sections
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, which knows who fills it in."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"asked_by": request.user})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and obj != request.user

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("roles")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The roles, each with what it grants."""
        if db_field.name == "roles":
            roles = with_grants(Role.objects.all())
            kwargs |= {"form_class": RolesField, "queryset": roles, "widget": Ticks("Roles")}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with changing(request):
            return super().user_change_password(request, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """On to the page that gives the account its roles."""
        so = "sees no app" if obj.is_person else "gets 404 from every view, operation and feed"
        messages.warning(request, f"{obj} has no roles as yet, so it {so}. Choose its roles below.")
        return super().response_add(request, obj, post_url_continue)

    @admin.display(description="account type", ordering="account_type")
    def account(self, obj: User) -> str:
        type_ = "Regular" if obj.is_person else "Integration"
        may = ", may configure" if obj.is_person and obj.is_staff else ""
        return f"{type_}{may}{'' if obj.is_active else ', not active'}"

    @admin.display(description="roles")
    def role_names(self, obj: User) -> str:
        if obj.is_superuser and obj.is_person:
            return "needs none: it sees everything"
        return ", ".join(role.name for role in obj.roles.all()) or "no role"


def with_grants(roles: models.QuerySet[Role]) -> models.QuerySet[Any]:
    """The roles with what `grants_of` reads."""
    counts = (Count(name, distinct=True) for name in ("views", "operations", "feeds"))
    return roles.annotate(*counts).order_by("name")


def grants_of(role: Any) -> str:
    """What a role grants, counted: "4 views, 3 operations"."""
    counted = ((role.views__count, "view"), (role.operations__count, "operation"), (role.feeds__count, "feed"))
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counted if count) or "nothing"


def members(count: int) -> str:
    """The count with its word: "2 members"."""
    return f"{count or 'no'} member{'' if count == 1 else 's'}"


class RolesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        """A role and what it grants."""
        return f"{obj.name} ({grants_of(obj)})"


class ByApp(ModelChoiceIterator):  # type: ignore[type-arg]
    """Views or operations, in groups by their app."""

    def __iter__(self) -> Iterator[Any]:
        for app, rows in groupby(self.queryset, key=lambda part: part.app):
            yield app.label, [self.choice(row) for row in rows]


class PartsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    iterator = ByApp

    def label_from_instance(self, obj: Any) -> str:
        """A view or an operation, whose app is said above it."""
        return str(obj.label)


def grids(apps: Iterable[App]) -> SafeString:
    """Links to the apps' pages that show all roles side by side."""
    return format_html_join(
        ", ", '<a href="{}">{}</a>', ((reverse("configure-roles", args=[app.pk]), app.label) for app in apps)
    )


@admin.register(Role)
class RoleAdmin(ConfigurationAdmin):
    change_list_template = "flowfinity/configure/role_list.html"
    list_display = ("name", "member_names", "grants")
    search_fields = ("name",)
    readonly_fields = ("member_names",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The role itself, then what it grants, and the way to all roles side by side."""
        apps = grids(App.objects.all())
        side_by_side = format_html(" All roles side by side: {}.", apps) if apps else ""
        rule = "What none of a member’s roles grants is absent from the pages, and 404 in the API."
        says = format_html("{}{}", rule, side_by_side)
        return [
            (None, {"fields": ("name", "member_names")}),
            ("What members may use", {"fields": ("views", "operations", "feeds"), "description": says}),
        ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return with_grants(super().get_queryset(request).prefetch_related("members"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What a deletion would take along, in the words of the list and not of its tables."""
        _, _, missing, protected = super().get_deleted_objects(objs, request)
        roles = list(self.get_queryset(request).filter(pk__in=[role.pk for role in objs]))
        lost = [f"{role}, which grants {grants_of(role)} to {members(role.members.count())}" for role in roles]
        return lost, {"roles": len(roles)}, missing, protected

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"grids": grids(App.objects.all()), **(extra_context or {})})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Boxes to tick; views and operations in groups by app."""
        if db_field.name in {"views", "operations"}:
            rows = db_field.remote_field.model.objects.select_related("app")
            kwargs |= {"form_class": PartsField, "queryset": rows.order_by("app__label", "app", "position", "pk")}
        kwargs["widget"] = Ticks(capfirst(db_field.verbose_name))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(description="members")
    def member_names(self, obj: Any) -> SafeString | str:
        if obj.pk is None:
            return "None yet. Members are chosen on the page of each user."
        links = ((reverse("admin:flowfinity_user_change", args=[user.pk]), user) for user in obj.members.all())
        return format_html_join(", ", '<a href="{}">{}</a>', links) or "None. Choose them on the page of each user."

    @admin.display(description="grants")
    def grants(self, obj: Any) -> str:
        return grants_of(obj)


# Definitions


class Document(forms.JSONField):
    """JSON that a person writes: shown on many lines, and refused with the place of what is wrong."""

    widget = forms.Textarea(attrs={"rows": 6, "cols": 80, "class": "vLargeTextField", "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        """The decoded JSON, or None for nothing."""
        if isinstance(value, str) and value.strip():
            try:
                json.loads(value, parse_constant=refuse_constant)
            except json.JSONDecodeError as error:
                raise ValidationError(
                    f"This is not JSON. Line {error.lineno}, character {error.colno}: {error.msg}."
                ) from None
            except (ValueError, RecursionError) as error:
                raise ValidationError(f"This is not JSON: {error}.") from None
            if "\\u0000" in value:
                raise ValidationError("Remove the NUL character (\\u0000): it cannot be stored.")
        return super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        """The document as text; what was typed and is no JSON stays as it was typed."""
        if value is None or isinstance(value, forms.fields.InvalidJSONInput):
            return value or ""
        return laid_out(value)


def laid_out(value: Any, indent: str = "") -> str:
    """JSON with whatever fits into a line on one, so that a condition or a parameter is read at a glance."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= 68 or not isinstance(value, list | dict):
        return line
    inner = f"{indent}  "
    if isinstance(value, list):
        parts, ends = [laid_out(part, inner) for part in value], "[]"
    else:
        parts, ends = [f"{json.dumps(key)}: {laid_out(part, inner)}" for key, part in value.items()], "{}"
    return f"{ends[0]}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{ends[1]}"


def refuse_constant(name: str) -> Any:
    """Python reads NaN and Infinity, JSON has neither."""
    raise ValueError(f"{name} is no JSON number")


def columns_of(app: App) -> dict[str, Column]:
    """The app's fields by name. Not from `definitions.of`, which would keep what this transaction may yet roll back."""
    return {
        row.name: Column(row.name, row.label, TYPES[row.type], row.config, row.required, row.section, row.help)
        for row in app.fields.all()
    }


class DefinitionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A named part of an app's definition, checked by the functions that check a blueprint."""

    # What a blueprint calls its parts.
    keys: ClassVar[tuple[str, ...]]
    # Where a fault belongs that is none of a single input's.
    elsewhere: ClassVar[str | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:
            self.fields["name"].required = False
        for name, field in self.fields.items():
            if isinstance(field, Document):
                lines = str(self[name].value()).count("\n") + 2
                field.widget.attrs["rows"] = max(3, min(lines, 24))

    def clean(self) -> dict[str, Any]:
        """The form's values with the name settled, if a blueprint could bring them."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if "name" in self.fields and not cleaned["name"]:
            cleaned["name"] = names.propose(cleaned["label"])
            if not cleaned["name"]:
                self.add_error("name", "No name can be made from this label. Choose one: A-Z, then letters and digits.")
                return cleaned
        part = {key: cleaned[key] if key in self.fields else getattr(self.instance, key) for key in self.keys}
        self.note(blueprint.labelled("", part, set()))
        self.note(self.namesakes(part))
        if not self.errors:
            self.note(self.faults(part))
        return cleaned

    def app(self) -> App | None:
        """The app that the part belongs to."""
        chosen: App | None = self.cleaned_data.get("app")
        return chosen or (self.instance.app if self.instance.pk else None)

    def namesakes(self, part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Another of its kind in the app that has the name already."""
        rows = self.siblings().filter(name__iexact=part["name"]).exclude(pk=self.instance.pk)
        if rows.exists():
            yield "name", f"{part['name']} is taken already (capitals make no difference). Choose another name."

    def siblings(self) -> models.QuerySet[Any]:
        """Those among which the name must be unique."""
        rows: models.QuerySet[Any] = self._meta.model.objects.filter(app=self.app())
        return rows

    def faults(self, part: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """What is wrong with the part, as (path, sentence)."""
        return ()

    def note(self, faults: Iterable[tuple[str, str]]) -> None:
        """Shows each fault beside the input that its path leads to."""
        for path, sentence in faults:
            path = path.lstrip(".")
            name = re.split(r"[.\[]", path)[0]
            shown = capfirst(sentence) if path == name else f"{path}: {sentence}"
            self.add_error(name if name in self.fields else self.elsewhere, shown.rstrip(".") + ".")


class AppForm(DefinitionForm):
    keys = ("name", "label", "description")

    def siblings(self) -> models.QuerySet[Any]:
        return App.objects.all()


class FieldForm(DefinitionForm):
    keys = ("name", "label", "type", "required", "section", "help", "config")
    elsewhere = "config"
    type = forms.ChoiceField(
        choices=[(name, type.label) for name, type in TYPES.items()], help_text="Fixed once saved."
    )

    def clean_config(self) -> Any:
        """The type's settings, an object."""
        config = self.cleaned_data["config"] or {}
        if not isinstance(config, dict):
            raise ValidationError('Write an object here, like {"choices": ["Hot", "Warm", "Cold"]}.')
        return config

    def faults(self, part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What a blueprint's check says, and which views the change would break."""
        app = self.app()
        assert app is not None
        own = {key: value for key, value in part.items() if key != "config"}
        for name in own.keys() & part["config"].keys():
            yield "config", f"{name} has an input of its own"
        faults = list(blueprint.field_faults("", {**part["config"], **own}, None))
        yield from faults
        if self.instance.pk and not faults:
            before = columns_of(app)
            column = Column(part["name"], part["label"], TYPES[part["type"]], part["config"])
            after = {**before, column.name: column}
            for view in app.views.all():
                for path, sentence in set(faults_of(view, after)) - set(faults_of(view, before)):
                    yield "config", f"this would break the view {view.label}, whose {path.lstrip('.')} says: {sentence}"


def faults_of(view: View, fields: Mapping[str, Column]) -> Iterable[tuple[str, str]]:
    """What is wrong with a stored view, given its app's fields."""
    part = {"columns": view.columns, "filter": view.filter, "sort": view.sort, "parameters": view.parameters}
    return blueprint.view_faults("", part, {**fields, **SYSTEM_COLUMNS})


class OperationForm(DefinitionForm):
    keys = ("name", "label", "kind", "done", "fields")

    def clean_fields(self) -> Any:
        """The fields' names, a list."""
        return self.cleaned_data["fields"] or []

    def faults(self, part: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        app = self.app()
        assert app is not None
        return blueprint.operation_faults("", part, columns_of(app))


class ViewForm(DefinitionForm):
    keys = ("name", "label", "description", "columns", "filter", "sort", "parameters")

    def clean_sort(self) -> Any:
        """The sort keys, a list."""
        return self.cleaned_data["sort"] or []

    def clean_parameters(self) -> Any:
        """The parameters, a list."""
        return self.cleaned_data["parameters"] or []

    def faults(self, part: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        app = self.app()
        assert app is not None
        return blueprint.view_faults("", part, {**columns_of(app), **SYSTEM_COLUMNS})


class DefinitionAdmin(ConfigurationAdmin):
    """A part of the definition: what is fixed once saved can then only be read."""

    fixed: ClassVar[tuple[str, ...]] = ("name",)
    formfield_overrides = {
        **ConfigurationAdmin.formfield_overrides,
        JSONField: {"form_class": Document, "widget": Document.widget},
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The inputs that cannot be changed any more."""
        return (*super().get_readonly_fields(request, obj), *(self.fixed if obj else ()))


class PartAdmin(DefinitionAdmin):
    """A part of an app: in lists by app and place, new ones last."""

    fixed: ClassVar[tuple[str, ...]] = ("app", "name")
    list_filter = ("app",)
    list_select_related = ("app",)
    ordering = ("app__label", "position", "pk")
    search_fields = ("label", "name")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The inputs. A new part takes the last place, and has nothing to be put into words yet."""
        return [name for name in self.fields or () if obj or name not in {"position", "in_words"}]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            last = type(obj).objects.filter(app=obj.app).aggregate(last=Max("position"))["last"]
            obj.position = 0 if last is None else last + 1
        super().save_model(request, obj, form, change)


def list_of(model: str, app: App) -> str:
    """The list of an app's fields, operations or views."""
    return f"{reverse(f'admin:flowfinity_{model}_changelist')}?app__id__exact={app.pk}"


@admin.register(App)
class AppAdmin(DefinitionAdmin):
    form = AppForm
    change_list_template = "flowfinity/configure/app_list.html"
    change_form_template = "flowfinity/configure/app_form.html"
    list_display = ("label", "name", "field_count", "operation_count", "view_count")
    search_fields = ("label", "name")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        def count(model: type[models.Model]) -> Coalesce:
            rows = model._default_manager.filter(app=OuterRef("pk")).order_by().values("app")
            return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n")), 0)

        counts = {"n_fields": count(Field), "n_operations": count(Operation), "n_views": count(View)}
        found: models.QuerySet[Any] = super().get_queryset(request).annotate(**counts)
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The app itself, then the way to its parts once there is an app."""
        sections: list[Any] = [(None, {"fields": ("label", "name", "description")})]
        if obj:
            sections.append(("Definition", {"fields": ("its_fields", "its_operations", "its_views")}))
            sections.append(("Who may use it", {"fields": ("its_roles",)}))
        return sections

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "its_fields", "its_operations", "its_views", "its_roles")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            Journal.objects.create(app=obj)
            View.objects.create(app=obj, **blueprint.standard_view(obj))
            messages.info(request, "It has the view View all records, which shows each field that you add.")

    @admin.display(description="fields", ordering="n_fields")
    def field_count(self, obj: Any) -> str:
        return format_html('<a href="{}">{}</a>', list_of("field", obj), obj.n_fields)

    @admin.display(description="operations", ordering="n_operations")
    def operation_count(self, obj: Any) -> str:
        return format_html('<a href="{}">{}</a>', list_of("operation", obj), obj.n_operations)

    @admin.display(description="views", ordering="n_views")
    def view_count(self, obj: Any) -> str:
        return format_html('<a href="{}">{}</a>', list_of("view", obj), obj.n_views)

    @admin.display(description="fields")
    def its_fields(self, obj: App) -> str:
        return parts(obj, "field", obj.fields.all())

    @admin.display(description="operations")
    def its_operations(self, obj: App) -> str:
        return parts(obj, "operation", obj.operations.all())

    @admin.display(description="views")
    def its_views(self, obj: App) -> str:
        return parts(obj, "view", obj.views.all())

    @admin.display(description="roles")
    def its_roles(self, obj: App) -> str:
        granting = Role.objects.filter(Q(views__app=obj) | Q(operations__app=obj) | Q(feeds=obj)).distinct()
        links = format_html_join(
            ", ",
            '<a href="{}">{}</a>',
            ((reverse("admin:flowfinity_role_change", args=[role.pk]), role.name) for role in granting),
        )
        url = reverse("configure-roles", args=[obj.pk])
        return format_html('{}<br><a href="{}">Choose what each role may use</a>', links or "None yet.", url)


def parts(app: App, model: str, rows: Iterable[Any]) -> str:
    """Links to an app's parts of one kind, to their list, and to the form for one more."""
    links = format_html_join(
        ", ",
        '<a href="{}">{}</a>',
        ((reverse(f"admin:flowfinity_{model}_change", args=[row.pk]), row.label) for row in rows),
    )
    return format_html(
        '{}<br><a href="{}">List them</a> · <a href="{}?app={}">Add {} {}</a>',
        links or "None yet.",
        list_of(model, app),
        reverse(f"admin:flowfinity_{model}_add"),
        app.pk,
        "an" if model == "operation" else "a",
        model,
    )


@admin.register(Field)
class FieldAdmin(PartAdmin):
    form = FieldForm
    fixed = ("app", "name", "type")
    list_display = ("label", "name", "app", "type_label", "is_required", "section", "position")
    fields = ("app", "label", "name", "type", "config", "required", "section", "help", "position")
    readonly_fields = ("type_label",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The inputs; a type that is fixed is shown in words."""
        return ["type_label" if obj and name == "type" else name for name in super().get_fields(request, obj)]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, with examples beside the JSON."""
        kwargs["help_texts"] = {
            "config": 'A selection: {"choices": ["Hot", "Warm", "Cold"], "tones": {"Hot": "bad"}}, tones being bad, '
            'warn or ok. A currency: {"currency": "USD"}. Other types: nothing.',
            "help": "Shown under the input.",
        }
        kwargs["labels"] = {"config": "Settings"}
        return super().get_form(request, obj, change=change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            view = View.objects.filter(app=obj.app, name=blueprint.STANDARD_VIEW["name"]).first()
            if view and obj.name not in view.columns:
                view.columns.append(obj.name)
                view.save(update_fields=["columns"])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What a deletion would take along; a field that a view, an operation or a value needs is protected by it."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, missing, [*protected, *(why for field in objs for why in needed_by(field))]

    @admin.display(description="type", ordering="type")
    def type_label(self, obj: Field) -> str:
        return TYPES[obj.type].label

    @admin.display(description="required", ordering="required")
    def is_required(self, obj: Field) -> str:
        return "required" if obj.required else ""


def needed_by(field: Field) -> Iterator[str]:
    """What would be wrong without the field, in words."""
    everything = columns_of(field.app)
    rest = {name: column for name, column in everything.items() if name != field.name}
    for view in field.app.views.all():
        if set(faults_of(view, rest)) - set(faults_of(view, everything)):
            yield f"The view {view.label} uses {field.label}"
    for operation in field.app.operations.all():
        if field.name in operation.fields:
            yield f"The operation {operation.label} sets {field.label}"
    if Submission.objects.filter(app=field.app, values__has_key=field.name).exists():
        yield f"Records or their history hold values of {field.label}"


@admin.register(Operation)
class OperationAdmin(PartAdmin):
    form = OperationForm
    list_display = ("label", "name", "app", "kind", "field_names", "position")
    fields = ("app", "label", "name", "kind", "fields", "done", "position")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, with the names that can be used."""
        kwargs["help_texts"] = {"fields": f"The fields it may set, in the form's order. {usable(obj)}"}
        return super().get_form(request, obj, change=change, **kwargs)

    @admin.display(description="sets")
    def field_names(self, obj: Operation) -> str:
        return f"{len(obj.fields)} field{'' if len(obj.fields) == 1 else 's'}" if obj.fields else "–"


def usable(part: Any) -> str:
    """The names that the JSON of a view or an operation can use."""
    if part is None:
        return 'A list of names, like ["Company", "LastName"].'
    return f"Names: {', '.join(columns_of(part.app)) or 'none yet, this app has no fields'}."


def usable_by_view(part: Any) -> str:
    """The names that the JSON of a view can use."""
    return f"{usable(part)} And of the system: {', '.join(SYSTEM_COLUMNS)}."


@admin.register(View)
class ViewAdmin(PartAdmin):
    form = ViewForm
    list_display = ("label", "name", "app", "in_words", "position")
    readonly_fields = ("in_words",)
    fields = ("app", "label", "name", "description", "columns", "in_words", "filter", "sort", "parameters", "position")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, with an example beside each JSON."""
        kwargs["help_texts"] = {
            "columns": f"What is shown, in the layout's order. {usable_by_view(obj)}",
            "filter": 'Which records; empty for all. {"all": […]} or {"any": […]} around conditions like '
            '{"field": "Rating", "operator": "is", "value": "Hot"}; "parameter" in '
            'the place of "value" asks the reader.',
            "sort": 'At most three keys, like {"field": "LastModifiedOn", "direction": "descending"}, in a list.',
            "parameters": "What the reader is asked, in a list, like "
            '{"name": "Company", "label": "Company", "type": "text"}.',
        }
        return super().get_form(request, obj, change=change, **kwargs)

    @admin.display(description="in words")
    def in_words(self, obj: View) -> str:
        try:
            return read_view(obj, {**columns_of(obj.app), **SYSTEM_COLUMNS}).query.describe()
        except QueryError as error:
            return f"This view cannot be read, so it shows nothing. {error}"


# Look-ups


@admin.register(Record)
class RecordAdmin(LookUpAdmin):
    list_display = (
        "__str__",
        "app",
        "last_operation",
        "modified_on",
        "modified_by",
        "last_submission_id",
        "is_deleted",
    )
    list_filter = ("app", "deleted")
    list_select_related = ("app", "modified_by")
    ordering = ("-pk",)
    search_fields = ("=id",)
    search_help_text = "A record’s number"
    fields = (
        "app", "document", "is_deleted", "created_on", "created_by", "modified_on", "modified_by", "last_operation",
        "first_submission_id", "last_submission_id", "its_submissions",
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is shown; of a record that is there, not that it is."""
        return [name for name in self.fields if name != "is_deleted" or (obj and obj.deleted)]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Records by number, written with the zeros in front or without."""
        return super().get_search_results(request, queryset, search_term.strip().lstrip("0"))

    @admin.display(description="deleted", ordering="deleted")
    def is_deleted(self, obj: Record) -> str:
        return "deleted" if obj.deleted else ""

    @admin.display(description="values")
    def document(self, obj: Any) -> str:
        return printed(obj.values)

    @admin.display(description="submissions")
    def its_submissions(self, obj: Record) -> str:
        url = f"{reverse('admin:flowfinity_submission_changelist')}?record__id__exact={obj.pk}"
        return format_html('<a href="{}">{}</a>', url, obj.submissions.count())


@admin.register(Submission)
class SubmissionAdmin(LookUpAdmin):
    list_display = ("id", "app", "record", "kind", "operation", "by", "on")
    list_filter = ("app", "kind")
    list_select_related = ("app", "record", "by")
    ordering = ("-pk",)
    search_fields = ("=id", "=record__id")
    search_help_text = "A submission’s or a record’s number"
    fields = ("id", "app", "record", "kind", "operation", "by", "on", "changes", "document")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """The list of one record's submissions, beside Django's own."""
        return lookup == "record__id__exact" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description="values after")
    def document(self, obj: Any) -> str:
        return printed(obj.values)

    @admin.display(description="changed fields")
    def changes(self, obj: Submission) -> str:
        return ", ".join(obj.changed) or "none"


def printed(document: Any) -> str:
    """JSON to read."""
    return format_html(
        '<pre tabindex="0" role="region" aria-label="JSON">{}</pre>', json.dumps(document, ensure_ascii=False, indent=2)
    )
