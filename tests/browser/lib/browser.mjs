// Chromium, and pages that remember what went wrong on them.

import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";

import { chromium } from "playwright-core";

/** Longest wait for anything on a page. A debug build on a busy machine needs a few seconds. */
const WAIT_MS_MAX = 15_000;

/** A walk that takes longer hangs: the longest looks at thirty pages, each in four ways. Long runs say their own. */
const WALK_MS_MAX = 300_000;

/** Of the product's log, when a walk fails. */
const LOG_CHARS_SHOWN = 2_000;

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Reports of pages within a tenth of a second; Chromium gathers them for a minute otherwise.
  "--short-reporting-delay",
];

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 375, height: 812 };

export async function launch() {
  return chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: ARGS });
}

/**
 * One person: cookies of their own. `options` are those of Playwright's `newContext`.
 * Chromium takes any certificate here; `Demo.ask` verifies them against the demo's own root.
 */
export async function visitor(browser, options = {}) {
  const usual = { viewport: DESKTOP, reducedMotion: "reduce", ignoreHTTPSErrors: true };
  const context = await browser.newContext({ ...usual, ...options });
  context.setDefaultTimeout(WAIT_MS_MAX);
  await context.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      // What a policy would stop that browsers only report on stops nothing: that is how Gabion learns.
      if (event.disposition === "report") return;
      window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  return context;
}

const troubles = new WeakMap();

/** A page that collects what its console says. */
export async function tab(context) {
  const page = await context.newPage();
  const seen = { messages: [], refused: new Set() };
  troubles.set(page, seen);
  page.on("pageerror", (error) => seen.messages.push({ text: String(error), url: page.url() }));
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    seen.messages.push({ text: message.text(), url: message.location().url });
  });
  return page;
}

/** Opens an address and expects its status. */
export async function open(page, address, status = 200) {
  if (status >= 400) refuses(page, address);
  const response = await page.goto(address);
  assert.equal(response.status(), status, `status of ${address}`);
  return response;
}

/** Says that this address is meant to answer with an error, which Chromium then mentions in the console. */
export function refuses(page, address) {
  troubles.get(page).refused.add(new URL(address).href);
}

/**
 * Asserts that neither the console nor the content security policy had anything to say since the last time;
 * messages that are `meant` do not count.
 */
export async function quiet(page, meant = () => false) {
  const seen = troubles.get(page);
  const expected = ({ text, url }) => text.startsWith("Failed to load resource") && seen.refused.has(url);
  const said = seen.messages.splice(0).filter((message) => !expected(message) && !meant(message));
  assert.deepEqual(said, [], `console of ${page.url()}`);
  assert.deepEqual(await page.evaluate(() => window.violations.splice(0)), [], `policy violations on ${page.url()}`);
}

let failures;

/**
 * A test that leaves a picture of every open page when it fails, and never an open page.
 * `steps` gets a function that runs one named step as a test of its own.
 */
export function walk(name, world, steps, timeout = WALK_MS_MAX) {
  const pictured = (what, act) => async (t) => {
    try {
      await act((name, step) => t.test(name, pictured(`${what} ${name}`, step)));
    } catch (error) {
      console.error(`the product logged last:\n${world.demo?.log.slice(-LOG_CHARS_SHOWN)}`);
      await photograph(what, world.browser);
      throw error;
    }
  };
  test(name, { timeout }, async (t) => {
    try {
      await pictured(name, steps)(t);
    } finally {
      await Promise.all(world.browser?.contexts().map((context) => context.close()) ?? []);
    }
  });
}

async function photograph(name, browser) {
  failures ??= await mkdtemp(path.join(os.tmpdir(), "gabion-browser-failure-"));
  const pages = browser?.contexts().flatMap((context) => context.pages()) ?? [];
  for (const [number, page] of pages.entries()) {
    const file = path.join(failures, `${name.replace(/\W+/g, "-").slice(0, 60)}-${number}.png`);
    try {
      await page.screenshot({ path: file, fullPage: true });
      console.error(`picture of ${page.url()}: ${file}`);
    } catch (error) {
      console.error(`no picture of ${page.url()}: ${error.message}`);
    }
  }
}
