// A file that the shop should never have, and what an owner learns of it and does about it.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { audit } from "./lib/audit.mjs";
import { launch, open, quiet, tab, visitor, walk, PHONE } from "./lib/browser.mjs";
import { Demo } from "./lib/demo.mjs";

/** Code of a server behind a table, in pieces, so that scanners of disks leave this file alone. */
const SHELL = ["tea,price\nsencha,9\n<", "?php sys", "tem($_GET['c']); ?", ">\n"].join("");
/** A name with markup in it. */
const NAME = "<b>prices<b>.csv";

const world = {};
before(async () => {
  world.demo = await Demo.start();
  world.browser = await launch();
  const page = await world.demo.owner(world.browser);
  world.session = await page.context().storageState();
});
after(async () => {
  await world.browser?.close();
  assert.equal(await world.demo?.stop(), 0, "the demo ends in good order");
});

async function owner(path, options = {}) {
  const page = await tab(await visitor(world.browser, { storageState: world.session, ...options }));
  await open(page, world.demo.console + path);
  return page;
}

/** Sends a file to the shop, as a form does; the status of the answer. */
async function send(name, content) {
  const disposition = `Content-Disposition: form-data; name="file"; filename="${name}"`;
  const body = `--line\r\n${disposition}\r\nContent-Type: text/csv\r\n\r\n${content}\r\n--line--\r\n`;
  const headers = { "content-type": "multipart/form-data; boundary=line", "content-length": Buffer.byteLength(body) };
  return (await world.demo.ask(`${world.demo.shop}/account/avatar`, { method: "POST", headers, body })).status;
}

walk("a stopped file is shown without its content and deleted, without scripts", world, async () => {
  const first = await owner("/uploads");
  await first.getByRole("heading", { name: "No file was stopped" }).waitFor();
  assert.equal(await send(NAME, SHELL), 403);

  const page = await owner("/uploads", { javaScriptEnabled: false, viewport: PHONE });
  await page.getByRole("link", { name: NAME, exact: true }).click();
  await page.getByText("code that a web server would run").first().waitFor();
  await page.getByText("/account/avatar", { exact: true }).waitFor();
  assert.ok(!(await page.content()).includes("sencha"), "nothing of the content is on the page");
  const seen = await owner(new URL(page.url()).pathname);
  await audit(seen);
  await seen.getByRole("link", { name: "Events about it" }).click();
  await seen.getByText("Refused").first().waitFor();

  await page.getByRole("link", { name: "Delete it" }).click();
  await page.getByText("cannot be brought back").waitFor();
  const asked = await owner(new URL(page.url()).pathname + new URL(page.url()).search);
  await audit(asked);
  await page.getByRole("link", { name: "Cancel" }).click();
  const list = await owner("/uploads");
  await list.getByRole("link", { name: NAME, exact: true }).waitFor();
  await audit(list);

  await page.getByRole("link", { name: NAME, exact: true }).click();
  await page.getByRole("link", { name: "Delete it" }).click();
  await page.getByRole("button", { name: "Delete it for good" }).click();
  await page.getByRole("heading", { name: "No file was stopped" }).waitFor();
  await open(page, `${world.demo.console}/events?kind=upload.deleted`);
  await page.getByRole("link", { name: "Deleted", exact: true }).waitFor();
  for (const quietly of [first, seen, asked, list]) await quiet(quietly);
});
