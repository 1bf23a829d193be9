"""Every method of an instance, and what boto3 makes of it."""

import hashlib
import json
import re
import threading
import urllib.parse

import boto3
import botocore.exceptions
import pytest

from pytest_claviger import ClavigerError

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "sso:account:access"

# The pair of RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

ALICE = "arn:aws:sts::111122223333:assumed-role/Developer/alice"


def identity(**session):
    return boto3.Session(**session).client("sts").get_caller_identity()["Arn"]


def start_device(oidc, claviger):
    """A device code, and what CreateToken wants with it."""
    registered = oidc.register_client(clientName="test", clientType="public", scopes=[SCOPE])
    known = {name: registered[name] for name in ("clientId", "clientSecret")}
    started = oidc.start_device_authorization(**known, startUrl=claviger.start_url)
    poll = {**known, "grantType": DEVICE_CODE, "deviceCode": started["deviceCode"]}
    return started["userCode"], poll


def accounts_of(tokens):
    listed = boto3.client("sso").list_accounts(accessToken=tokens["accessToken"])
    return [account["accountId"] for account in listed["accountList"]]


def refresh(tokens):
    known = {name: tokens[name] for name in ("clientId", "clientSecret", "refreshToken")}
    return boto3.client("sso-oidc").create_token(**known, grantType="refresh_token")


def test_the_default_profile_draws_credentials_that_sts_knows(claviger):
    claviger.sign_in()
    assert identity() == ALICE
    other = "arn:aws:sts::444455556666:assumed-role/ReadOnly/alice"
    assert identity(profile_name="ReadOnly-444455556666") == other
    drawn = [event for event in claviger.events() if event["operation"] == "GetRoleCredentials"]
    assert [event["status"] for event in drawn] == [200, 200]


def test_a_sign_in_to_one_role_draws_no_other(claviger):
    tokens = claviger.sign_in(only="sso:account:444455556666:ReadOnly")
    assert accounts_of(tokens) == ["444455556666"]
    arn = "arn:aws:sts::444455556666:assumed-role/ReadOnly/alice"
    assert identity(profile_name="ReadOnly-444455556666") == arn
    with pytest.raises(botocore.exceptions.ClientError, match="No access"):
        identity()
    with pytest.raises(ClavigerError, match="sso:account:ID:ROLE"):
        claviger.sign_in(only="everything")


def test_the_token_file_is_what_botocore_wants(claviger):
    tokens = claviger.sign_in()
    assert tokens["tokenType"] == "Bearer"
    assert tokens["expiresIn"] == 3600
    with open(claviger.about["aws_config_file"]) as config:
        [session_name] = re.findall(r"\[sso-session (\S+)\]", config.read())
    name = hashlib.sha1(session_name.encode()).hexdigest() + ".json"
    path = claviger.home / ".aws/sso/cache" / name
    assert claviger.token_file == path
    assert path.stat().st_mode & 0o777 == 0o600
    kept = json.loads(path.read_text())
    for member in ("accessToken", "refreshToken", "clientId", "clientSecret"):
        assert kept[member] == tokens[member], member
    assert kept["startUrl"] == claviger.aws_start_url
    assert kept["region"] == claviger.region


def test_a_short_lifetime_makes_botocore_refresh_by_itself(claviger):
    # Botocore refreshes what ends within fifteen minutes.
    claviger.fault("CreateToken", "short_lifetime", seconds=60)
    tokens = claviger.sign_in()
    generations = []
    for _ in range(2):
        assert identity() == ALICE
        kept = json.loads(claviger.token_file.read_text())
        generations.append(kept["refreshToken"])
        assert accounts_of(kept) == ["111122223333", "444455556666"]
    assert len({tokens["refreshToken"], *generations}) == 3, "it was not refreshed each time"
    claviger.clear_faults()
    assert identity() == ALICE
    last = claviger.events()[-1]["number"]
    assert identity() == ALICE
    told = [event["operation"] for event in claviger.events(after=last)]
    assert told == ["GetRoleCredentials"], "a token that lives long was refreshed"


def test_a_device_is_approved_by_whom_one_wants(claviger):
    claviger.add_user("bob")
    claviger.assign("777788889999", "Ops", user="bob")
    oidc = boto3.client("sso-oidc")
    for user, accounts in [
        (None, ["111122223333", "444455556666"]),
        ("alice", ["111122223333", "444455556666"]),
        ("bob", ["777788889999"]),
    ]:
        user_code, poll = start_device(oidc, claviger)
        with pytest.raises(oidc.exceptions.AuthorizationPendingException):
            oidc.create_token(**poll)
        claviger.approve(user_code, user)
        assert accounts_of(oidc.create_token(**poll)) == accounts


def test_a_device_is_denied(claviger):
    oidc = boto3.client("sso-oidc")
    user_code, poll = start_device(oidc, claviger)
    claviger.deny(user_code)
    with pytest.raises(oidc.exceptions.AccessDeniedException):
        oidc.create_token(**poll)
    with pytest.raises(ClavigerError):
        claviger.approve(user_code)
    denied = claviger.wait_for_event("denied")
    assert (denied["person"], denied["user_code"]) == ("alice", user_code)


def test_a_code_comes_back_from_authorize(claviger):
    claviger.add_user("bob")
    claviger.assign("777788889999", "Ops", user="bob")
    oidc = boto3.client("sso-oidc")
    back = "http://127.0.0.1/callback"
    registered = oidc.register_client(
        clientName="test",
        clientType="public",
        scopes=[SCOPE],
        redirectUris=[back],
        grantTypes=["authorization_code", "refresh_token"],
        issuerUrl=claviger.start_url,
    )
    query = {
        "response_type": "code",
        "client_id": registered["clientId"],
        "redirect_uri": back,
        "state": "of-the-client",
        "scopes": SCOPE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    url = f"{claviger.issuer}/authorize?{urllib.parse.urlencode(query)}"

    def answer(location):
        assert location.startswith(f"{back}?")
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))

    for user, accounts in [(None, ["111122223333", "444455556666"]), ("bob", ["777788889999"])]:
        told = answer(claviger.authorize(url, user))
        assert told["state"] == "of-the-client"
        tokens = oidc.create_token(
            clientId=registered["clientId"],
            clientSecret=registered["clientSecret"],
            grantType="authorization_code",
            code=told["code"],
            redirectUri=back,
            codeVerifier=VERIFIER,
        )
        assert accounts_of(tokens) == accounts
    denied = answer(claviger.authorize(url, deny=True))
    assert denied["error"] == "access_denied"
    assert "code" not in denied
    with pytest.raises(ClavigerError):
        claviger.authorize(f"{claviger.issuer}/authorize?client_id=nobody")


def test_people_are_added_and_get_roles_by_themselves_and_by_groups(claviger):
    claviger.add_user("bob", "Bob Example", "bob@example.org", ["operators"])
    claviger.add_user("eve", groups=["operators"])
    claviger.assign("777788889999", "Ops", group="operators")
    claviger.assign("111122223333", "ReadOnly", user="bob")
    assert accounts_of(claviger.sign_in("bob")) == ["111122223333", "777788889999"]
    assert accounts_of(claviger.sign_in("eve")) == ["777788889999"]
    users = {user["name"]: user for user in claviger.admin("user_list")["users"]}
    assert users["bob"]["display_name"] == "Bob Example"
    assert users["bob"]["email"] == "bob@example.org"
    given = boto3.client("sso").get_role_credentials(
        accessToken=claviger.sign_in("eve")["accessToken"],
        accountId="777788889999",
        roleName="Ops",
    )
    assert given["roleCredentials"]["sessionToken"]


def test_the_directory_becomes_what_a_file_says(claviger):
    tokens = claviger.sign_in()
    claviger.put_directory(
        """
        [[user]]
        name = "zoe"

        [[account]]
        id = "222233334444"
        name = "Elsewhere"

        [[account.role]]
        name = "Ops"
        arn = "arn:aws:iam::222233334444:role/Ops"
        users = ["zoe"]
        """
    )
    assert accounts_of(claviger.sign_in("zoe")) == ["222233334444"]
    states = {user["name"]: user["state"] for user in claviger.admin("user_list")["users"]}
    assert states["zoe"] == "active"
    assert states.get("alice") != "active"
    portal = boto3.client("sso")
    with pytest.raises(portal.exceptions.UnauthorizedException):
        portal.list_accounts(accessToken=tokens["accessToken"])


def test_admin_does_what_the_command_line_does(claviger):
    tokens = claviger.sign_in()
    [session] = claviger.admin("sessions_list", user="alice")["sessions"]
    assert (session["user"], session["client"]) == ("alice", "pytest")
    claviger.admin("sessions_end_user", user="alice")
    portal, oidc = boto3.client("sso"), boto3.client("sso-oidc")
    with pytest.raises(portal.exceptions.UnauthorizedException):
        portal.list_accounts(accessToken=tokens["accessToken"])
    with pytest.raises(oidc.exceptions.InvalidGrantException):
        refresh(tokens)
    claviger.admin("user_disable", user="alice")
    with pytest.raises(ClavigerError, match="alice is disabled"):
        claviger.sign_in()
    claviger.admin("user_enable", user="alice")
    assert claviger.sign_in()["accessToken"]
    claviger.admin("keys_rotate")
    assert len(claviger.admin("keys_list")["epochs"]) == 2
    records = claviger.admin("audit", since=0, limit=1000)["records"]
    assert {"user.disable", "user.enable"} <= {record["action"] for record in records}


def test_the_clock_is_set_moved_and_stopped(claviger):
    assert claviger.clock()["ahead"] == 0
    frozen = claviger.freeze()
    assert frozen["frozen"]
    assert claviger.advance(3600)["now"] == frozen["now"] + 3600
    assert claviger.advance(-60)["now"] == frozen["now"] + 3540
    there = claviger.set_time(2_000_000_000)
    assert (there["now"], there["time"]) == (2_000_000_000, "2033-05-18T03:33:20Z")
    assert claviger.clock() == there
    going = claviger.unfreeze()
    assert not going["frozen"]
    assert 0 <= going["now"] - there["now"] < 60, "it went on from somewhere else"


def test_a_session_ends_when_the_clock_says_so(claviger):
    tokens = claviger.sign_in()
    claviger.advance(400 * 86400)
    oidc = boto3.client("sso-oidc")
    with pytest.raises(oidc.exceptions.ClientError):
        refresh(tokens)


def test_access_tokens_expire_and_the_session_lives(claviger):
    tokens = claviger.sign_in()
    before = claviger.clock()["ahead"]
    assert claviger.expire_tokens()["ahead"] >= before + tokens["expiresIn"]
    portal = boto3.client("sso")
    with pytest.raises(portal.exceptions.UnauthorizedException):
        portal.list_accounts(accessToken=tokens["accessToken"])
    assert accounts_of(refresh(tokens)) == ["111122223333", "444455556666"]


def test_events_tell_what_has_happened_and_after_what(claviger):
    claviger.sign_in()
    told = [event["operation"] for event in claviger.events()]
    assert told == ["RegisterClient", "StartDeviceAuthorization", "approved", "CreateToken"]
    registered, started, approved, created = claviger.events()
    assert registered["client"] == "pytest"
    assert started["user_code"] == approved["user_code"]
    assert approved["person"] == "alice"
    assert (created["status"], created["error"], created["fault"]) == (200, None, None)
    assert claviger.events(after=3) == [created]
    assert claviger.events(after=4) == []


def test_an_event_is_waited_for(claviger):
    claviger.sign_in()
    assert claviger.wait_for_event("CreateToken")["status"] == 200
    last = claviger.events()[-1]["number"]
    caller = threading.Thread(target=claviger.sign_in)
    caller.start()
    event = claviger.wait_for_event("CreateToken", after=last)
    caller.join()
    assert event["number"] > last
    with pytest.raises(ClavigerError, match="no Logout in 0.05 seconds; RegisterClient, Start"):
        claviger.wait_for_event("Logout", timeout=0.05)


def test_a_reset_goes_back_to_the_seed(claviger):
    tokens = claviger.sign_in()
    claviger.add_user("bob")
    claviger.assign("777788889999", "Ops", user="alice")
    claviger.admin("user_disable", user="alice")
    claviger.set_time(2_000_000_000)
    claviger.freeze()
    claviger.fault("*", "unavailable")
    claviger.reset()
    assert claviger.events() == []
    assert claviger.clock()["ahead"] == 0
    assert not claviger.clock()["frozen"]
    assert [user["name"] for user in claviger.admin("user_list")["users"]] == ["alice"]
    portal = boto3.client("sso")
    with pytest.raises(portal.exceptions.UnauthorizedException):
        portal.list_accounts(accessToken=tokens["accessToken"])
    assert accounts_of(claviger.sign_in()) == ["111122223333", "444455556666"]


def test_a_refusal_bears_the_words_of_the_server(claviger):
    for refused, words in [
        (lambda: claviger.approve("BBBB-BBBB"), "not waiting for approval"),
        (lambda: claviger.sign_in("nobody"), 'no user "nobody"; there is alice'),
        (lambda: claviger.add_user("alice"), "alice"),
        (lambda: claviger.add_user(" "), "user name must be"),
        (lambda: claviger.assign("1", "Ops", user="alice"), "exactly 12 digits"),
        (lambda: claviger.assign("777788889999", "Ops"), "either a user or a group"),
        (lambda: claviger.assign("777788889999", "Ops", user="nobody"), "nobody"),
        (lambda: claviger.assign("777788889999", "Ops", group="nobodies"), "nobodies"),
        (lambda: claviger.put_directory('[[user]]\nnmae = "zoe"\n'), "line 2"),
        (lambda: claviger.admin("sing"), "sing.*sessions_list"),
        (lambda: claviger.admin("user_disable", user="nobody"), "There is no such user"),
        (lambda: claviger.set_time(-1), "1970"),
        (lambda: claviger.events(after="x"), "number of an event"),
        (lambda: claviger.fault("Sing", "slow_down"), "name one of RegisterClient"),
        (lambda: claviger.fault("*", "explode"), "explode.*slow_down"),
        (lambda: claviger.fault("*", "delay"), "milliseconds"),
        (lambda: claviger.fault("*", "slow_down", times=0), "times must be 1 or more"),
    ]:
        with pytest.raises(ClavigerError, match=f"(?s){words}"):
            refused()


def test_a_control_token_that_is_wrong_is_refused(claviger):
    claviger.control_token = "wrong"
    with pytest.raises(ClavigerError, match="control token of this start"):
        claviger.clock()


def test_a_sign_in_that_meets_a_fault_says_so(claviger):
    for fault, words in [
        ("unavailable", "fault was scripted"),
        ("cut_connection", "no answer that can be read"),
        ("malformed_body", "no answer that can be read"),
    ]:
        claviger.fault("RegisterClient", fault, times=1)
        with pytest.raises(ClavigerError, match=words):
            claviger.sign_in()
    assert claviger.sign_in()["accessToken"]
