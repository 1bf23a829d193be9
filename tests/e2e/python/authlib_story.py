"""Authlib as a relying party: its client for Flask signs alice in at the pages, its session does what
has no page. One story for each way in which a client shows that it is itself."""

import base64
import json
import os
import secrets
import sys
import time
from urllib.parse import parse_qs, parse_qsl, urlsplit

import requests
from authlib.integrations.flask_client import OAuth, OAuthError
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, jsonify

from instance import ABOUT, DEVICE_CODE, Person

os.environ["REQUESTS_CA_BUNDLE"] = ABOUT["ca_bundle"]
ISSUER = ABOUT["issuer"]
METADATA = ISSUER + "/.well-known/openid-configuration"
SCOPE = "openid profile email groups"
CALLBACK = "http://127.0.0.1:54321/callback"
PERSON = {
    "name": "Alice Example",
    "preferred_username": "alice",
    "email": "alice@example.org",
    "email_verified": True,
    "groups": ["engineers"],
}

alice = Person()
app = Flask(__name__)
app.secret_key = secrets.token_hex()
app.testing = True  # What it raises comes out of its test client.
oauth = OAuth(app)


@app.get("/sign-in/<party>")
def sign_in(party):
    return oauth.create_client(party).authorize_redirect(CALLBACK)


@app.get("/callback/<party>")
def callback(party):
    return jsonify(oauth.create_client(party).authorize_access_token())


def refused(error, call, *arguments, **members):
    """Asserts that a call fails with the library's own class and this code of OAuth."""
    try:
        answer = call(*arguments, **members)
    except OAuthError as refusal:
        assert refusal.error == error and refusal.description, refusal
    else:
        sys.exit(f"{error} was due, but an answer came: {list(answer)}")


class Party:
    """A registered client. Authlib has none for registration, so that is done by hand."""

    def __init__(self, method):
        metadata = {
            "client_name": "Authlib",
            "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
            "id_token_signed_response_alg": "RS256" if method == "client_secret_post" else "ES256",
            "redirect_uris": ["http://127.0.0.1/callback"],
            "scope": SCOPE,
            "token_endpoint_auth_method": method,
        }
        self.method = method
        self.algorithm = metadata["id_token_signed_response_alg"]
        discovered = requests.get(METADATA, timeout=30).json()
        answer = requests.post(discovered["registration_endpoint"], json=metadata, timeout=30)
        assert answer.status_code == 201, answer.text
        registered = answer.json()
        assert ("client_secret" in registered) == (method != "none"), "a secret for whom?"
        self.keys = {name: registered.get(name) for name in ("client_id", "client_secret")}
        how = {
            "code_challenge_method": "S256",
            "scope": SCOPE,
            "token_endpoint_auth_method": method,
        }
        self.client = oauth.register(
            method, **self.keys, server_metadata_url=METADATA, client_kwargs=how
        )
        self.at = self.client.load_server_metadata()
        assert self.at["issuer"] == ISSUER, self.at
        self.session = OAuth2Session(
            **self.keys,
            **how,
            redirect_uri=CALLBACK,
            token_endpoint=self.at["token_endpoint"],
            revocation_endpoint_auth_method=method,
        )

    def sign_in(self):
        """Authorization code with PKCE, `state` and `nonce`, as an application on Flask has it."""
        browser = app.test_client()
        to = browser.get(f"/sign-in/{self.method}").location
        assert to.startswith(self.at["authorization_endpoint"] + "?"), to
        asked = dict(parse_qsl(urlsplit(to).query))
        back = alice.allow(asked)
        # The library does not look at it (RFC 9207 §2.4).
        assert parse_qs(urlsplit(back).query)["iss"] == [ISSUER], back
        token = browser.get(f"/callback/{self.method}?{urlsplit(back).query}").json
        assert token["userinfo"]["nonce"] == asked["nonce"], token
        return token

    def be_refused(self):
        """A verifier that was guessed, and a code that is used twice."""
        verifier = secrets.token_urlsafe(48)
        to, state = self.session.create_authorization_url(
            self.at["authorization_endpoint"], code_verifier=verifier
        )
        back = {
            "authorization_response": alice.allow(dict(parse_qsl(urlsplit(to).query))),
            "state": state,
        }
        redeem = self.session.fetch_token
        refused("invalid_grant", redeem, **back, code_verifier=secrets.token_urlsafe(48))
        token = redeem(**back, code_verifier=verifier)
        self.is_known(token)
        refused("invalid_grant", redeem, **back, code_verifier=verifier)
        # Who replays a code ends what it gave.
        self.is_ended(token)

    def sign_in_device(self):
        """A device that is approved after it has asked in vain."""
        started = self.session.post(
            self.at["device_authorization_endpoint"],
            data={"scope": SCOPE},
            auth=self.session.client_auth(self.method),
        ).json()
        poll = {"grant_type": DEVICE_CODE, "device_code": started["device_code"]}
        refused("authorization_pending", self.session.fetch_token, **poll)
        alice.approve(started["user_code"])
        return self.session.fetch_token(**poll)

    def is_known(self, token):
        """The ID token, userinfo and introspection tell of one person; answers what the first says."""
        told = self.client.parse_id_token(token, nonce=None)
        head = json.loads(base64.urlsafe_b64decode(token["id_token"].split(".")[0] + "=="))
        assert head["alg"] == self.algorithm, head
        assert told["aud"] == self.keys["client_id"], told
        assert {name: told.get(name) for name in PERSON} == PERSON, told
        info = self.client.userinfo(token=token)
        assert info == {"sub": told["sub"], **PERSON}, info
        worth = self.introspect(token)
        if self.method == "none":
            assert worth["error"] == "invalid_client", worth
            return told
        assert time.time() < worth.pop("exp") <= time.time() + token["expires_in"], worth
        assert worth == {
            "active": True,
            "client_id": self.keys["client_id"],
            "iss": ISSUER,
            "scope": SCOPE,
            "sub": told["sub"],
            "token_type": "Bearer",
            "username": "alice",
        }, worth
        return told

    def introspect(self, token):
        """What an access token is worth."""
        return self.session.introspect_token(
            self.at["introspection_endpoint"],
            token=token["access_token"],
            token_type_hint="access_token",
        ).json()

    def is_ended(self, token):
        """All that the token opened is closed."""
        answer = self.client.get(self.at["userinfo_endpoint"], token=token)
        assert answer.status_code == 401, answer.text
        assert 'Bearer error="invalid_token"' in answer.headers["WWW-Authenticate"], answer.headers
        refused("invalid_grant", self.session.refresh_token, refresh_token=token["refresh_token"])
        if self.method != "none":
            assert self.introspect(token) == {"active": False}, "an access token outlives its session"

    def refresh_and_revoke(self, token):
        """A new pair, an ID token of the same person; then the end of both."""
        first = self.is_known(token)
        fresh = self.session.refresh_token(refresh_token=token["refresh_token"])
        for name in ("access_token", "refresh_token", "id_token"):
            assert fresh[name] and fresh[name] != token[name], f"{name} is the old one"
        second = self.is_known(fresh)
        assert second["sub"] == first["sub"], second
        assert second["auth_time"] == first["auth_time"], second
        # The one before is good until it expires, or until its session ends.
        self.is_known(token)
        answer = self.session.revoke_token(
            self.at["revocation_endpoint"],
            token=fresh["refresh_token"],
            token_type_hint="refresh_token",
        )
        assert answer.status_code == 200, answer.text
        self.is_ended(fresh)
        self.is_ended(token)


for way in ("none", "client_secret_basic", "client_secret_post"):
    party = Party(way)
    party.be_refused()
    party.refresh_and_revoke(party.sign_in())
    party.refresh_and_revoke(party.sign_in_device())
