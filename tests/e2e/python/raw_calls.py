"""The calls of sso-oidc by hand: device grant, authorization code with PKCE, refresh; then the
portal with what they gave."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlsplit

from instance import ABOUT, DEVICE_CODE, SCOPE, Person, client, fails, register

oidc, portal, alice = client("sso-oidc"), client("sso"), Person()

# The device grant: pending, approved, redeemed; redeemed once more it gives the same session.
registered = oidc.register_client(clientName="story", clientType="public", scopes=[SCOPE])
assert registered["clientSecretExpiresAt"] > registered["clientIdIssuedAt"], registered
known = {name: registered[name] for name in ("clientId", "clientSecret")}
started = oidc.start_device_authorization(**known, startUrl=ABOUT["start_url"])
assert started["verificationUriComplete"].endswith(started["userCode"]), started
assert started["interval"] >= 1 and started["expiresIn"] > 60, started
poll = {**known, "grantType": DEVICE_CODE, "deviceCode": started["deviceCode"]}
fails(oidc.exceptions.AuthorizationPendingException, oidc.create_token, **poll)
alice.approve(started["userCode"])
token = oidc.create_token(**poll)
assert token["tokenType"] == "Bearer" and token["expiresIn"] == 3600, token
again = oidc.create_token(**poll)
assert again["refreshToken"] == token["refreshToken"], "redelivery began a second session"

# The refresh grant: a new pair; asked again at once, the very same pair.
refresh = {**known, "grantType": "refresh_token", "refreshToken": token["refreshToken"]}
fresh = oidc.create_token(**refresh)
assert fresh["refreshToken"] != token["refreshToken"], "the token was not rotated"
repeated = oidc.create_token(**refresh)
assert repeated["refreshToken"] == fresh["refreshToken"], "a retry did not converge"

# The authorization code grant with PKCE.
redirect_uri = "http://127.0.0.1/oauth/callback"
known = register(
    oidc,
    grantTypes=["authorization_code", "refresh_token"],
    redirectUris=[redirect_uri],
    issuerUrl=ABOUT["start_url"],
)
verifier = secrets.token_urlsafe(48)
digest = hashlib.sha256(verifier.encode()).digest()
query = {
    "response_type": "code",
    "client_id": known["clientId"],
    # The port of the moment, as RFC 8252 §7.3 has it.
    "redirect_uri": "http://127.0.0.1:54321/oauth/callback",
    "state": secrets.token_urlsafe(),
    "scopes": SCOPE,
    "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    "code_challenge_method": "S256",
}
back = parse_qs(urlsplit(alice.allow(query)).query)
assert back["state"] == [query["state"]], back
redeem = {
    **known,
    "grantType": "authorization_code",
    "code": back["code"][0],
    "redirectUri": query["redirect_uri"],
}
fails(oidc.exceptions.InvalidGrantException, oidc.create_token, **redeem, codeVerifier="x" * 43)
token = oidc.create_token(**redeem, codeVerifier=verifier)
assert token["refreshToken"], token
fails(oidc.exceptions.InvalidGrantException, oidc.create_token, **redeem, codeVerifier=verifier)
# The replay of a code ends what it gave.
access = {"accessToken": token["accessToken"]}
fails(portal.exceptions.UnauthorizedException, portal.list_accounts, **access)

# The portal with the device's token.
access = {"accessToken": fresh["accessToken"]}
accounts = portal.list_accounts(**access)["accountList"]
assert [account["accountId"] for account in accounts] == ["111122223333", "444455556666"], accounts
given = portal.get_role_credentials(**access, accountId="111122223333", roleName="Developer")
given = given["roleCredentials"]
# Milliseconds: a value in seconds would be long past for every SDK.
assert given["expiration"] > 10**12 and given["sessionToken"], "the expiration is no milliseconds"
portal.logout(**access)
fails(portal.exceptions.UnauthorizedException, portal.list_accounts, **access)
