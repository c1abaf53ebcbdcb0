// A customer walks through the demo shop, in front of which Gabion stands.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { accessible, audit, fits, tabTo } from "./lib/audit.mjs";
import { PHONE, launch, open, quiet, refuses, tab, visitor, walk } from "./lib/browser.mjs";
import { Demo } from "./lib/demo.mjs";

const world = {};
before(async () => {
  world.demo = await Demo.start();
  world.browser = await launch();
});
after(async () => {
  await world.browser?.close();
  assert.equal(await world.demo?.stop(), 0, "the demo ends in good order");
});

const ADA = {
  "Full name": "Ada Quay",
  "E-mail address": "ada@quay.example",
  "Street and number": "Pier 3",
  "Postcode": "12345",
  "Town": "Shoregate",
  "Country": "Ireland",
};
const PASSWORD = "seven kettles on a quay";

async function fill(page, values) {
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
}

async function customer(options) {
  return tab(await visitor(world.browser, options));
}

/** From a product's page to the confirmation of its order. */
async function buy(page, quantity) {
  await page.getByLabel("Quantity").fill(String(quantity));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.getByRole("link", { name: "To checkout" }).click();
  await fill(page, ADA);
  await page.getByLabel(/^I agree/).check();
  await page.getByRole("button", { name: /^Place order/ }).click();
  await page.getByText("Thank you, Ada Quay.").waitFor();
  return page.getByRole("heading", { level: 1 }).innerText();
}

const left = (text) => Number(/^(\d+) left/.exec(text)[1]);

walk("pages come over HTTP/2, with an id, timings and security headers", world, async () => {
  const page = await customer();
  const response = await open(page, world.demo.shop);
  const protocol = () => performance.getEntriesByType("navigation")[0].nextHopProtocol;
  assert.equal(await page.evaluate(protocol), "h2");
  const headers = await response.allHeaders();
  assert.match(headers["x-request-id"], /^req_[0-9a-z]{26}$/);
  assert.match(headers["server-timing"], /^gabion;dur=[\d.]+, shop;dur=[\d.]+(, (queue|connect);dur=[\d.]+)*$/);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["x-frame-options"], "SAMEORIGIN");
  assert.equal(headers["referrer-policy"], "strict-origin-when-cross-origin");
  assert.equal(headers["strict-transport-security"], undefined, "browsers would remember the demo");
  assert.equal(headers.server, undefined);
  assert.equal(headers["x-powered-by"], undefined);
  assert.equal((await response.securityDetails()).protocol, "TLS 1.3");
  await quiet(page);
});

walk("plain HTTP leads to HTTPS", world, async () => {
  const { status, headers } = await world.demo.ask(`${world.demo.plain}/shop/green?sort=price`);
  assert.equal(status, 308);
  assert.equal(headers.location, `${world.demo.shop}/shop/green?sort=price`);
  const page = await customer();
  await open(page, `${world.demo.plain}/shop/green`);
  assert.equal(page.url(), `${world.demo.shop}/shop/green`);
});

walk("catalogue, search and product lead to each other", world, async () => {
  const page = await customer();
  await open(page, world.demo.shop);
  await page.getByRole("link", { name: "See all teas" }).click();
  const cards = page.locator(".card");
  assert.ok((await cards.count()) >= 24, "two dozen products");
  const pictures = cards.locator("img");
  for (const picture of await pictures.all()) {
    await picture.scrollIntoViewIfNeeded();
    await picture.evaluate((image) => image.decode());
  }
  await page.getByLabel("Sort by").selectOption("price");
  await page.getByRole("button", { name: "Sort" }).click();
  const euros = (await page.locator(".card .price").allInnerTexts()).map((text) => Number(text.replace("€", "")));
  assert.deepEqual(euros, euros.toSorted((a, b) => a - b));
  await page.getByRole("navigation", { name: "Shop" }).getByRole("link", { name: "Green" }).click();
  await page.getByRole("heading", { level: 1, name: "Green" }).waitFor();
  await page.getByLabel("Search the shop").fill("smoke");
  await page.getByRole("button", { name: "Search" }).click();
  const hit = page.locator(".hits a").first();
  const name = await hit.innerText();
  await hit.click();
  await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  await quiet(page);
});

walk("a review with a picture appears", world, async () => {
  const page = await customer();
  await open(page, `${world.demo.shop}/products/sencha-sea-mist`);
  const picture = await page.locator(".product-art").screenshot();
  await page.getByLabel("Your name").fill("Ada Quay");
  await page.getByLabel("Stars", { exact: true }).selectOption("4");
  await page.getByLabel("In a few words").fill("Fog in a cup");
  await page.getByLabel("Your review").fill("Mild, green, and gone too soon.");
  await page.getByLabel(/^A picture/).setInputFiles({ name: "cup.png", mimeType: "image/png", buffer: picture });
  await page.getByRole("button", { name: "Send review" }).click();
  const review = page.locator(".review").filter({ hasText: "Fog in a cup" });
  await review.getByText("Mild, green, and gone too soon.").waitFor();
  const shown = review.getByRole("img", { name: "Picture sent by Ada Quay" });
  await shown.scrollIntoViewIfNeeded();
  await shown.evaluate((image) => image.decode());
  const stored = await world.demo.ask(await shown.evaluate((image) => image.src));
  assert.ok(stored.bytes.equals(picture), "the picture came through byte by byte");
  await accessible(page);
  await quiet(page);
});

walk("a customer registers, orders, signs out and in, and finds the order again", world, async () => {
  const page = await customer();
  await open(page, `${world.demo.shop}/account`);
  await page.getByRole("link", { name: "Make an account" }).click();
  await fill(page, { "Full name": ADA["Full name"], "E-mail address": ADA["E-mail address"], "Password": PASSWORD });
  await page.getByRole("button", { name: "Make account" }).click();
  await page.getByText("You have not ordered anything yet.").waitFor();

  await open(page, `${world.demo.shop}/products/tide-cups`);
  const order = await buy(page, 2);
  assert.match(order, /^Order \S+$/);

  await open(page, `${world.demo.shop}/account`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in" }).click();
  const signIn = page.getByRole("button", { name: "Sign in" });
  await fill(page, { "E-mail address": ADA["E-mail address"], "Password": "not this one" });
  refuses(page, `${world.demo.shop}/account/sign-in`);
  await signIn.click();
  await page.getByRole("alert").waitFor();
  await fill(page, { "E-mail address": ADA["E-mail address"], "Password": PASSWORD });
  await signIn.click();
  await page.getByRole("link", { name: order.replace("Order ", ""), exact: true }).click();
  await page.getByText("2 × ").waitFor();
  await quiet(page);
});

walk("the stock notice changes while somebody else buys", world, async () => {
  const [watcher, buyer] = [await customer(), await customer()];
  const socket = watcher.waitForEvent("websocket");
  await open(watcher, `${world.demo.shop}/products/harbor-breakfast`);
  assert.match((await socket).url(), /^wss:/);
  const notice = watcher.locator("#stock.live");
  await notice.waitFor();
  const before = left(await notice.innerText());
  await open(buyer, watcher.url());
  await watcher.getByText("2 people are looking at").waitFor();
  await buy(buyer, 3);
  await watcher.locator("#stock.live").filter({ hasText: new RegExp(`^${before - 3} left`) }).waitFor();
  await quiet(watcher);
});

walk("the naked shop works at its own address, without what Gabion adds", world, async () => {
  const page = await customer();
  const response = await open(page, `${world.demo.naked}/products/tide-cups`);
  const headers = await response.allHeaders();
  assert.equal(headers["x-request-id"], undefined);
  assert.match(headers.server, /TideShop/);
  assert.match(await buy(page, 1), /^Order \S+$/);
  await quiet(page);
});

walk("every page fits a phone and a desktop, light and dark, and axe finds nothing", world, async (step) => {
  const page = await customer();
  const paths = [
    "/",
    "/shop",
    "/shop/teaware",
    "/search?q=green",
    "/search?q=nothing-like-this",
    "/products/sencha-sea-mist",
    "/cart",
    "/guides",
    "/about",
    "/account/sign-in",
    "/account/register",
  ];
  const look = (name) => step(name, () => audit(page));
  for (const path of paths) {
    await open(page, world.demo.shop + path);
    await look(path);
  }
  await open(page, `${world.demo.shop}/nothing-here`, 404);
  await look("a page that is not there");

  await open(page, `${world.demo.shop}/account/register`);
  refuses(page, page.url());
  await page.getByRole("button", { name: "Make account" }).click();
  await page.getByText("Please").first().waitFor();
  await look("a form with mistakes");
  await fill(page, { "Full name": "Bo Quay", "E-mail address": "bo@quay.example", "Password": PASSWORD });
  await page.getByRole("button", { name: "Make account" }).click();
  await page.getByRole("heading", { name: "Hello, Bo Quay" }).waitFor();
  await look("an account without orders");

  await open(page, `${world.demo.shop}/products/tide-cups`);
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.getByRole("heading", { name: "Your cart" }).waitFor();
  await look("a full cart");
  await page.getByRole("link", { name: "To checkout" }).click();
  await look("checkout");
  refuses(page, page.url());
  await page.getByRole("button", { name: /^Place order/ }).click();
  await page.getByText("Please agree before you order.").waitFor();
  await look("checkout with mistakes");
  await fill(page, ADA);
  await page.getByLabel(/^I agree/).check();
  await page.getByRole("button", { name: /^Place order/ }).click();
  await page.getByText("Thank you").waitFor();
  await look("the confirmation");
  await open(page, `${world.demo.shop}/account`);
  await look("an account with an order");
});

walk("a phone's customer buys without scrolling sideways", world, async () => {
  const page = await customer({ viewport: PHONE, hasTouch: true, isMobile: true });
  await open(page, world.demo.shop);
  await fits(page);
  await page.getByRole("link", { name: "See all teas" }).tap();
  await page.getByRole("heading", { level: 1, name: "All teas and teaware" }).waitFor();
  await fits(page);
  await page.locator(".card a").first().tap();
  await page.getByRole("button", { name: "Add to cart" }).waitFor();
  await fits(page);
  assert.match(await buy(page, 1), /^Order \S+$/);
  await fits(page);
  await quiet(page);
});

walk("the keyboard reaches the cart button, skip link first", world, async () => {
  const page = await customer();
  await open(page, `${world.demo.shop}/products/tide-cups`);
  await tabTo(page, page.getByRole("button", { name: "Add to cart" }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Your cart" }).waitFor();
});
