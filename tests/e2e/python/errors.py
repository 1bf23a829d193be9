"""What the service refuses arrives as the SDK's own class, with status, error and message."""

from instance import ABOUT, DEVICE_CODE, SCOPE, Person, client, fails, register, sign_in

oidc, portal, alice = client("sso-oidc"), client("sso"), Person()
is_a = oidc.exceptions
known, token = sign_in(oidc, alice)
start = {"startUrl": ABOUT["start_url"]}
refresh = {"grantType": "refresh_token", "refreshToken": token["refreshToken"]}
device = {"grantType": DEVICE_CODE, "deviceCode": "made-up"}


def refused(status, exception, error, call, **members):
    response = fails(exception, call, **members)
    about = response["ResponseMetadata"]
    assert about["HTTPStatusCode"] == status, response
    assert len(about["RequestId"]) == 36, response
    assert about["RetryAttempts"] == 0, response
    if error:
        assert response["error"] == error and response["error_description"], response
    assert response["Error"]["Message"], response


create = oidc.create_token
wrong = {**known, "clientSecret": "wrong"}
refused(401, is_a.InvalidClientException, "invalid_client", create, **wrong, **refresh)
refused(
    401, is_a.InvalidClientException, "invalid_client", oidc.start_device_authorization, **wrong, **start
)
refused(400, is_a.InvalidGrantException, "invalid_grant", create, **known, **device)
other = register(oidc)
refused(400, is_a.InvalidGrantException, "invalid_grant", create, **other, **refresh)
refused(400, is_a.InvalidScopeException, "invalid_scope", create, **known, **refresh, scope=["other:one"])
refused(
    400, is_a.UnsupportedGrantTypeException, "unsupported_grant_type", create, **known, grantType="password"
)
refused(
    400,
    is_a.UnauthorizedClientException,
    "unauthorized_client",
    create,
    **known,
    grantType="authorization_code",
    code="made-up",
    redirectUri="http://127.0.0.1/",
)
refused(400, is_a.InvalidRequestException, "invalid_request", create, **known, grantType=DEVICE_CODE)
refused(
    400,
    is_a.InvalidRequestException,
    "invalid_request",
    oidc.start_device_authorization,
    **known,
    startUrl="https://elsewhere.awsapps.com/start",
)
refused(
    400,
    is_a.InvalidRedirectUriException,
    "invalid_redirect_uri",
    oidc.register_client,
    clientName="story",
    clientType="public",
    scopes=[SCOPE],
    grantTypes=["authorization_code"],
    redirectUris=["http://evil.example/callback"],
    issuerUrl=ABOUT["start_url"],
)
refused(
    400,
    is_a.InvalidClientMetadataException,
    "invalid_client_metadata",
    oidc.register_client,
    clientName="story",
    clientType="public",
    scopes=[f"codewhisperer:scope{number}" for number in range(26)],
)

# Denied on the page.
started = oidc.start_device_authorization(**known, **start)
alice.deny(started["userCode"])
denied = {"grantType": DEVICE_CODE, "deviceCode": started["deviceCode"]}
refused(400, is_a.AccessDeniedException, "access_denied", create, **known, **denied)

# The portal.
access = {"accessToken": token["accessToken"]}
refused(401, portal.exceptions.UnauthorizedException, None, portal.list_accounts, accessToken="made-up")
forbidden = portal.exceptions.ClientError
role = {"accountId": "111122223333", "roleName": "Administrator"}
refused(403, forbidden, None, portal.get_role_credentials, **access, **role)
