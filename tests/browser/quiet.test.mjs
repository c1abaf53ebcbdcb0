// Customers of two shops notice nothing: every page is what the shop made, learning and then enforced.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { launch, open, quiet, tab, visitor, walk } from "./lib/browser.mjs";
import { Demo } from "./lib/demo.mjs";
import { Oscar } from "./lib/oscar.mjs";

/** Page views of each shop while Gabion learns; `cargo xtask quiet` asks for more. */
const VIEWS = Number(process.env.GABION_QUIET_VIEWS ?? 150);
/** Different pages that are looked at, over and over. */
const PAGES_MAX = 30;
/** Customers at once. */
const CUSTOMERS = 3;
/** A slow page of a slow shop takes so long, and what comes before and after the views as well. */
const WALK_MS_MAX = 300_000 + VIEWS * 1_000;
/** A long run tells how far it is. */
const TOLD_EVERY = 1_000;
/** Reports and sightings are stored within this time. */
const STORED_MS_MAX = 15_000;

/** What extensions of browsers do to pages; none of it is the shop's. */
const EXTENSION = "chrome-extension://abcdefghijklmnopabcdefghijklmnop/inject.js";

const SHOPS = {
  "the demo shop": {
    start: () => ({ stop: () => {} }),
    fill: async (page, shop) => {
      await open(page, `${shop}/products/tide-cups`);
      await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Add to cart" }).click()]);
    },
    always: ["/checkout", "/cart", "/account/sign-in", "/account/register"],
  },
  "django-oscar": {
    start: () => Oscar.start(),
    fill: async (page, shop) => {
      await open(page, `${shop}/search/?q=rope`);
      await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: /^Add to (basket|cart)$/ }).first().click()]);
    },
    always: ["/search/?q=rope", "/basket/", "/checkout/", "/accounts/login/"],
    // Its templates load this from a public network, which tests do not reach.
    elsewhere: { pattern: /^https:\/\/ajax\..*\/jquery\.min\.js$/, file: "/static/oscar/js/jquery/jquery.min.js" },
  },
};

const world = {};
before(async () => {
  world.browser = await launch();
});
after(() => world.browser?.close());

async function soon(what, ask) {
  const until = performance.now() + STORED_MS_MAX;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert.ok(performance.now() < until, `${what} within ${STORED_MS_MAX} ms`);
    await new Promise((again) => setTimeout(again, 100));
  }
}

/** Somebody with something in the cart. */
async function customer(shop, { fill, elsewhere }) {
  const context = await visitor(world.browser);
  if (elsewhere) {
    const { pattern, file } = elsewhere;
    const body = await (await fetch(world.bare + file)).text();
    const headers = { "access-control-allow-origin": "*" };
    await context.route(pattern, (route) => route.fulfill({ contentType: "text/javascript", headers, body }));
  }
  const page = await tab(context);
  await fill(page, shop);
  return page;
}

/** Paths of the pages that links lead to, from the first page on. */
async function paths(page, shop, always) {
  const found = [...always, "/"];
  for (const path of found) {
    if (found.length >= PAGES_MAX) break;
    await page.goto(shop + path);
    const links = await page.evaluate(() =>
      [...document.links].filter(({ origin, download }) => origin === location.origin && !download)
        .map(({ pathname, search }) => pathname + search),
    );
    for (const link of links) {
      const leaves = /log-?out|sign-out|download|events|live|\.[a-z0-9]{2,4}$/.test(link);
      if (!leaves && !found.includes(link) && found.length < PAGES_MAX) found.push(link);
    }
  }
  return found;
}

/** What a customer reads. */
const text = (page) => page.evaluate(() => document.body.innerText);

/** `views` page views by several customers; what was not as `expected` says. */
async function browse({ shop, front, expected, views, check }) {
  const pages = [];
  // One after the other: not every shop lets two fill their first cart at once.
  while (pages.length < CUSTOMERS) pages.push(await customer(shop, front));
  const visited = [...expected.keys()];
  const wrong = [];
  let next = 0;
  const one = async (page) => {
    while (next < views && wrong.length < 10) {
      const number = next++;
      const path = visited[number % visited.length];
      try {
        const response = await page.goto(shop + path);
        assert.equal(response.status(), expected.get(path).status, "status");
        assert.equal(await text(page), expected.get(path).text, "what can be read");
        await check(page);
      } catch (error) {
        wrong.push(`${path}: ${error.message}`);
      }
      if ((number + 1) % TOLD_EVERY === 0) console.log(`# ${number + 1} of ${views} views of ${shop}`);
    }
  };
  await Promise.all(pages.map(one));
  await Promise.all(pages.map((page) => page.context().close()));
  assert.deepEqual(wrong, []);
}

/** Console and policy say nothing but what the policy would stop. */
async function learning(page) {
  await quiet(page, ({ text }) => /report.only/i.test(text));
}

async function approve(page, demo, site) {
  await open(page, `${demo.console}/pages/classes`);
  for (let left = 20; left > 0; left -= 1) {
    const right = page.getByRole("button", { name: "This is right" });
    if ((await right.count()) === 0) break;
    await right.first().click();
    await page.waitForLoadState();
    await open(page, `${demo.console}/pages/classes`);
  }
  const summaries = 'details:has(form[action="/pages/desk/class"])';
  await soon("everything is approved", async () => {
    await open(page, `${demo.console}/pages/desk`);
    const whole = page.locator(summaries).first();
    if ((await whole.count()) > 0) {
      await whole.locator("summary").click();
      await whole.getByLabel("Why all of it is needed").fill("The shop needs it");
      await whole.getByRole("button", { name: "Approve all of it" }).click();
      await page.waitForLoadState();
    }
    const answer = await page.request.get(`${demo.console}/api/v1/pages/scripts?status=new&site=${site}`);
    return (await answer.json()).items.length === 0 && (await whole.count()) === 0;
  });
}

async function enforce(page, demo) {
  await soon("every policy is enforced", async () => {
    await open(page, `${demo.console}/pages/policy`);
    const links = page.getByRole("link", { name: /^Enforce it on/ });
    if ((await links.count()) === 0) return true;
    await links.first().click();
    await page.getByRole("button", { name: /nforce/ }).click();
    await page.waitForURL(/\/pages\/policy/);
    return false;
  });
}

for (const [name, front] of Object.entries(SHOPS)) {
  walk(`customers of ${name} notice nothing`, world, async (step) => {
    const own = await front.start();
    const demo = (world.demo = await Demo.start({ origin: own.origin }));
    const bare = (world.bare = own.origin ?? demo.naked);
    const expected = new Map();
    try {
      const owner = await demo.owner(world.browser);
      const site = (await (await owner.request.get(`${demo.console}/api/v1/sites`)).json()).items[0].id;

      await step("pages without Gabion", async () => {
        const page = await customer(bare, front);
        for (const path of await paths(page, bare, front.always)) {
          const response = await page.goto(bare + path);
          if (response.ok()) expected.set(path, { status: response.status(), text: await text(page) });
        }
        await page.context().close();
        for (const path of front.always) assert.ok(expected.has(path), path);
        assert.ok(expected.size > 20, `${expected.size} pages`);
      });

      await step(`${VIEWS} views while Gabion learns`, async () => {
        await browse({ shop: demo.shop, front, expected, views: VIEWS, check: learning });
        const report = { "document-uri": `${demo.shop}/checkout`, "effective-directive": "script-src-elem" };
        const body = JSON.stringify({ "csp-report": { ...report, "blocked-uri": EXTENSION } });
        const headers = { "content-type": "application/csp-report", origin: demo.shop };
        const told = await demo.ask(`${demo.shop}/.gabion/reports`, { method: "POST", headers, body });
        assert.equal(told.status, 204);
      });

      await step("the proposal is enforced, and stops nothing", async () => {
        await approve(owner, demo, site);
        await enforce(owner, demo);
        for (const path of ["scripts", "third-parties", "changes"]) {
          const answer = await owner.request.get(`${demo.console}/api/v1/pages/${path}?site=${site}`);
          assert.ok(!(await answer.text()).includes("extension"), `${path} knows nothing of extensions`);
        }
        await browse({ shop: demo.shop, front, expected, views: Math.max(VIEWS / 10, expected.size), check: (page) => quiet(page) });
      });
    } finally {
      assert.equal(await demo.stop(), 0, "the demo ends in good order");
      await own.stop();
    }
  }, WALK_MS_MAX);
}
