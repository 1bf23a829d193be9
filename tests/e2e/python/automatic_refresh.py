"""A session whose token is near its end: the SSO provider of botocore refreshes it, draws
credentials, and moto takes them for STS and S3. The URL of moto is the only argument."""

import json
import sys

import boto3

from instance import Person, client, keep, sign_in

known, token = sign_in(client("sso-oidc"), Person())
path = keep(known, token, expires_in=60)

session = boto3.Session()
arn = session.client("sts").get_caller_identity()["Arn"]
assert arn == "arn:aws:sts::111122223333:assumed-role/Developer/alice", arn
kept = json.loads(path.read_text())
assert kept["accessToken"] != token["accessToken"], "the token was not refreshed"
assert kept["refreshToken"] != token["refreshToken"], "the refresh token was not renewed"

s3 = session.client("s3", endpoint_url=sys.argv[1])
s3.create_bucket(Bucket="of-alice")
assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["of-alice"]

# Another profile, another account, the same token.
other = boto3.Session(profile_name="ReadOnly-444455556666").client("sts")
arn = other.get_caller_identity()["Arn"]
assert arn == "arn:aws:sts::444455556666:assumed-role/ReadOnly/alice", arn
