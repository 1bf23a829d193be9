"""boto3 in pytest below `claviger dev --`: signed in already, no fixture, no configuration."""

import json
import os
import urllib.request

import boto3
import pytest

ALICE = "arn:aws:sts::111122223333:assumed-role/Developer/alice"


def control(method, route, body=None):
    request = urllib.request.Request(
        f"{os.environ['CLAVIGER_CONTROL_URL']}/{route}",
        json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"Bearer {os.environ['CLAVIGER_CONTROL_TOKEN']}"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_the_default_profile_is_alices():
    assert boto3.client("sts").get_caller_identity()["Arn"] == ALICE


def test_each_role_has_a_profile():
    session = boto3.Session(profile_name="ReadOnly-444455556666")
    arn = session.client("sts").get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::444455556666:assumed-role/ReadOnly/alice"


@pytest.mark.parametrize("fault", ["unavailable", "too_many_requests", "lost_answer"])
def test_the_provider_survives_a_fault(fault, monkeypatch):
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    line = {"operation": "GetRoleCredentials", "fault": fault, "times": 1}
    control("POST", "faults", line)
    assert boto3.Session().client("sts").get_caller_identity()["Arn"] == ALICE
    assert control("GET", "faults")["faults"] == []
