// A running `gabion demo` in a folder of its own.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";

import { open, tab, visitor } from "./browser.mjs";
import { Child, freePort } from "./child.mjs";

const BINARY = process.env.GABION_TEST_BINARY ?? "target/debug/gabion";
const LOOPBACK = "127.0.0.1";
/** Longest wait for an answer; calm pages for a slow shop come much sooner. */
const ANSWER_MS_MAX = 15_000;

export class Demo {
  #child;
  #folder;
  #root;

  /** Starts the demo, in front of `origin` where given, and waits until it greets. */
  static async start({ origin } = {}) {
    const demo = new Demo();
    const [shop, plain, control, naked] = await Promise.all(Array.from({ length: 4 }, freePort));
    demo.#folder = await mkdtemp(path.join(os.tmpdir(), "gabion-browser-"));
    const data = path.join(demo.#folder, "data");
    demo.shop = `https://shop.localhost:${shop}`;
    demo.plain = `http://shop.localhost:${plain}`;
    demo.console = `https://${LOOPBACK}:${control}`;
    demo.naked = `http://naked.localhost:${naked}`;
    const addresses = Object.entries({ https: shop, http: plain, control, shop: naked });
    const args = ["demo", "--data", data, ...addresses.flatMap(([name, port]) => [`--${name}`, `${LOOPBACK}:${port}`])];
    if (origin) args.push("--origin", origin);
    demo.#child = new Child(BINARY, args);
    const [, setup] = await demo.#child.says(/(https:\/\/\S+\/setup\/\S+)[^]*deleting the folder removes it/);
    demo.setup = setup;
    demo.#root = await readFile(path.join(data, "ca", "root.crt"), "utf8");
    return demo;
  }

  /** Creates the first account, as the greeting asks for; the owner's page, signed in. */
  async owner(browser) {
    const page = await tab(await visitor(browser));
    await open(page, this.setup);
    await page.getByLabel("Name").fill("Mara Quay");
    await page.getByLabel("E-mail").fill("mara@quay.example");
    await page.getByLabel("Password").fill("three herons above the quay");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    return page;
  }

  /** What the program logged. */
  get log() {
    return this.#child.stderr;
  }

  /** The certificate that an address serves, verified against the demo's own root. */
  async certificate(address) {
    const { hostname, port } = new URL(address);
    return new Promise((resolve, reject) => {
      const socket = tls.connect({ host: LOOPBACK, port, servername: serverName(hostname), ca: this.#root }, () => {
        resolve(socket.getPeerX509Certificate());
        socket.end();
      });
      socket.once("error", reject);
    });
  }

  /**
   * One request from outside a browser, over HTTP/1.1, certificates verified.
   * Names below `localhost` go to loopback whatever the resolver says.
   */
  async ask(address, { method = "GET", headers = {}, body } = {}) {
    const url = new URL(address);
    const client = url.protocol === "https:" ? https : http;
    const options = {
      host: LOOPBACK,
      port: url.port,
      path: url.pathname + url.search,
      method,
      headers: { host: url.host, ...headers },
      servername: serverName(url.hostname),
      ca: this.#root,
      agent: false,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    };
    return new Promise((resolve, reject) => {
      const request = client.request(options, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.once("error", reject);
        response.once("end", () => {
          const bytes = Buffer.concat(parts);
          resolve({ status: response.statusCode, headers: response.headers, bytes, text: bytes.toString() });
        });
      });
      request.once("error", reject);
      request.end(body);
    });
  }

  /** Ends the demo and removes its folder; returns the exit code. */
  async stop() {
    const code = await this.#child?.stop();
    await rm(this.#folder, { recursive: true, force: true });
    return code;
  }
}

/** RFC 6066 section 3: a server name is never an address. */
function serverName(host) {
  return host === LOOPBACK ? undefined : host;
}
