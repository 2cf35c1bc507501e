"""Django's admin, for what it is good at: lists and plain forms of accounts and roles, and raw look-ups.

Whoever may enter Configure may change all of it; nobody changes a record here, since only `submit` writes records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    ReadOnlyPasswordHashField,
    ReadOnlyPasswordHashWidget,
    UserChangeForm,
    UserCreationForm,
)
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Count, Q
from django.forms.models import ModelChoiceIterator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext, pgettext, pgettext_lazy

from flowfinity import definitions, references
from flowfinity.definitions import AppDefinition
from flowfinity.fields import cut
from flowfinity.models import (
    App,
    Configuration,
    Record,
    Role,
    Submission,
    User,
    configuring,
)

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

    change_form_template = "flowfinity/configure/look_up.html"
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# Accounts and roles

# A role may be called Integration as well, so the pages say more of the type than its name.
ACCOUNT_TYPES = (
    (User.REGULAR, gettext_lazy("Regular user")),
    (User.INTEGRATION, gettext_lazy("Integration user (REST only)")),
)
PASSWORD_HELP = gettext_lazy(
    "At least 8 characters; not digits alone, no password that many use, and nothing like the account’s name."
)


ACCOUNT_HELP = {
    "username": gettext_lazy("What the account signs in with: letters, digits and @ . + - _"),
    "email": gettext_lazy("Where the link goes that replaces a forgotten password."),
    "roles": gettext_lazy(
        "What the account may see and run. Any role goes with either account type, whatever it is called."
    ),
}


class AccountAddForm(UserCreationForm):  # type: ignore[type-arg]
    display_name = forms.CharField(
        label=gettext_lazy("Full name"),
        max_length=150,
        required=False,
        help_text=gettext_lazy("What records and history show. Left empty: the user name."),
    )
    account_type = forms.ChoiceField(
        label=gettext_lazy("Account type"),
        choices=(
            (User.REGULAR, gettext_lazy("Regular user: a person, who signs in to pages")),
            (User.INTEGRATION, gettext_lazy("Integration user (REST only): Zapier or another program")),
        ),
        initial=User.REGULAR,
    )

    class Meta:
        model = User
        fields = ("username", "display_name", "email", "account_type", "roles")
        help_texts = ACCOUNT_HELP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = PASSWORD_HELP

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
    password = ReadOnlyPasswordHashField(label=gettext_lazy("Password"), widget=PasswordState)

    class Meta(UserChangeForm.Meta):
        model = User
        labels = {
            "display_name": gettext_lazy("Full name"),
            "is_active": pgettext_lazy("account", "Active"),
            "is_staff": gettext_lazy("May configure this site"),
        }
        help_texts = {
            **ACCOUNT_HELP,
            "is_active": gettext_lazy(
                "An account that is not active is refused at its very next request. Better than deleting it."
            ),
            "is_staff": gettext_lazy("Apps, roles, users and what is open to other systems: everything in Configure."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Only a person is sent a link.
        if not self.instance.is_person and "email" in self.fields:
            self.fields["email"].help_text = ""

    def clean(self) -> dict[str, Any]:
        """The form's values, if nobody locks himself out by them."""
        cleaned = super().clean() or self.cleaned_data
        if self.instance == self.asked_by:
            for name in ("is_active", "is_staff"):
                if name in self.fields and not cleaned.get(name):
                    told = _("You would lock yourself out. Ask a colleague who may configure to do this.")
                    self.add_error(name, told)
        return cleaned


class AccountPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Django's, whose help is put together before anybody's language is known, and speaks to the wrong person."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = PASSWORD_HELP

    @property
    def usable_password_help_text(self) -> SafeString:  # type: ignore[override]
        """What it means to have no password."""
        return format_html(
            '{}<ul id="id_unusable_warning" class="messagelist"><li class="warning">{}</li></ul>',
            _("Without a password nobody can sign in with this account, and no program can call with it."),
            _("Its present password is lost, and it is refused until it is given another one."),
        )


class AccountTypeFilter(admin.SimpleListFilter):
    """Accounts of one type."""

    title = gettext_lazy("account type")
    parameter_name = "account_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return ACCOUNT_TYPES

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(account_type=self.value()) if self.value() else queryset


@admin.register(User)
class AccountAdmin(ConfigurationAdmin, UserAdmin):  # type: ignore[type-arg]
    form = AccountForm
    add_form = AccountAddForm
    add_form_template = None
    change_password_form = AccountPasswordForm
    list_display = ("username", "full_name", "account", "role_names")
    list_filter = (AccountTypeFilter, "is_active", "roles")
    search_fields = ("username", "display_name", "email")
    ordering = ("username",)
    empty_value_display = pgettext_lazy("value", "none")
    filter_horizontal = ()
    readonly_fields = ("account", "last_login", "date_joined")
    add_fieldsets = (
        (None, {"fields": ("username", "display_name", "email", "account_type")}),
        (
            gettext_lazy("What it may do"),
            {
                "fields": ("roles",),
                "description": gettext_lazy(
                    "Without a role a person sees no app, and an integration user gets 404 from every view, "
                    "operation and feed."
                ),
            },
        ),
        (gettext_lazy("Password"), {"fields": ("password1", "password2")}),
    )
    fieldsets = (
        (None, {"fields": ("username", "password", "display_name", "email", "account")}),
        (gettext_lazy("What it may do"), {"fields": ("is_active", "is_staff", "roles")}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
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
            kwargs |= {"form_class": RolesField, "queryset": roles, "widget": Ticks(_("Roles"))}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with changing(request):
            return super().user_change_password(request, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Back to the list, or for an account without roles on to the page that gives it some."""
        if obj.roles.exists():
            # Past Django's own, which always goes on to the account's page.
            return super(UserAdmin, self).response_add(request, obj, post_url_continue)
        if obj.is_person:
            told = _("%s has no roles as yet, so it sees no app. Choose its roles below.")
        else:
            told = _(
                "%s has no roles as yet, so it gets 404 from every view, operation and feed. Choose its roles below."
            )
        messages.warning(request, told % obj)
        return super().response_add(request, obj, post_url_continue)

    @admin.display(description=gettext_lazy("full name"), ordering="display_name")
    def full_name(self, obj: User) -> str:
        return obj.display_name

    @admin.display(description=gettext_lazy("account type"), ordering="account_type")
    def account(self, obj: User) -> str:
        said = [str(dict(ACCOUNT_TYPES)[obj.account_type])]
        if obj.is_person and obj.is_staff:
            said.append(_("may configure"))
        if not obj.is_active:
            said.append(_("not active"))
        return ", ".join(said)

    @admin.display(description=gettext_lazy("roles"))
    def role_names(self, obj: User) -> str:
        if obj.is_superuser and obj.is_person:
            return _("needs none: it sees everything")
        return ", ".join(role.name for role in obj.roles.all()) or _("no role")


def with_grants(roles: models.QuerySet[Role]) -> models.QuerySet[Any]:
    """The roles with what `grants_of` reads."""
    counts = (Count(name, distinct=True) for name in ("views", "operations", "feeds"))
    return roles.annotate(*counts).order_by("name")


def grants_of(role: Any) -> str:
    """What a role grants, counted: "4 views, 3 operations"."""
    counted = (
        (role.views__count, ngettext("%(count)d view", "%(count)d views", role.views__count)),
        (role.operations__count, ngettext("%(count)d operation", "%(count)d operations", role.operations__count)),
        (role.feeds__count, ngettext("%(count)d feed", "%(count)d feeds", role.feeds__count)),
    )
    return ", ".join(words % {"count": count} for count, words in counted if count) or pgettext("grants", "nothing")


def members(count: int) -> str:
    """The count with its word: "2 members"."""
    return ngettext("%(count)d member", "%(count)d members", count) % {"count": count} if count else _("no members")


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
        says: Any = _("What none of a member’s roles grants is absent from the pages, and 404 in the API.")
        if apps:
            says = format_html("{} {}", says, format_html(_("All roles side by side: {}."), apps))
        return [
            (None, {"fields": ("name", "member_names")}),
            (_("What members may use"), {"fields": ("views", "operations", "feeds"), "description": says}),
        ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return with_grants(super().get_queryset(request).prefetch_related("members"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What a deletion would take along, in the words of the list and not of its tables."""
        _objects, _counts, missing, protected = super().get_deleted_objects(objs, request)
        roles = list(self.get_queryset(request).filter(pk__in=[role.pk for role in objs]))
        told = _("%(role)s, which grants %(grants)s to %(members)s")
        lost = [
            told % {"role": role, "grants": grants_of(role), "members": members(role.members.count())} for role in roles
        ]
        return lost, {_("roles"): len(roles)}, missing, protected

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"grids": grids(App.objects.all()), **(extra_context or {})})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Boxes to tick; views and operations in groups by app."""
        if db_field.name in {"views", "operations"}:
            rows = db_field.remote_field.model.objects.select_related("app")
            kwargs |= {"form_class": PartsField, "queryset": rows.order_by("app__label", "app", "position", "pk")}
        kwargs["widget"] = Ticks(capfirst(db_field.verbose_name))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("members"))
    def member_names(self, obj: Any) -> SafeString | str:
        if obj.pk is None:
            return _("None yet. Members are chosen on the page of each user.")
        links = ((reverse("admin:flowfinity_user_change", args=[user.pk]), user) for user in obj.members.all())
        return format_html_join(", ", '<a href="{}">{}</a>', links) or _("None. Choose them on the page of each user.")

    @admin.display(description=gettext_lazy("grants"))
    def grants(self, obj: Any) -> str:
        return grants_of(obj)


# Look-ups

LONGEST_TITLE = 80
NUMBER = re.compile(r"[0-9]{1,18}")


def in_words(app: AppDefinition, values: Mapping[str, Any]) -> SafeString:
    """What a record holds, field by field, as people read it; of fields that are gone, what is kept."""
    world = references.world(app.fields.values(), [values], "")
    told = [
        (column.heading, column.type.display(values.get(name), column.config, world))
        for name, column in app.fields.items()
        if name in values or column.type.never_blank
    ]
    told += [(name, json.dumps(value, ensure_ascii=False)) for name, value in values.items() if name not in app.fields]
    rows = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', told)
    return format_html('<table class="values"><tbody>{}</tbody></table>', rows)


def called(app: AppDefinition, operation: str) -> str:
    """The label of an operation that is kept by name; of one that is gone, its name."""
    try:
        return app.operation(operation).label if operation else ""
    except definitions.Unknown:
        return operation


class OfApps(LookUpAdmin):
    """What apps have very many of: found by number or by app, which alone have an index."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        # So that the definition that is kept of an app need not be asked for again for each row.
        version = Configuration.objects.values("version")[:1]
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(version=version)
        return rows

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Rows by number, written with the zeros in front or without, or those of the apps that are called so."""
        term = search_term.strip().removeprefix("#")
        if not term:
            return queryset, False
        if NUMBER.fullmatch(term):
            # Not Django's search, which compares numbers as text and so reads every row.
            return queryset.filter(reduce(or_, (Q((name, int(term))) for name in self.search_fields))), False
        apps = App.objects.filter(Q(label__icontains=term) | Q(name__icontains=term))
        return queryset.filter(app__in=list(apps)), False


@admin.register(Record)
class RecordAdmin(OfApps):
    list_display = ("__str__", "title", "app", "last_done", "modified_on", "modified_by")
    list_filter = ("app", "deleted")
    list_select_related = ("app", "modified_by")
    ordering = ("-pk",)
    search_fields = ("id",)
    search_help_text = gettext_lazy(
        "Finds a record by its number, or all of an app. By what it holds, look for it in a view of its app."
    )
    fields = (
        "app", "workspace", "document", "is_deleted", "created_on", "created_by", "modified_on", "modified_by",
        "last_done", "first_submission_id", "last_submission_id", "its_submissions",
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is shown; of a record that is there, not that it is."""
        return [name for name in self.fields if name != "is_deleted" or (obj and obj.deleted)]

    @admin.display(description=gettext_lazy("deleted"))
    def is_deleted(self, obj: Record) -> str:
        return _("deleted") if obj.deleted else ""

    @admin.display(description=gettext_lazy("what it is"))
    def title(self, obj: Any) -> str:
        words = cut(references.title_of(definitions.of(obj.app_id, obj.version), obj.values), LONGEST_TITLE)
        if not obj.deleted:
            return words
        return _("%s (deleted)") % words if words else _("deleted")

    @admin.display(description=gettext_lazy("last operation"), ordering="last_operation")
    def last_done(self, obj: Any) -> str:
        return called(definitions.of(obj.app_id, obj.version), obj.last_operation)

    @admin.display(description=gettext_lazy("in the workspace"))
    def workspace(self, obj: Record) -> str:
        url = reverse("record", args=[obj.app.name, obj.pk])
        words = _("Bring it back") if obj.deleted else _("Its form, and its history in words")
        return format_html('<a href="{}">{}</a>', url, words)

    @admin.display(description=gettext_lazy("values"))
    def document(self, obj: Record) -> str:
        return in_words(definitions.of(obj.app_id), obj.values)

    @admin.display(description=gettext_lazy("submissions"))
    def its_submissions(self, obj: Record) -> str:
        url = f"{reverse('admin:flowfinity_submission_changelist')}?record__id__exact={obj.pk}"
        return format_html('<a href="{}">{}</a>', url, obj.submissions.count())


@admin.register(Submission)
class SubmissionAdmin(OfApps):
    list_display = ("id", "app", "record", "kind", "done", "by", "on")
    list_filter = ("app", "kind")
    list_select_related = ("app", "record", "by")
    ordering = ("-pk",)
    search_fields = ("id", "record")
    search_help_text = gettext_lazy(
        "Finds a submission by its number or its record’s, or all of an app; not by people or operations."
    )
    fields = ("id", "app", "record", "kind", "done", "by", "on", "changes", "document")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """The list of one record's submissions, beside Django's own."""
        return lookup == "record__id__exact" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description=gettext_lazy("operation"), ordering="operation")
    def done(self, obj: Any) -> str:
        return called(definitions.of(obj.app_id, obj.version), obj.operation)

    @admin.display(description=gettext_lazy("values after"))
    def document(self, obj: Submission) -> str:
        return in_words(definitions.of(obj.app_id), obj.values)

    @admin.display(description=gettext_lazy("changed fields"))
    def changes(self, obj: Submission) -> str:
        fields = definitions.of(obj.app_id).fields
        named = (fields[name].heading if name in fields else name for name in obj.changed)
        return ", ".join(named) or pgettext("value", "none")


# Django says these: on its forms in other words than ours, on its page of a password in no German at all.
SAID_BY_DJANGO = (
    gettext_noop("Save and add another"),
    gettext_noop("Save and continue editing"),
    gettext_noop("Reset password"),
    gettext_noop("Set password"),
    gettext_noop("Password-based authentication"),
    gettext_noop("Enabled"),
    gettext_noop("Disabled"),
    gettext_noop("Disable password-based authentication"),
    gettext_noop("Enable password-based authentication"),
)
