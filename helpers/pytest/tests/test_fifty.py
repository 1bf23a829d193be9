"""Fifty tests with an instance of their own each: a fresh one is cheap enough not to be shared.
How long they take is measured, never judged here: that depends on the machine's other work."""

import time

import boto3
import pytest


@pytest.fixture(scope="module", autouse=True)
def measured(request, record_testsuite_property):
    """Tells at the end, and in a report of `--junitxml`, how long this file has taken."""
    began = time.monotonic()
    yield
    seconds = round(time.monotonic() - began, 1)
    record_testsuite_property("fifty_instances_seconds", seconds)
    # What a fixture prints is shown only where a test fails.
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        print(f"\nfifty instances took {seconds} s")


@pytest.mark.parametrize("number", range(50))
def test_an_instance_of_its_own_answers(claviger, number):
    tokens = claviger.sign_in()
    listed = boto3.client("sso").list_accounts(accessToken=tokens["accessToken"])
    assert len(listed["accountList"]) == 2
    numbers = [event["number"] for event in claviger.events()]
    assert numbers == [1, 2, 3, 4, 5], "another test has used this instance"
