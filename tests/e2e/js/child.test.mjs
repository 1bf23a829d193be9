// AWS's JavaScript SDK below `claviger dev --`: signed in already, and moved by the control API.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeEach, test } from "node:test";

const require = createRequire(join(process.env.CLAVIGER_NPM, "package.json"));
const { fromSSO } = require("@aws-sdk/credential-providers");
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
const { SSOClient, ListAccountsCommand } = require("@aws-sdk/client-sso");
const oidc = require("@aws-sdk/client-sso-oidc");

const ALICE = "arn:aws:sts::111122223333:assumed-role/Developer/alice";
const { CLAVIGER_CONTROL_URL: control, CLAVIGER_CONTROL_TOKEN: bearer } = process.env;
const { CLAVIGER_CLIENT_ID: clientId, CLAVIGER_CLIENT_SECRET: clientSecret } = process.env;
let refreshToken = process.env.CLAVIGER_REFRESH_TOKEN;

async function call(method, route, body) {
  const headers = { authorization: `Bearer ${bearer}` };
  const answer = await fetch(`${control}/${route}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
  });
  const json = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(json));
  return json;
}

const fault = (operation, name, more) => call("POST", "faults", { operation, fault: name, ...more });

/** Status and fault of each call of an operation since `after`. */
async function told(operation) {
  const { events } = await call("GET", `events?after=${seen}`);
  const calls = events.filter((event) => event.operation === operation);
  return calls.map(({ status, fault }) => [status, fault]);
}

let seen = 0;
beforeEach(async () => {
  await call("DELETE", "faults");
  seen = (await call("GET", "events")).events.at(-1)?.number ?? 0;
});

const caller = async () => {
  const sts = new STSClient({ credentials: fromSSO({ profile: "default" }) });
  return (await sts.send(new GetCallerIdentityCommand({}))).Arn;
};

/** A refresh, and how many attempts it took; the token is kept, as every client must. */
async function refresh(more) {
  const client = new oidc.SSOOIDCClient(more ?? {});
  const command = new oidc.CreateTokenCommand({
    clientId,
    clientSecret,
    grantType: "refresh_token",
    refreshToken,
  });
  const answer = await client.send(command);
  refreshToken = answer.refreshToken;
  return answer;
}

/** An access token to call the portal with. */
const fresh = async () => (await refresh()).accessToken;

test("the default profile is alice's, without a browser", async () => {
  assert.equal(await caller(), ALICE);
});

test("role credentials arrive after two times unavailable", async () => {
  await fault("GetRoleCredentials", "unavailable", { times: 2 });
  assert.equal(await caller(), ALICE);
  const unavailable = [503, "unavailable"];
  assert.deepEqual(await told("GetRoleCredentials"), [unavailable, unavailable, [200, null]]);
});

test("too many requests are tried again", async () => {
  const accessToken = await fresh();
  await fault("ListAccounts", "too_many_requests", { times: 1 });
  const answer = await new SSOClient().send(new ListAccountsCommand({ accessToken }));
  assert.equal(answer.accountList.length, 2);
  assert.equal(answer.$metadata.attempts, 2);
});

test("what stays unavailable is given up after three attempts", async () => {
  const accessToken = await fresh();
  await fault("ListAccounts", "unavailable");
  await assert.rejects(new SSOClient().send(new ListAccountsCommand({ accessToken })), (error) => {
    assert.equal(error.$metadata.httpStatusCode, 503);
    assert.equal(error.$metadata.attempts, 3);
    return true;
  });
  assert.equal((await told("ListAccounts")).length, 3);
});

test("slow down is not tried again", async () => {
  await fault("CreateToken", "slow_down");
  await assert.rejects(refresh(), (error) => {
    assert.ok(error instanceof oidc.SlowDownException, error);
    assert.equal(error.error, "slow_down");
    assert.equal(error.$metadata.attempts, 1);
    return true;
  });
  assert.deepEqual(await told("CreateToken"), [[400, "slow_down"]]);
});

test("a refresh whose answer is lost is tried again and the session lives", async () => {
  await fault("CreateToken", "lost_answer", { times: 1 });
  assert.equal((await refresh()).$metadata.attempts, 2);
  assert.deepEqual(await told("CreateToken"), [
    [200, "lost_answer"],
    [200, null],
  ]);
  await refresh();
});

test("a refresh whose connection is cut is tried again", async () => {
  await fault("CreateToken", "cut_connection", { times: 2 });
  assert.equal((await refresh()).$metadata.attempts, 3);
});

test("a body that breaks off is an error and not tried again", async () => {
  const accessToken = await fresh();
  await fault("ListAccounts", "malformed_body", { times: 1 });
  await assert.rejects(new SSOClient().send(new ListAccountsCommand({ accessToken })), SyntaxError);
  assert.deepEqual(await told("ListAccounts"), [[200, "malformed_body"]]);
});

test("a late answer is given up and asked for again", async () => {
  await fault("CreateToken", "delay", { times: 1, milliseconds: 60_000 });
  const answer = await refresh({ requestHandler: { requestTimeout: 300, throwOnRequestTimeout: true } });
  assert.equal(answer.$metadata.attempts, 2);
  assert.deepEqual(await told("CreateToken"), [
    [200, "delay"],
    [200, null],
  ]);
});

test("a short lifetime is what the SDK reads", async () => {
  await fault("CreateToken", "short_lifetime", { times: 1, seconds: 60 });
  assert.equal((await refresh()).expiresIn, 60);
});
