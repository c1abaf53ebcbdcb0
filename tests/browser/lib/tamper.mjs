// The demo shop with somebody inside who changes what it says, and somebody outside who collects.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";

import { Child, freePort } from "./child.mjs";

const BINARY = process.env.GABION_TEST_BINARY ?? "target/debug/gabion";
const LOOPBACK = "127.0.0.1";
/** The demo shop answers to this name. */
const SHOP_HOST = "naked.localhost";

/** A shop whose answers can be changed on their way: for Gabion it is the shop. */
export class TamperedShop {
  #child;
  #folder;
  #inner;
  #server;
  /** Each says of an answer `{ path, headers, text }` what becomes of it, in place. */
  changes = [];

  static async start() {
    const shop = new TamperedShop();
    shop.#folder = await mkdtemp(path.join(os.tmpdir(), "gabion-tampered-"));
    const inner = (shop.#inner = await freePort());
    shop.port = await freePort();
    shop.provider = `http://pay.localhost:${inner}`;
    shop.origin = `http://${LOOPBACK}:${shop.port}`;
    const args = ["demo-shop", "--until", "signal", "--listen", `${LOOPBACK}:${inner}`];
    shop.#child = new Child(BINARY, [...args, "--folder", path.join(shop.#folder, "shop")]);
    await shop.#child.listens(inner);
    shop.#server = http.createServer((request, response) => shop.#answer(inner, request, response));
    await new Promise((resolve) => shop.#server.listen(shop.port, LOOPBACK, resolve));
    return shop;
  }

  #answer(inner, request, response) {
    const headers = { ...request.headers, host: SHOP_HOST, "accept-encoding": "identity" };
    const asked = http.request({ host: LOOPBACK, port: inner, path: request.url, method: request.method, headers });
    asked.once("error", () => response.destroy());
    asked.once("response", async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      const bytes = Buffer.concat(parts);
      const changed = { path: new URL(request.url, this.origin).pathname, headers: { ...answer.headers }, text: null };
      if (/text|javascript/.test(answer.headers["content-type"] ?? "")) changed.text = bytes.toString();
      this.changes.forEach((change) => change(changed));
      const body = changed.text === null ? bytes : Buffer.from(changed.text);
      delete changed.headers["transfer-encoding"];
      delete changed.headers["content-length"];
      response.writeHead(answer.statusCode, { ...changed.headers, "content-length": body.length });
      response.end(body);
    });
    request.pipe(asked);
  }

  /** What the shop itself says at a path. */
  async file(path) {
    const asked = http.get({ host: LOOPBACK, port: this.#inner, path, headers: { host: SHOP_HOST }, agent: false });
    const [answer] = await once(asked, "response");
    assert.equal(answer.statusCode, 200, path);
    const parts = [];
    for await (const part of answer) parts.push(part);
    return Buffer.concat(parts).toString();
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#child.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A host of somebody else: serves files, and remembers everything that was sent to it. */
export class Stranger {
  #server;
  files = {};
  received = [];

  static async start(name) {
    const stranger = new Stranger();
    const port = await freePort();
    stranger.host = `${name}.localhost:${port}`;
    stranger.origin = `http://${stranger.host}`;
    stranger.#server = http.createServer((request, response) => stranger.#answer(request, response));
    await new Promise((resolve) => stranger.#server.listen(port, LOOPBACK, resolve));
    return stranger;
  }

  async #answer(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { pathname, search } = new URL(request.url, this.origin);
    const file = this.files[pathname];
    if (file === undefined) this.received.push(`${pathname}${search} ${Buffer.concat(parts)}`);
    response.writeHead(200, {
      "access-control-allow-origin": "*",
      "cache-control": "no-store",
      "content-type": file === undefined ? "text/plain" : "text/javascript",
    });
    response.end(file ?? "");
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
