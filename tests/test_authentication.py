"""HTTP Basic: who passes and who does not, what it costs, and when a change bites."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.core.cache import caches
from django.test import override_settings

from flowfinity.models import User
from integration.rest import authentication, throttling
from tests import builders, rest
from tests.rest import Api, Site, refused

opened, site = rest.opened, rest.site


@pytest.fixture(autouse=True)
def nobody_recognised() -> Iterator[None]:
    authentication._recognised.clear()
    yield
    authentication._recognised.clear()


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one with each password hash that is computed."""
    computed: list[str] = []

    def check(*args: Any, **kwargs: Any) -> bool:
        computed.append("check")
        return hashers.check_password(*args, **kwargs)

    def make(*args: Any, **kwargs: Any) -> str:
        computed.append("make")
        return hashers.make_password(*args, **kwargs)

    monkeypatch.setattr(authentication, "check_password", check)
    monkeypatch.setattr(authentication, "make_password", make)
    return computed


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that throttles count by: it stands until its one element is changed."""
    now = [1_800_000_015.25]
    monkeypatch.setattr(throttling.time, "time", lambda: now[0])
    return now


class TestWho:
    def test_an_integration_account(self, site: Site) -> None:
        assert Api().get("/api").json()["User"] == "Zapier (restuser)"

    def test_a_person_gets_what_everybody_gets(self, site: Site) -> None:
        site.role.members.add(site.sam)
        User.objects.filter(pk=site.sam.pk).update(is_superuser=True, is_staff=True)
        person, nobody = Api("sam").get("/api"), Api("nobody").get("/api")
        refused(person, 401, "not_authenticated")
        assert person.content == nobody.content

    @pytest.mark.parametrize(
        ("username", "password"),
        [
            ("colons", "a:b::c:"),
            ("colon", ":"),
            ("blanks", "  two words  "),
            ("umlaut", "pässwörd 😀 \u0301"),
            ("käthe", "secret"),
            ("quotes", "\"'\\%00"),
            ("long", "x" * 4000),
            ("tab", "a\tb\nc"),
            ("mail@example.com", "secret"),
        ],
    )
    def test_names_and_passwords_of_every_kind(self, site: Site, username: str, password: str) -> None:
        User.objects.create_user(username, password=password, account_type=User.INTEGRATION)
        for _ in range(2):
            assert Api(username, password).get("/api").status_code == 200
        for wrong in (password[:-1], password + " ", password.upper() + "X", ""):
            refused(Api(username, wrong).get("/api"), 401, "not_authenticated")

    def test_a_name_is_exact(self, site: Site) -> None:
        for name in ("Restuser", " restuser", "restuser ", "restuser\x00", "\uff52estuser"):
            refused(Api(name).get("/api"), 401, "not_authenticated")

    def test_the_scheme_in_any_case(self, site: Site) -> None:
        sent = Api().authorization.partition(" ")[2]
        for header in (f"basic {sent}", f"BASIC {sent}", f"Basic   {sent}  "):
            assert Api().get("/api", Authorization=header).status_code == 200

    def test_another_encoding_than_utf8(self, site: Site) -> None:
        builders.integration("andre")
        User.objects.create_user("latin", password="é", account_type=User.INTEGRATION)
        header = "Basic " + base64.b64encode("latin:é".encode("latin-1")).decode()
        refused(Api().get("/api", Authorization=header), 401, "not_authenticated")

    def test_an_account_that_cannot_have_a_password(self, site: Site) -> None:
        User.objects.create_user("none", password=None, account_type=User.INTEGRATION)
        stored = User.objects.get(username="none").password
        for password in ("", "!", stored, stored[1:], "None"):
            refused(Api("none", password).get("/api"), 401, "not_authenticated")

    def test_the_stored_hash_is_no_password(self, site: Site) -> None:
        refused(Api("restuser", site.account.password).get("/api"), 401, "not_authenticated")

    def test_what_was_sent_is_in_no_log(self, site: Site, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        Api("restuser", "hunter2").get("/api?password=hunter2")
        Api("nobody", "hunter2").poll()
        Api("sam").poll()
        for record in caplog.records:
            if record.name != "django.db.backends":
                assert (
                    "hunter2" not in record.getMessage()
                    and Api("restuser", "hunter2").authorization not in record.getMessage()
                )


class TestCost:
    def test_recognised_credentials_cost_no_hash(self, site: Site, hashes: list[str]) -> None:
        for _ in range(5):
            assert Api().get("/api").status_code == 200
            assert Api().poll().status_code == 200
        assert hashes == ["check"]

    def test_one_query_says_all(self, site: Site) -> None:
        Api().get("/api")
        with builders.counted_queries("recognised credentials"):
            assert Api().get("/api").status_code == 200

    def test_a_wrong_password_is_never_recognised(self, site: Site, hashes: list[str]) -> None:
        for _ in range(3):
            refused(Api(password="wrong").get("/api"), 401, "not_authenticated")
        assert hashes == ["check"] * 3

    def test_an_unknown_account_costs_as_much(self, site: Site, hashes: list[str]) -> None:
        refused(Api("nobody").get("/api"), 401, "not_authenticated")
        assert hashes == ["make"]

    def test_no_credentials_cost_nothing(self, site: Site, hashes: list[str]) -> None:
        refused(Api().get("/api", Authorization=None), 401, "not_authenticated")
        assert hashes == []

    def test_name_and_password_cannot_change_places(self, site: Site, hashes: list[str]) -> None:
        """What is recognised is the pair, wherever it is cut in two."""
        User.objects.create_user("a", password="b:c", account_type=User.INTEGRATION)
        User.objects.create_user("a:b", password="c", account_type=User.INTEGRATION)
        assert Api("a", "b:c").get("/api").json()["User"] == "a"
        assert Api("a", "b:c").get("/api").json()["User"] == "a"
        assert hashes == ["check"]

    def test_what_is_kept_is_bounded(self, site: Site, hashes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(authentication, "MOST_RECOGNISED", 2)
        for name in ("one", "two"):
            builders.integration(name)
        for name in ("restuser", "one", "two"):
            Api(name).get("/api")
        assert len(authentication._recognised) == 2 and len(hashes) == 3
        Api("two").get("/api")
        assert len(hashes) == 3
        assert Api("restuser").get("/api").status_code == 200
        assert len(hashes) == 4

    def test_neither_password_nor_hash_is_kept(self, site: Site) -> None:
        Api().get("/api")
        kept = repr(dict(authentication._recognised))
        assert "secret" not in kept and site.account.password not in kept


class TestChanges:
    """Each bites at the very next request, of credentials that were just recognised."""

    @pytest.fixture(autouse=True)
    def recognised(self, site: Site) -> None:
        assert Api().get("/api").status_code == 200

    def test_of_the_password(self, site: Site) -> None:
        site.account.set_password("other")
        site.account.save()
        refused(Api().get("/api"), 401, "not_authenticated")
        refused(Api().poll(), 401, "not_authenticated")
        assert Api(password="other").get("/api").status_code == 200

    def test_of_the_password_to_the_same_one(self, site: Site, hashes: list[str]) -> None:
        site.account.set_password("secret")
        site.account.save()
        assert Api().get("/api").status_code == 200
        assert hashes == ["check"]

    def test_deactivation(self, site: Site, hashes: list[str]) -> None:
        User.objects.filter(pk=site.account.pk).update(is_active=False)
        refused(Api().get("/api"), 403, "not_active")
        refused(Api().poll(), 403, "not_active")
        refused(Api().run("CaptureLead", {}), 403, "not_active")
        User.objects.filter(pk=site.account.pk).update(is_active=True)
        assert Api().get("/api").status_code == 200
        assert hashes == []

    def test_of_the_account_type(self, site: Site) -> None:
        User.objects.filter(pk=site.account.pk).update(account_type=User.REGULAR)
        refused(Api().get("/api"), 401, "not_authenticated")

    def test_of_a_role(self, site: Site) -> None:
        assert Api().poll().status_code == 200
        site.account.roles.clear()
        refused(Api().poll(), 404, "not_found")

    def test_removal(self, site: Site) -> None:
        site.account.delete()
        refused(Api().get("/api"), 401, "not_authenticated")


class TestThrottle:
    def guess(self, times: int, name: str = "restuser", **headers: str) -> list[int]:
        return [Api(name, f"wrong {n}").get("/api", **headers).status_code for n in range(times)]

    def test_thirty_a_minute(self, site: Site, minute: list[float]) -> None:
        assert self.guess(30) == [401] * 30
        answer = Api(password="wrong").get("/api")
        refused(answer, 429, "throttled")
        assert answer["Retry-After"] == "45"
        # Not even the right password is tried any more, so that a guess cannot be told from a hit.
        refused(Api().get("/api"), 429, "throttled")
        assert "WWW-Authenticate" not in answer

    def test_recognised_credentials_always_pass(self, site: Site, minute: list[float]) -> None:
        assert Api().get("/api").status_code == 200
        assert self.guess(40) == [401] * 30 + [429] * 10
        assert Api().get("/api").status_code == 200
        assert Api().poll().status_code == 200

    def test_the_next_minute(self, site: Site, minute: list[float]) -> None:
        self.guess(31)
        minute[0] += 45
        assert Api().get("/api").status_code == 200
        assert self.guess(31) == [401] * 30 + [429]

    def test_right_ones_do_not_count(self, site: Site, minute: list[float]) -> None:
        for _ in range(40):
            authentication._recognised.clear()
            assert Api().get("/api").status_code == 200
        assert self.guess(30) == [401] * 30

    def test_no_hash_is_computed_for_a_throttled_call(self, site: Site, minute: list[float], hashes: list[str]) -> None:
        self.guess(50)
        assert len(hashes) == 30

    def test_other_accounts_are_not_concerned(self, site: Site, minute: list[float]) -> None:
        builders.integration("other")
        self.guess(31)
        assert Api("other").get("/api").status_code == 200

    def test_unknown_accounts_are_throttled_alike(self, site: Site, minute: list[float]) -> None:
        known, unknown = self.guess(31), self.guess(31, "nobody")
        assert known == unknown

    def test_by_address(self, site: Site, minute: list[float]) -> None:
        self.guess(31)
        assert (
            Api().client.get("/api", headers={"Authorization": Api().authorization}, REMOTE_ADDR="10.0.0.2").status_code
            == 200
        )

    def test_an_address_cannot_be_made_up(self, site: Site, minute: list[float]) -> None:
        for n in range(31):
            answer = Api(password="wrong").get("/api", X_Forwarded_For=f"10.0.0.{n}")
        refused(answer, 429, "throttled")

    @override_settings(TRUSTED_PROXIES=1)
    def test_behind_a_proxy_the_address_is_the_one_it_saw(self, site: Site, minute: list[float]) -> None:
        self.guess(31, X_Forwarded_For="6.6.6.6, 10.0.0.1")
        refused(Api().get("/api", X_Forwarded_For="7.7.7.7, 10.0.0.1"), 429, "throttled")
        assert Api().get("/api", X_Forwarded_For="6.6.6.6, 10.0.0.2").status_code == 200


class TestWithoutTheCache:
    @pytest.fixture
    def away(self, site: Site) -> Iterator[None]:
        dead = {
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
        }
        with override_settings(CACHES=dead):
            yield
            caches.close_all()

    def test_throttles_are_open_and_polls_go_on(
        self, away: None, minute: list[float], caplog: pytest.LogCaptureFixture
    ) -> None:
        assert Api().poll().status_code == 200
        for _ in range(35):
            refused(Api(password="wrong").get("/api"), 401, "not_authenticated")
        authentication._recognised.clear()
        assert Api().poll().status_code == 200
        assert "the cache is away" in caplog.text and "wrong" not in caplog.text.replace("wrong:", "")


class TestPages:
    def test_an_integration_account_logs_in_to_no_page(self, site: Site) -> None:
        from django.test import Client

        client = Client()
        assert client.login(username="restuser", password="secret") is False
        assert client.login(username="sam", password="secret") is True
