"""What the stories know of the instance under test, and the person who signs in there."""

import hashlib
import json
import os
import pathlib
import re
import sys
import time

import boto3
import requests

ABOUT = json.loads(os.environ["CLAVIGER_ABOUT"])
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "sso:account:access"


def client(service):
    """A client of boto3, found by the config file alone."""
    return boto3.client(service, region_name=ABOUT["region"])


def register(oidc, **more):
    """A registered client's id and secret, as CreateToken takes them."""
    members = {"clientName": "story", "clientType": "public", "scopes": [SCOPE], **more}
    answer = oidc.register_client(**members)
    return {"clientId": answer["clientId"], "clientSecret": answer["clientSecret"]}


class Person:
    """Alice at a browser without script: she posts the forms of the pages."""

    def __init__(self):
        self.http = requests.Session()
        self.http.verify = ABOUT.get("ca_bundle") or True
        self.http.headers["Origin"] = ABOUT["issuer"]
        page = self.open("/sign-in")
        fields = {"user_name": ABOUT["user"], "password": ABOUT["password"]}
        self.send("/sign-in", {"next": hidden(page, "next"), **fields})

    def open(self, path):
        """A page's text."""
        answer = self.http.get(ABOUT["issuer"] + path, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path, fields):
        """What a form is answered with; a redirection is not followed."""
        answer = self.http.post(ABOUT["issuer"] + path, fields, allow_redirects=False, timeout=30)
        assert answer.status_code in (200, 303), (answer.status_code, answer.text)
        return answer

    def approve(self, user_code):
        """Types a user code and approves it."""
        page = self.open("/device")
        fields = {"token": hidden(page, "token", "look-up"), "user_code": user_code}
        page = self.send("/device", fields).text
        fields["token"] = hidden(page, "token", "approve")
        assert self.send("/device/approve", fields).status_code == 303

    def deny(self, user_code):
        """Types a user code and denies it."""
        page = self.open("/device")
        fields = {"token": hidden(page, "token", "look-up"), "user_code": user_code}
        page = self.send("/device", fields).text
        fields["token"] = hidden(page, "token", "deny")
        assert self.send("/device/deny", fields).status_code == 303

    def allow(self, authorize_query):
        """Goes through /authorize and allows; answers the URL of the way back."""
        answer = self.http.get(
            ABOUT["issuer"] + "/authorize", params=authorize_query, allow_redirects=False, timeout=30
        )
        assert answer.status_code == 200, answer.text
        fields = {
            "token": hidden(answer.text, "token", "consent"),
            "request": hidden(answer.text, "request", "consent"),
            "answer": "approve",
        }
        answer = self.send("/authorize", fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]


def hidden(page, name, after=""):
    """The value of a hidden field, the first one behind the element with the id `after`."""
    start = page.index(f'id="{after}"') if after else 0
    found = re.search(rf'name="{name}" value="([^"]*)"', page[start:])
    assert found, f"no field {name} in {page}"
    return found[1]


def sign_in(oidc, person):
    """The whole device grant: the client and the answer of CreateToken."""
    known = register(oidc)
    started = oidc.start_device_authorization(**known, startUrl=ABOUT["start_url"])
    person.approve(started["userCode"])
    token = oidc.create_token(**known, grantType=DEVICE_CODE, deviceCode=started["deviceCode"])
    return known, token


def session_name():
    """The sso-session of the config file."""
    config = pathlib.Path(ABOUT["aws_config_file"]).read_text()
    return re.search(r"\[sso-session (\S+)\]", config)[1]


def token_file():
    """Where AWS clients look for the session's token."""
    name = hashlib.sha1(session_name().encode()).hexdigest()
    return pathlib.Path.home() / ".aws/sso/cache" / f"{name}.json"


def keep(known, token, expires_in=3600):
    """Writes the token where AWS clients look for it; it ends in so many seconds, they think."""
    stamp = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    path = token_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {
        "startUrl": ABOUT["aws_start_url"],
        "region": ABOUT["region"],
        "accessToken": token["accessToken"],
        "expiresAt": stamp(expires_in),
        "refreshToken": token["refreshToken"],
        "registrationExpiresAt": stamp(86400),
        **known,
    }
    path.write_text(json.dumps(kept))
    return path


def fails(exception, call, **members):
    """Asserts that a call fails with this class of exception, and answers what it holds."""
    try:
        answer = call(**members)
    except exception as error:
        return error.response
    except Exception as error:
        sys.exit(f"{exception.__name__} was due, but {type(error).__name__} came: {error}")
    sys.exit(f"{exception.__name__} was due, but an answer came: {list(answer)}")
