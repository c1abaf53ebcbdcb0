// Customers make accounts at the shop's own address, sign in with passkeys and passwords, and get back in.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { accessible, audit, fits } from "./lib/audit.mjs";
import { PHONE, launch, open, quiet, refuses, tab, visitor, walk } from "./lib/browser.mjs";
import { Demo } from "./lib/demo.mjs";

const PASSWORD = "seven kettles on a quay";

const world = {};
before(async () => {
  world.demo = await Demo.start();
  world.browser = await launch();
  // A browser of its own, as walks close theirs.
  world.desk = await launch();
  world.owner = await world.demo.owner(world.desk);
});
after(async () => {
  await world.browser?.close();
  await world.desk?.close();
  assert.equal(await world.demo?.stop(), 0, "the demo ends in good order");
});

/** A device with a platform authenticator that has verified its owner. */
async function device(options) {
  const page = await tab(await visitor(world.browser, options));
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const passkeys = async () => (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  return { page, passkeys };
}

const read = new Set();

/** A letter to an address that was not read before, from the demo's mailbox. */
async function letter(to) {
  const seek = async ([to, read]) => {
    const list = await (await fetch("/api/v1/mail/captured")).json();
    const found = list.items.find((letter) => letter.to === to && !read.includes(letter.id));
    return found ? (await fetch(`/api/v1/mail/captured/${found.id}`)).json() : null;
  };
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await world.owner.evaluate(seek, [to, [...read]]);
    if (found) {
      read.add(found.id);
      return found;
    }
    await world.owner.waitForTimeout(100);
  }
  throw new Error(`no letter to ${to}`);
}

const code = async (to) => /^ {4}([\d ]+)$/m.exec((await letter(to)).text)[1];

/** From the link to the page on which people choose how to sign in. */
async function begin(page, email) {
  await open(page, `${world.demo.shop}/.gabion/register`);
  await audit(page);
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "Send me a code" }).click();
  await page.getByRole("heading", { level: 1, name: "Look into your mail" }).waitFor();
  await audit(page);
  await page.getByLabel("Code").fill(await code(email));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { level: 1, name: "How do you want to sign in?" }).waitFor();
  await audit(page);
}

async function withPassword(page, email, name = "Ada Quay") {
  await begin(page, email);
  await page.getByLabel("What shall we call you?").fill(name);
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Use a password instead" }).click();
  await page.getByRole("heading", { level: 1, name: "How you sign in" }).waitFor();
}

walk("an account is made with a passkey, which then signs in by itself", world, async () => {
  const { page, passkeys } = await device(PHONE);
  const started = Date.now();
  await begin(page, "ada@quay.example");
  await page.getByLabel("What shall we call you?").fill("Ada Quay");
  await page.getByRole("button", { name: "Create a passkey" }).click();
  await page.getByRole("heading", { level: 1, name: "How you sign in" }).waitFor();
  assert.ok(Date.now() - started < 60_000, "in a minute");
  await page.getByText("Ada Quay").waitFor();
  await page.getByText("You have no password. Your passkeys sign you in.").waitFor();
  await audit(page);
  await fits(page);
  assert.equal((await passkeys()).length, 1);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL(`${world.demo.shop}/`);
  // The browser offers it with autofill: nothing is typed and no button is pressed.
  await page.goto(`${world.demo.shop}/.gabion/sign-in?next=/.gabion/account`);
  await page.getByRole("heading", { level: 1, name: "How you sign in" }).waitFor();
  await quiet(page);
});

walk("a password is upgraded to a passkey, and what is removed is no longer offered", world, async () => {
  const { page, passkeys } = await device();
  await withPassword(page, "bea@quay.example");
  await page.getByLabel("Name of the passkey").last().fill("Bea's phone");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByText("The passkey is there.").waitFor();
  assert.match((await letter("bea@quay.example")).subject, /^A passkey was added/);
  assert.equal((await passkeys()).length, 1);
  await page.getByText("Change", { exact: true }).first().click();
  await page.getByRole("button", { name: "Remove this passkey" }).click();
  await page.getByText("The passkey is removed.").waitFor();
  await page.waitForFunction(() => document.readyState === "complete");
  for (let tries = 0; tries < 50 && (await passkeys()).length > 0; tries += 1) await page.waitForTimeout(100);
  assert.equal((await passkeys()).length, 0, "its authenticator was told");
  await quiet(page);
});

walk("whoever lost their password gets back in, and the old one is worth nothing", world, async () => {
  const page = await tab(await visitor(world.browser));
  await withPassword(page, "cleo@quay.example", "Cleo Quay");
  const other = await tab(await visitor(world.browser));
  await open(other, `${world.demo.shop}/.gabion/sign-in`);
  await other.getByRole("link", { name: "I cannot sign in" }).click();
  await other.getByLabel("E-mail").fill("cleo@quay.example");
  await other.getByRole("button", { name: "Send me a code" }).click();
  await other.getByRole("heading", { level: 1, name: "Look into your mail" }).waitFor();
  await other.getByLabel("Code").fill(await code("cleo@quay.example"));
  await other.getByRole("button", { name: "Continue" }).click();
  await other.getByLabel("New password").fill("eleven lanterns by the sea");
  await other.getByRole("button", { name: "Use a password instead" }).click();
  await other.getByRole("heading", { level: 1, name: "How you sign in" }).waitFor();
  await open(page, `${world.demo.shop}/.gabion/account`);
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  await page.getByLabel("E-mail").fill("cleo@quay.example");
  await page.getByLabel("Password").fill(PASSWORD);
  refuses(page, `${world.demo.shop}/.gabion/sign-in`);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("E-mail or password is wrong.").waitFor();
  await audit(page);
});

walk("without scripts an account is made and signed in to with a password", world, async () => {
  const page = await tab(await visitor(world.browser, { javaScriptEnabled: false }));
  await page.goto(`${world.demo.shop}/.gabion/register`);
  await page.getByLabel("E-mail").fill("dora@quay.example");
  await page.getByRole("button", { name: "Send me a code" }).click();
  await page.getByLabel("Code").fill(await code("dora@quay.example"));
  await page.getByRole("button", { name: "Continue" }).click();
  assert.equal(await page.getByRole("button", { name: "Create a passkey" }).isVisible(), false);
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Use a password instead" }).click();
  await page.getByRole("heading", { level: 1, name: "How you sign in" }).waitFor();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.goto(`${world.demo.shop}/.gabion/sign-in?next=/.gabion/account`);
  await page.getByLabel("E-mail").fill("dora@quay.example");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("dora@quay.example").waitFor();
});

walk("an app adds a code to the password", world, async () => {
  const page = await tab(await visitor(world.browser));
  await withPassword(page, "emma@quay.example", "Emma Quay");
  await page.getByRole("link", { name: "Add an app" }).click();
  await page.getByRole("heading", { level: 1, name: "Add an authenticator app" }).waitFor();
  await audit(page);
  await page.getByRole("img", { name: "QR code" }).waitFor();
  const shown = await totp(await page.locator("code").innerText());
  await page.getByLabel("Code that the app shows").fill(shown);
  await page.getByRole("button", { name: "Add the app" }).click();
  await page.getByRole("heading", { level: 1, name: "Write these codes down" }).waitFor();
  await audit(page);
  const [written] = await page.locator(".codes code").allInnerTexts();
  const other = await tab(await visitor(world.browser));
  await open(other, `${world.demo.shop}/.gabion/sign-in?next=/.gabion/account`);
  await other.getByLabel("E-mail").fill("emma@quay.example");
  await other.getByLabel("Password").fill(PASSWORD);
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.getByRole("heading", { level: 1, name: "One more step" }).waitFor();
  await audit(other);
  await other.getByLabel("Code").fill(written);
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.getByText("Recovery codes left: 9.").waitFor();
});

walk("the pages speak German where the browser does", world, async () => {
  const page = await tab(await visitor(world.browser, { locale: "de-DE" }));
  await open(page, `${world.demo.shop}/.gabion/register`);
  await page.getByRole("heading", { level: 1, name: "Konto anlegen" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "de");
  await accessible(page);
});

/** What an authenticator app shows now (RFC 6238), made with the browser's own crypto. */
async function totp(secret) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const bytes = Uint8Array.from(bits.match(/.{8}/g), (byte) => Number.parseInt(byte, 2));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const step = new DataView(new ArrayBuffer(8));
  step.setBigUint64(0, BigInt(Math.floor(Date.now() / 30_000)));
  const tag = new DataView(await crypto.subtle.sign("HMAC", key, step.buffer));
  const number = tag.getUint32(tag.getUint8(19) & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
