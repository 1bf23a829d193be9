"""What AWS CLI 2.35.13 and newer do with a start URL before any call (WIRE §1.4): https only; one
HEAD, of which one redirection is read and never followed; its target must be https and AWS-owned.
Prints the target, which is what such a CLI then sends as issuerUrl and startUrl."""

import os
import sys
from urllib.parse import urljoin, urlsplit, urlunsplit

import boto3
import requests

from instance import ABOUT, Person, register

OWNED = (
    "app.aws",
    "portal.amazonaws.com",
    "portal.amazonaws.com.cn",
    "app.amazonwebservices.com.cn",
    "portal.amazonaws.eu",
    "api.amazonwebservices.eu",
    "awsapps.com",
    "awsapps.cn",
)
IDENTITY_CENTER = (
    "identitycenter.amazonaws.com",
    "identitycenter.amazonaws.com.cn",
    "identitycenter.amazonaws.eu",
    "identitycenter.us-gov.amazonaws.com",
)


def is_owned(url):
    host = urlsplit(url).hostname or ""
    below = any(host == name or host.endswith("." + name) for name in OWNED)
    return urlsplit(url).scheme == "https" and (below or host in IDENTITY_CENTER)


def check(start_url):
    assert urlsplit(start_url).scheme == "https", "sso_start_url must use the https scheme"
    if is_owned(start_url):
        return start_url
    answer = requests.head(
        start_url, allow_redirects=False, timeout=10, verify=os.environ["AWS_CA_BUNDLE"]
    )
    # 405 and 501 would lead to a GET; ours must never need one.
    assert answer.status_code in (301, 302, 303, 307, 308), answer.status_code
    assert answer.headers["Content-Length"] == "0", answer.headers
    target = urlsplit(urljoin(start_url, answer.headers["Location"]))
    target = urlunsplit((target.scheme, target.netloc, target.path.rstrip("/"), "", ""))
    assert is_owned(target), f"{start_url} leads to {target}"
    return target


target = check(sys.argv[1])
for alias in ("/", "/#/"):
    assert check(sys.argv[1] + alias) == target, alias

# And with the target the login goes on, device flow and code flow alike.
oidc = boto3.client("sso-oidc", region_name=ABOUT["region"])
started = oidc.start_device_authorization(**register(oidc), startUrl=target)
Person().approve(started["userCode"])
register(
    oidc,
    grantTypes=["authorization_code", "refresh_token"],
    redirectUris=["http://127.0.0.1/oauth/callback"],
    issuerUrl=target,
)
print(target)
