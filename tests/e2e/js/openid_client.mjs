// openid-client as a relying party: one story for each way in which a client shows that it is itself.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.env.CLAVIGER_NPM, "package.json"));
const client = await import(pathToFileURL(require.resolve("openid-client")));

const about = JSON.parse(process.env.CLAVIGER_ABOUT);
const issuer = new URL(about.issuer);
const scope = "openid profile email groups";
const device = "urn:ietf:params:oauth:grant-type:device_code";
const person = {
  name: "Alice Example",
  preferred_username: "alice",
  email: "alice@example.org",
  email_verified: true,
  groups: ["engineers"],
};

/** Does what a person would, by the control API. */
async function control(route, body) {
  const answer = await fetch(`${about.control_url}/${route}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${about.control_token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

/** The library's own error with this code of OAuth. */
const refused = (error) => (thrown) => {
  assert.ok(thrown instanceof client.ResponseBodyError, thrown);
  assert.equal(thrown.error, error);
  return true;
};

/** A challenge of this scheme. */
const challenged = (scheme, error) => (thrown) => {
  assert.ok(thrown instanceof client.WWWAuthenticateChallengeError, thrown);
  assert.equal(thrown.status, 401);
  assert.equal(thrown.cause[0].scheme, scheme);
  assert.equal(thrown.cause[0].parameters.error, error);
  return true;
};

/** Something that the library says of what it was given. */
const untrusted = (code) => (thrown) => {
  assert.ok(thrown instanceof client.ClientError, thrown);
  assert.equal(thrown.code, code, thrown);
  return true;
};

/** Discovers the server and registers with it. */
async function register(method, authentication) {
  const metadata = {
    client_name: "openid-client",
    grant_types: ["authorization_code", "refresh_token", device],
    // The library then takes no other.
    id_token_signed_response_alg: method === "client_secret_post" ? "RS256" : "ES256",
    redirect_uris: ["http://127.0.0.1/callback"],
    scope,
    token_endpoint_auth_method: method,
  };
  // Else it would believe TLS, and not look at the signature of an ID token.
  const options = { execute: [client.enableNonRepudiationChecks] };
  const config = await client.dynamicClientRegistration(issuer, metadata, authentication, options);
  assert.ok(config.serverMetadata().supportsPKCE());
  const registered = config.clientMetadata();
  assert.equal("client_secret" in registered, method !== "none");
  assert.equal(registered.token_endpoint_auth_method, method);
  assert.equal(registered.id_token_signed_response_alg, metadata.id_token_signed_response_alg);
  return config;
}

/** Authorization code with PKCE: what comes back, and what it is to be checked against. */
async function authorize(config) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    nonce: expectedNonce,
    redirect_uri: "http://127.0.0.1:54321/callback",
    scope,
    state: expectedState,
  });
  const { location } = await control("authorize", { url: url.href });
  return [new URL(location), { expectedNonce, expectedState, pkceCodeVerifier }];
}

async function code(config) {
  const [back, checks] = await authorize(config);
  const elsewhere = new URL(back);
  elsewhere.searchParams.set("iss", "https://elsewhere.example");
  const nowhere = new URL(back);
  nowhere.searchParams.delete("iss");
  for (const other of [elsewhere, nowhere]) {
    const grant = client.authorizationCodeGrant(config, other, checks);
    await assert.rejects(grant, untrusted("OAUTH_INVALID_RESPONSE"));
  }
  const guessed = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() };
  const guess = client.authorizationCodeGrant(config, back, guessed);
  await assert.rejects(guess, refused("invalid_grant"));

  const tokens = await client.authorizationCodeGrant(config, back, checks);
  assert.equal(tokens.claims().nonce, checks.expectedNonce);
  await know(config, tokens);

  const replay = client.authorizationCodeGrant(config, back, checks);
  await assert.rejects(replay, refused("invalid_grant"));
  // Who replays a code ends what it gave.
  await end(config, tokens);
}

/** A device that is approved after it has asked in vain. */
async function signInDevice(config) {
  const started = await client.initiateDeviceAuthorization(config, { scope });
  let asked = 0;
  config[client.customFetch] = async (url, init) => {
    const answer = await fetch(url, init);
    if (url === config.serverMetadata().token_endpoint && ++asked === 1) {
      assert.equal((await answer.clone().json()).error, "authorization_pending");
      await control("approve", { user_code: started.user_code });
    }
    return answer;
  };
  const tokens = await client.pollDeviceAuthorizationGrant(config, started);
  config[client.customFetch] = undefined;
  assert.ok(asked > 1, "it was approved before it asked");
  assert.equal(tokens.claims().nonce, undefined);
  await know(config, tokens);
  return tokens;
}

/** The ID token, userinfo and introspection tell of one person. */
async function know(config, tokens) {
  const { aud, iss, sub } = tokens.claims();
  const { client_id, client_secret } = config.clientMetadata();
  assert.deepEqual([aud, iss], [client_id, about.issuer]);
  for (const [name, value] of Object.entries(person)) {
    assert.deepEqual(tokens.claims()[name], value, name);
  }
  const told = await client.fetchUserInfo(config, tokens.access_token, sub);
  assert.deepEqual(told, { sub, ...person });

  const asked = client.tokenIntrospection(config, tokens.access_token);
  if (client_secret === undefined) {
    await assert.rejects(asked, challenged("basic"));
    return;
  }
  const { exp, ...worth } = await asked;
  assert.deepEqual(worth, {
    active: true,
    client_id,
    iss,
    scope,
    sub,
    token_type: "Bearer",
    username: "alice",
  });
  const left = exp - Date.now() / 1000;
  assert.ok(left > 0 && left <= tokens.expires_in, `${left} s are left`);
}

/** All that the tokens opened is closed. */
async function end(config, { access_token, refresh_token }) {
  const ask = client.fetchUserInfo(config, access_token, client.skipSubjectCheck);
  await assert.rejects(ask, challenged("bearer", "invalid_token"));
  const refresh = client.refreshTokenGrant(config, refresh_token);
  await assert.rejects(refresh, refused("invalid_grant"));
  if (config.clientMetadata().client_secret !== undefined) {
    const worth = await client.tokenIntrospection(config, access_token);
    assert.deepEqual(worth, { active: false });
  }
}

async function refreshAndRevoke(config, tokens) {
  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
  for (const name of ["access_token", "refresh_token", "id_token"]) {
    assert.ok(fresh[name] && fresh[name] !== tokens[name], `${name} is the old one`);
  }
  assert.equal(fresh.claims().sub, tokens.claims().sub);
  assert.equal(fresh.claims().auth_time, tokens.claims().auth_time);
  await know(config, fresh);
  // The one before is good until it expires, or until its session ends.
  await know(config, { ...tokens, claims: tokens.claims });

  await client.tokenRevocation(config, fresh.refresh_token, { token_type_hint: "refresh_token" });
  await end(config, fresh);
  await end(config, tokens);
}

const ways = {
  none: client.None(),
  client_secret_basic: client.ClientSecretBasic(),
  client_secret_post: client.ClientSecretPost(),
};
for (const [method, authentication] of Object.entries(ways)) {
  const config = await register(method, authentication);
  await code(config);
  await refreshAndRevoke(config, await signInDevice(config));
}
