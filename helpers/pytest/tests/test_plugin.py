"""The fixtures, the marker, the option, and how an instance starts and ends."""

import os
import pathlib
import socket
import subprocess
import sys
import urllib.parse

import boto3
import pytest

from pytest_claviger import Claviger, ClavigerError

CONFTEST = pathlib.Path(__file__).with_name("conftest.py")


@pytest.fixture
def inner(pytester, monkeypatch, claviger_binary):
    """Runs tests of this text in a pytest of their own; answers how that went."""
    monkeypatch.setenv("CLAVIGER_BIN", claviger_binary)
    pytester.makeconftest(CONFTEST.read_text())

    def run(text, *arguments):
        pytester.makepyfile(text)
        return pytester.runpytest("-p", "no:cacheprovider", *arguments)

    return run


def is_served(url):
    """Whether somebody listens there."""
    parts = urllib.parse.urlsplit(url)
    with socket.socket() as caller:
        return caller.connect_ex((parts.hostname, parts.port)) == 0


def test_what_an_instance_tells_of_itself_is_at_hand(claviger):
    assert claviger.start_url == f"{claviger.issuer}/start"
    assert claviger.aws_start_url.endswith(".awsapps.com/start")
    assert claviger.control_url == f"{claviger.issuer}/_dev"
    assert (claviger.region, claviger.user, claviger.password) == (
        "us-east-1",
        "alice",
        "correct horse",
    )
    ids = [account["id"] for account in claviger.accounts]
    assert ids == ["111122223333", "444455556666"]
    assert claviger.accounts[0]["roles"] == ["Developer", "ReadOnly"]
    assert len(claviger.control_token) == 32


def test_the_environment_leads_to_the_instance_alone(claviger, tmp_path):
    assert os.environ["HOME"] == str(tmp_path / "home")
    assert pathlib.Path(os.environ["AWS_CONFIG_FILE"]).is_file()
    assert pathlib.Path(os.environ["AWS_DATA_PATH"], "sso-oidc").is_dir()
    assert not pathlib.Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).exists()
    assert os.environ["AWS_REGION"] == os.environ["AWS_DEFAULT_REGION"] == claviger.region


def visible(environment):
    """The environment without what a pytest within this one changes by itself."""
    return {name: environment[name] for name in environment if name != "PYTEST_CURRENT_TEST"}


def test_keys_and_profiles_of_the_person_are_out_of_sight(inner, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "payroll")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::999999999999:role/ci")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    before = visible(os.environ)
    ended = inner(
        """
        import boto3

        def test_it(claviger):
            claviger.sign_in()
            arn = boto3.client("sts").get_caller_identity()["Arn"]
            assert arn == "arn:aws:sts::111122223333:assumed-role/Developer/alice"
        """
    )
    ended.assert_outcomes(passed=1)
    assert visible(os.environ) == before, "the environment was not put back"


def test_every_test_has_an_instance_of_its_own_and_it_is_gone_afterwards(inner, tmp_path):
    told = tmp_path / "told"
    ended = inner(
        f"""
        import boto3, pytest

        @pytest.mark.parametrize("number", range(3))
        def test_it(claviger, number):
            # Of boto3's own session, which would remember the instance of the test before.
            boto3.client("sso-oidc").register_client(clientName="x", clientType="public")
            assert len(claviger.events()) == 1
            with open({str(told)!r}, "a") as file:
                print(claviger.issuer, claviger.about["data_dir"], file=file)
        """
    )
    ended.assert_outcomes(passed=3)
    lines = [line.split() for line in told.read_text().splitlines()]
    assert len(lines) == 3
    for issuer, data_dir in lines:
        assert not is_served(issuer)
        assert not pathlib.Path(data_dir).exists()


def test_the_instance_of_the_session_is_one_and_leaves_the_environment_alone(inner, monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere/config")
    ended = inner(
        """
        import os

        SEEN = []

        def test_first(claviger_session):
            assert claviger_session.sign_in()["accessToken"]
            assert claviger_session.token_file.is_file()
            assert os.environ["AWS_CONFIG_FILE"] == "/nowhere/config"
            assert str(claviger_session.home) != os.environ["HOME"]
            SEEN.append(claviger_session.issuer)

        def test_second(claviger_session, claviger):
            assert SEEN == [claviger_session.issuer]
            assert claviger.issuer != claviger_session.issuer
            assert os.environ["AWS_CONFIG_FILE"] == claviger.about["aws_config_file"]
        """
    )
    ended.assert_outcomes(passed=2)


def test_another_process_finds_the_instance_by_its_environment(claviger):
    claviger.sign_in()
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout == "arn:aws:sts::111122223333:assumed-role/Developer/alice\n"


@pytest.mark.claviger("--accounts", "500", "--roles", "3")
def test_the_marker_passes_flags(claviger):
    assert len(claviger.accounts) == 500
    assert len(claviger.accounts[0]["roles"]) == 3


@pytest.mark.claviger("--tls")
def test_an_instance_behind_tls_is_trusted_by_its_own_authority(claviger):
    assert claviger.issuer.startswith("https://")
    claviger.sign_in()
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    assert arn.endswith("assumed-role/Developer/alice")


@pytest.mark.claviger("--listen=127.0.0.1:0", "--public-url", "http://127.0.0.1:1")
def test_an_address_can_be_given_and_one_that_nobody_serves_is_told(claviger):
    with pytest.raises(ClavigerError, match="no answer that can be read.*refused"):
        claviger.clock()


def test_the_marker_is_registered(inner):
    ended = inner("", "--markers")
    ended.stdout.fnmatch_lines(["@pytest.mark.claviger(*flags): pass these flags*"])
    ended = inner(
        """
        import pytest

        @pytest.mark.claviger("--seed", "1")
        def test_it():
            pass
        """,
        "--strict-markers",
    )
    ended.assert_outcomes(passed=1)


CALLS = "def test_it(claviger): claviger.clock()"


def test_the_option_goes_before_the_variable_and_that_before_the_path(
    inner, monkeypatch, claviger_binary, tmp_path
):
    on_path = tmp_path / "claviger"
    on_path.symlink_to(claviger_binary)
    monkeypatch.setenv("CLAVIGER_BIN", "/nowhere/variable")
    inner(CALLS, f"--claviger={claviger_binary}").assert_outcomes(passed=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = inner(CALLS)
    told.assert_outcomes(errors=1)
    told.stdout.fnmatch_lines(["*CLAVIGER_BIN names /nowhere/variable, which is no program*"])
    monkeypatch.delenv("CLAVIGER_BIN")
    inner(CALLS).assert_outcomes(passed=1)


def test_without_a_binary_the_remedy_is_told(inner, monkeypatch, tmp_path):
    told = inner(CALLS, "--claviger=/nowhere/option")
    told.assert_outcomes(errors=1)
    told.stdout.fnmatch_lines(["*--claviger names /nowhere/option, which is no program*"])
    monkeypatch.delenv("CLAVIGER_BIN")
    monkeypatch.setenv("PATH", str(tmp_path))
    told = inner(CALLS)
    told.assert_outcomes(errors=1)
    told.stdout.fnmatch_lines(["*no claviger on PATH; install it with `cargo install *"])


def test_a_start_that_fails_shows_what_the_program_has_said(claviger_binary, tmp_path):
    with pytest.raises(ClavigerError, match="did not start:\n(.|\n)*absent.toml cannot be read"):
        Claviger(claviger_binary, "--directory", "absent.toml", home=tmp_path)
    with pytest.raises(ClavigerError, match="did not start:\n(.|\n)*--no-such-flag"):
        Claviger(claviger_binary, "--no-such-flag", home=tmp_path)
    with pytest.raises(ClavigerError, match="cannot be run: .*Permission denied"):
        Claviger(str(tmp_path), home=tmp_path)


def test_a_program_that_is_another_one_is_told(tmp_path):
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho I am another program >&2\necho Hello\nexec cat /dev/zero\n")
    other.chmod(0o755)
    with pytest.raises(ClavigerError, match="did not start:\nI am another program"):
        Claviger(str(other), home=tmp_path)


def test_an_instance_that_has_many_requests_is_not_held_up_by_its_own_lines(claviger):
    # Each event is a line of some 130 bytes on standard output; a pipe holds 65536.
    for _ in range(300):
        claviger.sign_in()
    assert len(claviger.events()) == 1200


def test_an_instance_that_has_ended_is_told_and_can_be_stopped_again(claviger):
    claviger.clock()
    assert claviger.stop() == 0
    with pytest.raises(ClavigerError, match="GET http://127.0.0.1:.* has no answer"):
        claviger.clock()
    assert claviger.stop() == 0
