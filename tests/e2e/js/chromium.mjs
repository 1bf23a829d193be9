// Debian's Chromium without a window, and a person at it.

import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.CLAVIGER_NPM, "package.json"));
const { chromium } = require("playwright-core");

export const about = JSON.parse(process.env.CLAVIGER_ABOUT);
export const axe = require.resolve("axe-core/axe.min.js");

/** Runs `story` with a page of its own; whatever the page complains about fails it. */
export async function withPage(options, story) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    // Containers run tests as root, where Chromium's own sandbox does not start.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  try {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      // A page that answers 4xx on purpose is no complaint.
      const expected = message.text().startsWith("Failed to load resource: the server responded");
      if (message.type() === "error" && !expected) complaints.push(message.text());
    });
    await story(page, context);
    if (complaints.length > 0) throw new Error(`the pages complain: ${complaints.join("; ")}`);
  } finally {
    await browser.close();
  }
}

/** Opens a page of the instance. */
export const open = (page, path) => page.goto(new URL(path, about.issuer).href);

/** Fills in the sign-in page that is open. */
export async function signIn(page) {
  await page.getByLabel("User name").fill(about.user);
  await page.getByLabel("Password").fill(about.password);
  await page.locator("form#sign-in button").click();
}

/** A call of the API, as a client makes it. */
export async function call(path, body) {
  const answer = await fetch(new URL(path, about.issuer), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, ...(await answer.json()) };
}

/** A registered client. */
export async function register(more = {}) {
  const body = { clientName: "story", clientType: "public", scopes: ["sso:account:access"], ...more };
  const { clientId, clientSecret } = await call("/client/register", body);
  return { clientId, clientSecret };
}

/** A started device authorization, and a poll for it. */
export async function startDevice() {
  const client = await register();
  const started = await call("/device_authorization", { ...client, startUrl: about.start_url });
  const grantType = "urn:ietf:params:oauth:grant-type:device_code";
  const poll = () => call("/token", { ...client, grantType, deviceCode: started.deviceCode });
  return { ...started, poll };
}
