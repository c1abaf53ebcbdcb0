// Attacks on both shops, what the rules say of them, and a false alarm that is turned off.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { audit } from "./lib/audit.mjs";
import { launch, open, quiet, refuses, tab, visitor, walk } from "./lib/browser.mjs";
import { Demo } from "./lib/demo.mjs";

const INJECTION = "/search?q=%27%20UNION%20SELECT%20%27x%27,%20email,%20password_hash,%200%20FROM%20customers%20--";
const TRAVERSAL = "/download?file=../config/shop.conf";
const REVIEWED = "/products/sencha-sea-mist";
const SCRIPT = "<script>document.title = 'owned'</script>";

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

async function customer(options = {}) {
  return tab(await visitor(world.browser, options));
}

async function owner(path) {
  const page = await customer({ storageState: world.session });
  await open(page, world.demo.console + path);
  return page;
}

/** Sends a review with a script in it, as any visitor can; the answer. */
async function review(page, shop) {
  await open(page, shop + REVIEWED);
  await page.getByLabel("Your name").fill("Ines");
  await page.getByLabel("In a few words").fill("Fine");
  await page.getByLabel("Your review").fill(SCRIPT);
  const answer = page.waitForResponse((response) => response.request().method() === "POST");
  await page.getByRole("button", { name: "Send review" }).click();
  return answer;
}

walk("the naked shop gives its customers away, and the one behind Gabion does not", world, async (step) => {
  await step("an injected search", async () => {
    const page = await customer();
    await open(page, world.demo.naked + INJECTION);
    await page.getByText("nora@example.com").first().waitFor();
    await open(page, world.demo.shop + INJECTION, 403);
    await page.getByRole("heading", { name: "This request was stopped" }).waitFor();
    assert.equal(await page.getByText("nora@example.com").count(), 0);
    await audit(page);
    await quiet(page);
  });
  await step("a file from outside the folder", async () => {
    const naked = await world.demo.ask(world.demo.naked + TRAVERSAL);
    assert.equal(naked.status, 200);
    const shielded = await world.demo.ask(world.demo.shop + TRAVERSAL);
    assert.equal(shielded.status, 403);
    assert.ok(!shielded.text.includes(naked.text.slice(0, 40)), "nothing of the file is in the answer");
  });
  await step("a script in a review", async () => {
    const page = await customer();
    refuses(page, `${world.demo.shop}${REVIEWED}/reviews`);
    assert.equal((await review(page, world.demo.shop)).status(), 403);
    assert.ok((await review(await customer(), world.demo.naked)).status() < 400);
    const victim = await customer();
    await open(victim, world.demo.naked + REVIEWED);
    assert.equal(await victim.title(), "owned", "the script of a stranger runs in the naked shop");
  });
});

walk("names and prose are no attacks", world, async () => {
  for (const words of ["O'Brien", "L'Or d'Assam", "select a tea from the union of flavours", "1+1=2; drop by"]) {
    const answer = await world.demo.ask(`${world.demo.shop}/about?note=${encodeURIComponent(words)}`);
    assert.equal(answer.status, 200, words);
  }
});

walk("a false alarm is turned off from its event, and back on", world, async () => {
  const search = async () => (await world.demo.ask(world.demo.shop + INJECTION)).status;
  assert.equal(await search(), 403);
  const page = await owner("/waf");
  const row = page.getByRole("row").filter({ hasText: "/search" });
  await row.getByRole("link", { name: /^False alarm/ }).click();
  await page.getByText("In requests to /search,").waitFor();
  await page.getByText("attacks included").waitFor();
  await audit(page);
  await page.getByLabel("Reason").fill("This search takes SQL, for the walk");
  await page.getByRole("button", { name: "Let this pass from now on" }).click();
  await page.getByRole("heading", { level: 1, name: "Rules" }).waitFor();
  await page.getByText("This search takes SQL").waitFor();
  await audit(page);
  assert.equal(await search(), 200, "exactly this passes now");
  assert.equal((await world.demo.ask(world.demo.shop + TRAVERSAL)).status, 403, "and nothing else");

  await page.getByRole("link", { name: /^Inspect again/ }).click();
  await page.getByText("inspected by").waitFor();
  await audit(page);
  await page.getByLabel("Reason").fill("The walk is over");
  await page.getByRole("button", { name: "Inspect it again" }).click();
  await page.getByText("Nothing is left out").waitFor();
  assert.equal(await search(), 403);
  await quiet(page);
});

walk("the demo page says what is stopped and what is not", world, async () => {
  const page = await owner("/demo");
  await page.getByRole("row").filter({ hasText: "SQL injection" }).getByText("stopped").waitFor();
  await page.getByRole("row").filter({ hasText: "Somebody else's order" }).getByText("works").first().waitFor();
  await audit(page);
  await quiet(page);
});
