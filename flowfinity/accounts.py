"""Who may log in to a page: active people. An integration account never can, however it got a session."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend


class PeopleBackend(ModelBackend):
    """Django's own log-in, for regular accounts alone; asked again at each request, so that a change bites at once."""

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and user is not None and user.is_person
