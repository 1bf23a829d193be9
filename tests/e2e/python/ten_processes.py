"""Ten processes find one cached token near its end and refresh it at the same moment, twice in a
row. All of them succeed, and the session lives on."""

import json
import subprocess
import sys

from instance import Person, client, keep, sign_in

ONE = """
import sys, boto3
session = boto3.Session()
provider = session.client("sts")
print("ready", flush=True)
sys.stdin.readline()
print(provider.get_caller_identity()["Arn"], flush=True)
"""

oidc = client("sso-oidc")
known, token = sign_in(oidc, Person())
for _ in range(2):
    path = keep(known, token, expires_in=60)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", ONE], **pipes) for _ in range(10)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, "a process failed"
        assert said.strip().endswith("assumed-role/Developer/alice"), said
    kept = json.loads(path.read_text())
    assert kept["refreshToken"] and kept["accessToken"] != token["accessToken"], "nobody refreshed"
    client("sso").list_accounts(accessToken=kept["accessToken"])
    again = {"grantType": "refresh_token", "refreshToken": kept["refreshToken"]}
    token = oidc.create_token(**known, **again)
