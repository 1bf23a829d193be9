"""The signed calls: an application with a machine key, by every grant; then role credentials."""

import base64
import hashlib
import secrets
import sys
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.exceptions import ClientError
from instance import ABOUT, Person

MACHINE = ABOUT["machine"]
REDIRECT_URI = "https://reports.example.org/callback"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"


def client(service, **more):
    """A client of boto3 at this instance."""
    return boto3.client(service, **{"region_name": ABOUT["region"], "endpoint_url": ABOUT["issuer"], **more})


def machine(**other):
    """A client that signs with the machine key."""
    keys = {"aws_access_key_id": MACHINE["access_key_id"], "aws_secret_access_key": MACHINE["secret_access_key"]}
    return client("sso-oidc", **{**keys, **other})


def refused(code, oidc, **members):
    """Asserts that the call is refused with that name."""
    try:
        oidc.create_token_with_iam(clientId=MACHINE["client_id"], **members)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"{code} did not come")


if "--disabled" in sys.argv:
    members = {"grantType": "refresh_token", "refreshToken": "any"}
    refused("UnrecognizedClientException", machine(), **members)
    sys.exit()

oidc, portal = machine(), client("sso")


def draw(token, role="Developer"):
    """Role credentials that moto knows."""
    given = portal.get_role_credentials(accessToken=token, accountId="111122223333", roleName=role)
    given = given["roleCredentials"]
    sts = boto3.client(
        "sts",
        region_name=ABOUT["region"],
        endpoint_url=ABOUT["sts"],
        aws_access_key_id=given["accessKeyId"],
        aws_secret_access_key=given["secretAccessKey"],
        aws_session_token=given["sessionToken"],
    )
    arn = sts.get_caller_identity()["Arn"]
    assert f":assumed-role/{role}" in arn, arn


def create(**members):
    """The answer of a call that succeeds."""
    answer = oidc.create_token_with_iam(clientId=MACHINE["client_id"], **members)
    assert answer["tokenType"] == "Bearer" and answer["issuedTokenType"], answer
    return answer


# The authorization code, of a person at a browser.
verifier = secrets.token_urlsafe(48)
digest = hashlib.sha256(verifier.encode()).digest()
query = {
    "response_type": "code",
    "client_id": MACHINE["client_id"],
    "redirect_uri": REDIRECT_URI,
    "state": secrets.token_urlsafe(),
    "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    "code_challenge_method": "S256",
}
back = parse_qs(urlsplit(Person().allow(query)).query)
code = {"code": back["code"][0], "redirectUri": REDIRECT_URI, "codeVerifier": verifier}
first = create(grantType="authorization_code", **code)
assert first["scope"] == ["sso:account:access", "openid"] and first["idToken"].count(".") == 2, first
draw(first["accessToken"])

# The refresh token.
second = create(grantType="refresh_token", refreshToken=first["refreshToken"])
assert second["refreshToken"] != first["refreshToken"], "the token was not rotated"
draw(second["accessToken"])

# The word of a trusted issuer, once.
spoken = create(grantType=BEARER, assertion=ABOUT["assertion"], scope=["sso:account:access"])
assert spoken["scope"] == ["sso:account:access"] and not spoken.get("idToken"), spoken
draw(spoken["accessToken"])
refused("InvalidGrantException", oidc, grantType=BEARER, assertion=ABOUT["assertion"])

# Less power for somebody else.
exchange = {"grantType": EXCHANGE, "subjectToken": spoken["accessToken"], "subjectTokenType": ACCESS}
less = create(**exchange, scope=["sso:account:111122223333:ReadOnly"])
assert less["issuedTokenType"] == ACCESS and not less.get("refreshToken"), less
draw(less["accessToken"], "ReadOnly")
try:
    draw(less["accessToken"])
    raise AssertionError("a limited token drew more than it was given")
except ClientError as error:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
portal.logout(accessToken=spoken["accessToken"])
try:
    draw(less["accessToken"], "ReadOnly")
    raise AssertionError("a child outlived its parent")
except portal.exceptions.UnauthorizedException:
    pass

# What is wrong with a signature.
members = {"grantType": "refresh_token", "refreshToken": second["refreshToken"]}
refused("InvalidSignatureException", machine(region_name="eu-west-1"), **members)
refused("InvalidSignatureException", machine(aws_secret_access_key="wrong"), **members)
refused("UnrecognizedClientException", machine(aws_access_key_id="CVMKAAAAAAAAAAAAAAAA"), **members)
draw(create(**members)["accessToken"])
