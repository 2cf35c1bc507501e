"""Names: proposed from labels, then checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowfinity import names


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Lead Registration", "LeadRegistration"),
        ("Previous Last Submission ID", "PreviousLastSubmissionId"),
        ("company", "Company"),
        ("firstName", "FirstName"),
        ("e-mail address", "EMailAddress"),
        ("What's new?", "WhatSNew"),
        ("ID", "Id"),
        ("A", "A"),
        ("URL of VAT form", "UrlOfVatForm"),
        ("2nd place", "NdPlace"),
        ("1 000 leads", "Leads"),
        ("Straße", "StraE"),
        ("a__b", "AB"),
        ("Клиенты", ""),
        ("2026", ""),
        ("", ""),
        ("—", ""),
        ("x" * 100, "X" + "x" * 62),
    ],
)
def test_a_label_proposes_a_name(label: str, name: str) -> None:
    assert names.propose(label) == name


@given(st.text())
def test_what_is_proposed_is_a_name_or_nothing(label: str) -> None:
    proposed = names.propose(label)
    assert proposed == "" or names.fault(proposed) == ""


@pytest.mark.parametrize("name", ["A", "Company", "IRA2024", "Gte", "A" * 63])
def test_a_good_name_has_no_fault(name: str) -> None:
    assert names.fault(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("", "company", "_A", "2", "2A", "A b", "A__b", "A-b", "A.b", "A\n", "Ä", "Aé", "A٣", "A" * 64),
        *(None, 5, True, ["A"], {"A": 1}, b"A"),
    ],
)
def test_a_bad_name_is_told_how_a_name_looks(name: object) -> None:
    assert "capital letter A-Z" in names.fault(name)


def test_the_platform_keeps_its_own_names_in_any_case() -> None:
    for name in (*names.SYSTEM, *names.ZAPIER, "ExternalTransactionId", "Operations", "OnBehalfOf"):
        capital = name[0].upper() + name[1:]
        assert names.fault(capital, names.NO_FIELD) == (
            f"{capital} is a name that the platform uses itself; choose another."
        )
        assert names.fault(name.capitalize(), names.NO_FIELD)
    for name in ("Mode", "Values", "Limit", "Cursor", "After", "Client", "Format", "Username", "Password", "LIMIT"):
        assert names.fault(name, names.NO_PARAMETER)
    assert names.fault("Identity", names.NO_FIELD) == ""
    assert names.fault("Limits", names.NO_PARAMETER) == ""
