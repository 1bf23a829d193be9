"""Each fault as boto3 meets it: what it tries again, and as what the rest arrives."""

import boto3
import botocore.config
import botocore.exceptions
import pytest

ALICE = "arn:aws:sts::111122223333:assumed-role/Developer/alice"
DEVELOPER = {"accountId": "111122223333", "roleName": "Developer"}

# Refusals that are answered in place of the operation.
REFUSALS = [
    ("slow_down", 400, "SlowDownException"),
    ("too_many_requests", 429, "TooManyRequestsException"),
    ("unavailable", 503, "InternalServerException"),
]


def client(service, attempts=3, **more):
    """A client that tries so often, whatever the environment wants."""
    retries = {"mode": "standard", "total_max_attempts": attempts}
    return boto3.client(service, config=botocore.config.Config(retries=retries, **more))


def told(claviger, operation):
    """Status and fault of each call of an operation, in their order."""
    events = [event for event in claviger.events() if event["operation"] == operation]
    return [(event["status"], event["fault"]) for event in events]


def refresh(tokens, **more):
    known = {name: tokens[name] for name in ("clientId", "clientSecret", "refreshToken")}
    return client("sso-oidc", **more).create_token(**known, grantType="refresh_token")


def generation(claviger):
    """How often the tokens of the only session were renewed, and once for its beginning."""
    [session] = claviger.admin("sessions_list")["sessions"]
    return session["generation"]


@pytest.fixture
def tokens(claviger):
    """Those of a signed-in alice."""
    return claviger.sign_in()


def test_role_credentials_arrive_after_two_times_unavailable(claviger, tokens):
    claviger.fault("GetRoleCredentials", "unavailable", times=2)
    access = {"accessToken": tokens["accessToken"]}
    given = client("sso").get_role_credentials(**access, **DEVELOPER)
    assert given["roleCredentials"]["sessionToken"]
    assert given["ResponseMetadata"]["RetryAttempts"] == 2
    assert told(claviger, "GetRoleCredentials") == [
        (503, "unavailable"),
        (503, "unavailable"),
        (200, None),
    ]


def test_the_provider_of_the_default_profile_survives_unavailable(claviger, tokens, monkeypatch):
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    claviger.fault("GetRoleCredentials", "unavailable", times=2)
    assert boto3.client("sts").get_caller_identity()["Arn"] == ALICE
    assert [status for status, _ in told(claviger, "GetRoleCredentials")] == [503, 503, 200]


def test_too_many_requests_are_tried_again(claviger, tokens):
    claviger.fault("ListAccounts", "too_many_requests", times=1)
    listed = client("sso").list_accounts(accessToken=tokens["accessToken"])
    assert len(listed["accountList"]) == 2
    assert listed["ResponseMetadata"]["RetryAttempts"] == 1
    assert told(claviger, "ListAccounts") == [(429, "too_many_requests"), (200, None)]


def test_what_stays_unavailable_is_given_up_and_nobody_is_signed_out(claviger, tokens):
    claviger.fault("ListAccounts", "unavailable")
    access = {"accessToken": tokens["accessToken"]}
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        client("sso").list_accounts(**access)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert failed.value.response["ResponseMetadata"]["RetryAttempts"] == 2
    assert told(claviger, "ListAccounts") == [(503, "unavailable")] * 3
    claviger.clear_faults("ListAccounts")
    assert client("sso").list_accounts(**access)["accountList"]


def test_slow_down_is_not_tried_again(claviger, tokens):
    claviger.fault("CreateToken", "slow_down")
    with pytest.raises(boto3.client("sso-oidc").exceptions.SlowDownException) as failed:
        refresh(tokens)
    assert failed.value.response["error"] == "slow_down"
    assert failed.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    assert told(claviger, "CreateToken")[1:] == [(400, "slow_down")]
    claviger.clear_faults()
    assert refresh(tokens)["refreshToken"] != tokens["refreshToken"]
    assert generation(claviger) == 2, "slow_down has done something"


@pytest.mark.parametrize("fault, status, name", REFUSALS)
def test_a_refusal_bears_the_name_and_status_of_the_real_service(
    claviger, tokens, fault, status, name
):
    claviger.fault("CreateToken", fault)
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        refresh(tokens, attempts=1)
    assert failed.value.response["Error"]["Code"] == name
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert claviger.events()[-1]["error"] == name


def test_a_refresh_whose_answer_is_lost_is_tried_again_and_the_session_lives(claviger, tokens):
    claviger.fault("CreateToken", "lost_answer", times=1)
    fresh = refresh(tokens)
    assert fresh["refreshToken"] != tokens["refreshToken"]
    assert fresh["ResponseMetadata"]["RetryAttempts"] == 1
    # The first attempt was done, the second was given what it had made.
    assert told(claviger, "CreateToken")[1:] == [(200, "lost_answer"), (200, None)]
    assert generation(claviger) == 2
    assert client("sso").list_accounts(accessToken=fresh["accessToken"])["accountList"]
    assert refresh({**tokens, **fresh})["refreshToken"] != fresh["refreshToken"]


def test_a_refresh_whose_connection_is_cut_was_not_done_and_is_tried_again(claviger, tokens):
    claviger.fault("CreateToken", "cut_connection")
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        refresh(tokens)
    assert told(claviger, "CreateToken")[1:] == [(None, "cut_connection")] * 3
    assert generation(claviger) == 1
    claviger.clear_faults()
    claviger.fault("CreateToken", "cut_connection", times=1)
    assert refresh(tokens)["ResponseMetadata"]["RetryAttempts"] == 1
    assert generation(claviger) == 2


def test_a_body_that_breaks_off_is_an_empty_answer_to_boto3(claviger, tokens):
    # Botocore takes a body that is no JSON for one without members, and does not try again.
    claviger.fault("ListAccounts", "malformed_body", times=1)
    listed = client("sso").list_accounts(accessToken=tokens["accessToken"])
    assert "accountList" not in listed
    assert listed["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert listed["ResponseMetadata"]["RetryAttempts"] == 0
    assert told(claviger, "ListAccounts") == [(200, "malformed_body")]
    claviger.fault("GetRoleCredentials", "malformed_body", times=1)
    with pytest.raises(KeyError, match="roleCredentials"):
        boto3.client("sts").get_caller_identity()
    assert boto3.client("sts").get_caller_identity()["Arn"] == ALICE


def test_a_late_answer_is_given_up_and_asked_for_again(claviger, tokens):
    claviger.fault("ListAccounts", "delay", times=1, milliseconds=60_000)
    hasty = client("sso", read_timeout=0.5)
    listed = hasty.list_accounts(accessToken=tokens["accessToken"])
    assert len(listed["accountList"]) == 2
    assert listed["ResponseMetadata"]["RetryAttempts"] == 1
    assert told(claviger, "ListAccounts") == [(200, "delay"), (200, None)]


def test_an_answer_that_is_late_each_time_is_a_read_timeout(claviger, tokens):
    claviger.fault("ListAccounts", "delay", milliseconds=60_000)
    hasty = client("sso", attempts=2, read_timeout=0.2)
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        hasty.list_accounts(accessToken=tokens["accessToken"])
    assert told(claviger, "ListAccounts") == [(200, "delay")] * 2


def test_a_short_lifetime_is_told_and_the_server_goes_on_taking_it(claviger, tokens):
    claviger.freeze()
    now = claviger.clock()["now"]
    claviger.fault("*", "short_lifetime", seconds=7)
    fresh = refresh(tokens)
    assert fresh["expiresIn"] == 7
    access = {"accessToken": fresh["accessToken"]}
    given = client("sso").get_role_credentials(**access, **DEVELOPER)["roleCredentials"]
    assert given["expiration"] == (now + 7) * 1000
    registered = client("sso-oidc").register_client(clientName="test", clientType="public")
    assert registered["clientSecretExpiresAt"] == now + 7
    claviger.advance(8)
    assert client("sso").list_accounts(**access)["accountList"]


def test_the_oldest_line_goes_first_and_a_star_befalls_every_operation(claviger, tokens):
    claviger.fault("ListAccounts", "unavailable", times=1)
    claviger.fault("*", "slow_down", times=2)
    portal, access = client("sso", attempts=1), {"accessToken": tokens["accessToken"]}
    for call, status in [
        (lambda: portal.list_accounts(**access), 503),
        (lambda: portal.list_accounts(**access), 400),
        (lambda: portal.get_role_credentials(**access, **DEVELOPER), 400),
    ]:
        with pytest.raises(botocore.exceptions.ClientError) as failed:
            call()
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert portal.list_accounts(**access)["accountList"]


def test_clearing_spares_the_lines_of_other_operations(claviger, tokens):
    for operation in ("ListAccounts", "ListAccountRoles", "Logout"):
        claviger.fault(operation, "unavailable")
    portal, access = client("sso", attempts=1), {"accessToken": tokens["accessToken"]}
    claviger.clear_faults("ListAccounts")
    assert portal.list_accounts(**access)["accountList"]
    with pytest.raises(botocore.exceptions.ClientError):
        portal.list_account_roles(**access, accountId="111122223333")
    claviger.clear_faults()
    assert portal.list_account_roles(**access, accountId="111122223333")["roleList"]
    portal.logout(**access)
    with pytest.raises(portal.exceptions.UnauthorizedException):
        portal.list_accounts(**access)
