"""An STS that takes AssumeRoleWithWebIdentity and nothing on trust: it reads the issuer's discovery
document and keys as AWS does, and verifies each token with them. Prints where it listens, then
what each token said."""

import base64
import http.server
import json
import sys
import time
import urllib.parse
import urllib.request

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

AUDIENCE = sys.argv[1]
ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAOFTHETEST</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>{end}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""
REFUSAL = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>InvalidIdentityToken</Code><Message>{words}</Message></Error></ErrorResponse>"""


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def verified(token):
    head, body, signature = token.split(".")
    header, claims = json.loads(decoded(head)), json.loads(decoded(body))
    assert header["alg"] == "ES256", header
    discovery = read(f"{claims['iss']}/.well-known/openid-configuration")
    assert discovery["issuer"] == claims["iss"], discovery
    keys = {key["kid"]: key for key in read(discovery["jwks_uri"])["keys"]}
    key = keys[header["kid"]]
    x, y = (int.from_bytes(decoded(key[name]), "big") for name in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = decoded(signature)
    assert len(raw) == 64
    der = utils.encode_dss_signature(*(int.from_bytes(half, "big") for half in (raw[:32], raw[32:])))
    public.verify(der, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    assert claims["aud"] == AUDIENCE, claims
    assert claims["iat"] - 60 <= time.time() < claims["exp"], claims
    return claims


class Sts(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        try:
            assert form["Action"] == "AssumeRoleWithWebIdentity", form
            assert "Authorization" not in self.headers
            said = {**verified(form["WebIdentityToken"]), "role": form["RoleArn"]}
            print(json.dumps(said), flush=True)
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
            status, answer = 200, ANSWER.format(end=end)
        except Exception as problem:
            status, answer = 400, REFUSAL.format(words=f"{type(problem).__name__}")
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sts)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
