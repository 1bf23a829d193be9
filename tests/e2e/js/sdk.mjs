// AWS's JavaScript SDK on a token that lies in its cache: one story per argument.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

const require = createRequire(join(process.env.CLAVIGER_NPM, "package.json"));
const { fromSSO, fromIni } = require("@aws-sdk/credential-providers");
const { fromSso } = require("@aws-sdk/token-providers");
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
const { SSOClient, ListAccountsCommand, paginateListAccountRoles } = require("@aws-sdk/client-sso");
const { S3Client, CreateBucketCommand, ListBucketsCommand } = require("@aws-sdk/client-s3");
const oidc = require("@aws-sdk/client-sso-oidc");

const about = JSON.parse(process.env.CLAVIGER_ABOUT);
const region = about.region;

async function tokenFile() {
  const config = await readFile(about.aws_config_file, "utf8");
  const session = config.match(/\[sso-session (\S+)\]/)[1];
  const name = createHash("sha1").update(session).digest("hex");
  return join(homedir(), ".aws/sso/cache", `${name}.json`);
}

async function arn(credentials) {
  const client = new STSClient({ region, credentials });
  return (await client.send(new GetCallerIdentityCommand({}))).Arn;
}

/** Credentials of two profiles through the SSO provider and the default chain, for STS and S3. */
async function credentials() {
  const developer = "arn:aws:sts::111122223333:assumed-role/Developer/alice";
  assert.equal(await arn(fromSSO({ profile: "default" })), developer);
  const other = await arn(fromIni({ profile: "ReadOnly-444455556666" }));
  assert.equal(other, "arn:aws:sts::444455556666:assumed-role/ReadOnly/alice");
  const drawn = await fromSSO({ profile: "default" })();
  assert.ok(drawn.expiration > new Date(), "the credentials have expired already");

  const endpoint = process.argv[3];
  const s3 = new S3Client({
    region,
    endpoint,
    forcePathStyle: true,
    credentials: fromSSO({ profile: "default" }),
  });
  await s3.send(new CreateBucketCommand({ Bucket: "of-javascript" }));
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  assert.deepEqual(
    Buckets.map((bucket) => bucket.Name),
    ["of-javascript"],
  );
}

/** A token that ends in a minute is refreshed, kept, and good. */
async function refresh() {
  const path = await tokenFile();
  const before = JSON.parse(await readFile(path, "utf8"));
  const soon = new Date(Date.now() + 60_000).toISOString();
  await writeFile(path, JSON.stringify({ ...before, expiresAt: soon }));
  const { token } = await fromSso({ profile: "default" })();
  assert.notEqual(token, before.accessToken);
  const after = JSON.parse(await readFile(path, "utf8"));
  assert.equal(after.accessToken, token);
  assert.ok(after.refreshToken && after.refreshToken !== before.refreshToken);
  const portal = new SSOClient({ region });
  const { accountList } = await portal.send(new ListAccountsCommand({ accessToken: token }));
  assert.equal(accountList.length, 2);
  assert.match(await arn(fromSSO({ profile: "default" })), /Developer\/alice$/);
}

/** The calls by hand, paginators, and errors by their classes. */
async function calls() {
  const client = new oidc.SSOOIDCClient({ region });
  const { clientId, clientSecret } = await client.send(
    new oidc.RegisterClientCommand({
      clientName: "story",
      clientType: "public",
      scopes: ["sso:account:access"],
    }),
  );
  const started = await client.send(
    new oidc.StartDeviceAuthorizationCommand({ clientId, clientSecret, startUrl: about.start_url }),
  );
  const poll = new oidc.CreateTokenCommand({
    clientId,
    clientSecret,
    grantType: "urn:ietf:params:oauth:grant-type:device_code",
    deviceCode: started.deviceCode,
  });
  await assert.rejects(client.send(poll), (error) => {
    assert.ok(error instanceof oidc.AuthorizationPendingException, error);
    assert.equal(error.error, "authorization_pending");
    assert.equal(error.$metadata.httpStatusCode, 400);
    return true;
  });
  const wrong = new oidc.CreateTokenCommand({
    clientId,
    clientSecret,
    grantType: "refresh_token",
    refreshToken: "made-up",
  });
  await assert.rejects(client.send(wrong), oidc.InvalidGrantException);

  const { accessToken } = JSON.parse(await readFile(await tokenFile(), "utf8"));
  const portal = new SSOClient({ region });
  const pages = paginateListAccountRoles(
    { client: portal, pageSize: 1 },
    { accessToken, accountId: "111122223333" },
  );
  const names = [];
  for await (const page of pages) {
    assert.equal(page.roleList.length, 1);
    names.push(page.roleList[0].roleName);
  }
  assert.deepEqual(names, ["Developer", "ReadOnly"]);
}

await { credentials, refresh, calls }[process.argv[2]]();
