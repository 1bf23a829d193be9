// A person's stories at the pages: one per argument.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";

import { about, axe, call, open, register, signIn, startDevice, withPage } from "./chromium.mjs";

/** From the page with a code filled in to the one that asks, by the person's own hand. */
async function askedAbout(page) {
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("#confirm").waitFor();
}

/** Follows the link that a client shows, signs in and approves. */
async function approve(link) {
  await withPage({}, async (page) => {
    await page.goto(link);
    await signIn(page);
    await askedAbout(page);
    const code = await page.locator("#user-code").innerText();
    assert.ok(code.includes(new URL(link).searchParams.get("user_code")), code);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "Approved" }).waitFor();
  });
}

/** Types a code, reads who asks, and denies. */
async function deny() {
  await withPage({}, async (page) => {
    const device = await startDevice();
    await open(page, "/device");
    await signIn(page);
    await page.getByLabel("Code").fill(device.userCode.toLowerCase().replace("-", " "));
    await page.getByRole("button", { name: "Continue" }).click();
    assert.match(await page.locator("#client").innerText(), /story/);
    assert.match(await page.locator("#address").innerText(), /127\.0\.0\.1/);
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Denied" }).waitFor();
    const refused = await device.poll();
    assert.equal(refused.error, "access_denied");
  });
}

/** A program opens /authorize with PKCE and waits on a port of its own. */
async function authorize() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const came = new Promise((resolve) => {
    server.on("request", (request, response) => {
      response.end("You can close this window.");
      const url = new URL(request.url, "http://127.0.0.1");
      if (url.pathname === "/callback") resolve({ url, referrer: request.headers.referer });
    });
  });
  const redirectUri = `http://127.0.0.1:${server.address().port}/callback`;
  const client = await register({
    grantTypes: ["authorization_code", "refresh_token"],
    redirectUris: ["http://127.0.0.1/callback"],
    issuerUrl: about.start_url,
  });
  const verifier = randomBytes(48).toString("base64url");
  const state = `${randomBytes(8).toString("hex")}+/=&`;
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: redirectUri,
    state,
    scopes: "sso:account:access",
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  });
  await withPage({}, async (page) => {
    await open(page, `/authorize?${query}`);
    await signIn(page);
    assert.match(await page.locator("#client").innerText(), /story/);
    await page.getByRole("button", { name: "Allow" }).click();
    const { url, referrer } = await came;
    assert.equal(url.searchParams.get("state"), state);
    assert.equal(referrer, undefined, "the way back told where it came from");
    const token = await call("/token", {
      ...client,
      grantType: "authorization_code",
      code: url.searchParams.get("code"),
      redirectUri,
      codeVerifier: verifier,
    });
    assert.ok(token.accessToken && token.refreshToken, "no tokens for the code");
  });
  server.close();
}

/** Looks for an account, draws credentials and copies them. */
async function portal() {
  const permissions = ["clipboard-read", "clipboard-write"];
  await withPage({ permissions }, async (page) => {
    await open(page, "/start");
    await signIn(page);
    assert.equal(await page.locator("#accounts > li").count(), 2);
    await page.getByLabel("Search accounts and roles").fill("production");
    await page.getByRole("button", { name: "Search" }).click();
    await page.locator("#found").waitFor();
    assert.equal(await page.locator("#accounts > li").count(), 1);
    await page.getByRole("button", { name: "Credentials: ReadOnly in Production" }).click();
    await page.getByRole("button", { name: "Copy environment" }).click();
    await page.getByText("Environment copied").waitFor({ state: "attached" });
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^export AWS_ACCESS_KEY_ID=/m);
    assert.match(copied, /AWS_SESSION_TOKEN=/);
    for (const block of ["#profile", "#power-shell"]) {
      assert.match(await page.locator(block).inputValue(), /session_token/i);
    }
    const left = Number(await page.locator("#time-left").getAttribute("data-seconds-left"));
    assert.ok(left > 3_000 && left <= 3_600, `${left} seconds are left`);
  });
}

/** Sees a device among the sessions and ends it; its token is dead at once. */
async function sessions() {
  await withPage({}, async (page) => {
    const device = await startDevice();
    await page.goto(device.verificationUriComplete);
    await signIn(page);
    await askedAbout(page);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "Approved" }).waitFor();
    const { accessToken } = await device.poll();
    await page.getByRole("link", { name: "Sessions" }).first().click();
    await page.locator("[data-session]").waitFor();
    await page.getByRole("button", { name: /^End session of story/ }).click();
    await page.locator("#no-sessions").waitFor();
    const answer = await fetch(new URL("/assignment/accounts", about.issuer), {
      headers: { "x-amz-sso_bearer_token": accessToken },
    });
    assert.equal(answer.status, 401);
    await page.locator("header").getByRole("button", { name: "Sign out" }).click();
    await open(page, "/start");
    await page.locator("form#sign-in").waitFor();
  });
}

/** Signs in and approves without ever touching a pointer. */
async function keyboard() {
  await withPage({}, async (page) => {
    const device = await startDevice();
    await open(page, "/device");
    await tabTo(page, (focused) => focused.id === "user_name");
    await page.keyboard.type(about.user);
    await page.keyboard.press("Tab");
    await page.keyboard.type(about.password);
    await page.keyboard.press("Enter");
    await page.locator("#look-up").waitFor();
    await tabTo(page, (focused) => focused.id === "user_code");
    await page.keyboard.type(device.userCode);
    await page.keyboard.press("Enter");
    await page.locator("#confirm").waitFor();
    await tabTo(page, (focused) => focused.text === "Approve");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Approved" }).waitFor();
    assert.ok((await device.poll()).accessToken);

    await open(page, "/start");
    await page.keyboard.press("Tab");
    const first = await focused(page);
    assert.match(first.text, /Skip to the content/);
    await page.keyboard.press("Enter");
    await tabTo(page, (focused) => focused.text === "Credentials");
    await page.keyboard.press("Enter");
    await page.locator("#shell").waitFor();
    await tabTo(page, (focused) => focused.text === "Copy");
  });
}

/** What has the focus; it must be seen to have it. */
async function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const shown = style.outlineStyle !== "none" || style.boxShadow !== "none";
    return { id: element.id, tag: element.tagName, text: element.textContent.trim(), shown };
  });
}

async function tabTo(page, wanted) {
  const passed = [];
  for (let step = 0; step < 60; step += 1) {
    const now = await focused(page);
    if (now.tag !== "BODY") {
      assert.ok(now.shown || now.tag === "MAIN", `the focus on ${now.tag} ${now.id} is not seen`);
    }
    if (wanted(now)) return;
    passed.push(now.id || now.text || now.tag);
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard never comes there: ${passed.join(", ")}`);
}

/** Everything works with script off. */
async function withoutScript() {
  await withPage({ javaScriptEnabled: false }, async (page) => {
    const device = await startDevice();
    await page.goto(device.verificationUriComplete);
    await signIn(page);
    await askedAbout(page);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "Approved" }).waitFor();
    assert.ok((await device.poll()).accessToken);
    await open(page, "/start?q=sandbox");
    assert.equal(await page.locator("#accounts > li").count(), 1);
    await page.getByRole("button", { name: "Credentials: Developer in Sandbox" }).click();
    assert.match(await page.locator("#shell").inputValue(), /AWS_SESSION_TOKEN/);
    assert.ok(await page.locator("#time-left").innerText());
    assert.equal(await page.getByRole("button", { name: /^Copy/ }).count(), 0, "a button that cannot work");
    await open(page, "/sessions");
    await page.getByRole("button", { name: /^End session of story/ }).click();
    await page.locator("#no-sessions").waitFor();
  });
}

/** To the page that asks about a program with a long name. */
async function comeToConsent(page, redirectUri) {
  const client = await register({
    clientName: "a-program-with-a-long-name-that-somebody-chose-without-a-single-space",
    grantTypes: ["authorization_code", "refresh_token"],
    redirectUris: [redirectUri],
    issuerUrl: about.start_url,
  });
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: redirectUri,
    state: "s",
    scopes: "sso:account:access",
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update("v".repeat(43)).digest("base64url"),
  });
  await open(page, `/authorize?${query}`);
  await page.locator("#consent").waitFor();
}

/** Every page and every state of it, and how to come there. */
const PAGES = {
  "sign-in": (page) => open(page, "/sign-in"),
  "sign-in, refused": async (page) => {
    await open(page, "/sign-in");
    await page.getByLabel("User name").fill("alice");
    await page.getByLabel("Password").fill("wrong horse");
    await page.locator("form#sign-in button").click();
    await page.locator("#error").waitFor();
  },
  start: async (page) => {
    await open(page, "/start");
    await signIn(page);
    await page.locator("#accounts").waitFor();
  },
  "start, nothing found": (page) => open(page, "/start?q=nothing-like-it"),
  "start, set up": async (page) => {
    await open(page, "/start");
    await page.locator("#set-up summary").click();
  },
  credentials: async (page) => {
    await open(page, "/start");
    await page.getByRole("button", { name: "Credentials: Developer in Sandbox" }).click();
    await page.locator("#shell").waitFor();
    await page.locator("#set-up summary").click();
  },
  device: (page) => open(page, "/device?user_code=BCDF-GHJK"),
  "device, unknown code": async (page) => {
    await open(page, "/device");
    await page.getByLabel("Code").fill("BCDF-BCDF");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator("#error").waitFor();
  },
  "device, approval": async (page) => {
    await page.goto((await startDevice()).verificationUriComplete);
    await askedAbout(page);
  },
  "device, approved": async (page) => {
    const device = await startDevice();
    await page.goto(device.verificationUriComplete);
    await askedAbout(page);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.locator("#done").waitFor();
    await device.poll();
  },
  "device, denied": async (page) => {
    await page.goto((await startDevice()).verificationUriComplete);
    await askedAbout(page);
    await page.getByRole("button", { name: "Deny" }).click();
    await page.locator("#done").waitFor();
  },
  consent: (page) => comeToConsent(page, "http://127.0.0.1/callback"),
  "back to the application": async (page) => {
    // `[::1]` is no legal source of a CSP, so the way back is a page that leads there. Nobody
    // listens: the page stays, as it does for a person whose program has ended.
    await page.route("http://[::1]/**", (route) => route.abort("aborted"));
    await comeToConsent(page, "http://[::1]/callback");
    await page.getByRole("button", { name: "Allow" }).click();
    await page.locator("#onward").waitFor();
  },
  "authorize, refused": (page) => open(page, "/authorize?client_id=made-up"),
  sessions: async (page) => {
    await open(page, "/sessions");
    await page.locator("[data-session]").first().waitFor();
  },
  "not found": (page) => open(page, "/no-such-page"),
  "sign-out": (page) => open(page, "/sign-out"),
};

/** No page breaks an accessibility rule that axe knows, in this colour scheme. */
async function accessible(colorScheme) {
  await withPage({ colorScheme, bypassCSP: true }, async (page) => {
    for (const [name, come] of Object.entries(PAGES)) {
      await come(page);
      await page.addScriptTag({ path: axe });
      const { violations, passes } = await page.evaluate(() => window.axe.run(document));
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`);
      assert.deepEqual(told, [], `${name} in ${colorScheme}`);
      assert.ok(passes.some(({ id }) => id === "color-contrast"), `${name}: no contrast was seen`);
    }
  });
}

/** No page has to be moved sideways on a screen of 320 pixels, nor hides anything there. */
async function narrow() {
  await withPage({ viewport: { width: 320, height: 640 } }, async (page) => {
    for (const [name, come] of Object.entries(PAGES)) {
      await come(page);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 320, `${name} is ${width} pixels wide`);
      const outside = await page.evaluate(() =>
        [...document.querySelectorAll("button, a, input, textarea, h1, h2, dd")]
          .filter((element) => !element.closest(".unseen, .skip, [hidden]"))
          .filter((element) => element.getBoundingClientRect().right > 321)
          .map((element) => element.outerHTML.slice(0, 80)),
      );
      assert.deepEqual(outside, [], name);
    }
  });
}

const stories = {
  approve, deny, authorize, portal, sessions, keyboard, withoutScript, accessible, narrow,
};
const [story, ...rest] = process.argv.slice(2);
await stories[story](...rest);
