// Another server in the demo shop's place: nginx from Debian behind `gabion demo --origin`.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before } from "node:test";

import { audit } from "./lib/audit.mjs";
import { launch, open, quiet, refuses, tab, visitor, walk } from "./lib/browser.mjs";
import { Child, freePort } from "./lib/child.mjs";
import { Demo } from "./lib/demo.mjs";

const NGINX = "/usr/sbin/nginx";
/** Health checks find a server that is back within some rounds of 5 s. */
const BACK_MS_MAX = 30_000;

const PAGE = `<!doctype html>
<html lang="en">
<title>Rope and Twine</title>
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<main><h1>Rope and Twine</h1></main>
</html>`;

const world = {};

function configuration(folder, port) {
  const uses = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const scratch = uses.map((use) => `${use}_temp_path ${folder}/${use};`);
  return `
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  ${scratch.join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    location = / { default_type text/html; return 200 '${PAGE}'; }
    location = /style.css { default_type text/css; return 200 'h1 { color: rgb(1, 2, 3) }'; }
    location = /host { default_type text/plain; return 200 '$http_host $http_x_forwarded_proto'; }
  }
}
`;
}

async function startNginx() {
  const [file, log] = ["nginx.conf", "error.log"].map((name) => path.join(world.folder, name));
  world.nginx = new Child(NGINX, ["-p", world.folder, "-c", file, "-e", log, "-g", "daemon off;"]);
  await world.nginx.listens(world.port);
}

before(async () => {
  world.folder = await mkdtemp(path.join(os.tmpdir(), "gabion-nginx-"));
  world.port = await freePort();
  await writeFile(path.join(world.folder, "nginx.conf"), configuration(world.folder, world.port));
  await startNginx();
  world.demo = await Demo.start({ origin: `http://127.0.0.1:${world.port}` });
  world.browser = await launch();
});
after(async () => {
  await world.browser?.close();
  assert.equal(await world.demo?.stop(), 0, "the demo ends in good order");
  await world.nginx?.stop("SIGQUIT");
  await rm(world.folder, { recursive: true, force: true });
});

walk("another server's page comes through Gabion", world, async () => {
  const page = await tab(await visitor(world.browser));
  const response = await open(page, world.demo.shop);
  const heading = page.getByRole("heading", { name: "Rope and Twine" });
  assert.equal(await heading.evaluate((found) => getComputedStyle(found).color), "rgb(1, 2, 3)");
  const headers = await response.allHeaders();
  assert.equal(headers.server, undefined);
  assert.match(headers["x-request-id"], /^req_/);
  const { text } = await world.demo.ask(`${world.demo.shop}/host`);
  assert.equal(text, `127.0.0.1:${world.port} https`, "a shop elsewhere answers to its own name");
  await quiet(page);
});

walk("customers see a calm page while the server is down, and the shop once it is back", world, async () => {
  const page = await tab(await visitor(world.browser));
  await open(page, world.demo.shop);
  await world.nginx.stop("SIGQUIT");
  const failed = await open(page, world.demo.shop, 502);
  await page.getByRole("heading", { name: "Demo is not available right now" }).waitFor();
  assert.equal(await page.locator("footer code").innerText(), failed.headers()["x-request-id"]);
  await audit(page);

  await startNginx();
  refuses(page, page.url());
  const deadline = Date.now() + BACK_MS_MAX;
  let status;
  do {
    status = (await page.reload()).status();
  } while (status !== 200 && Date.now() < deadline);
  assert.equal(status, 200);
  await page.getByRole("heading", { name: "Rope and Twine" }).waitFor();
  await quiet(page);
});

walk("the console tells what happened and what stands behind it", world, async () => {
  const page = await world.demo.owner(world.browser);
  await open(page, `${world.demo.console}/events?severity=warning`);
  await page.getByRole("rowheader", { name: "Shop failed" }).first().waitFor();
  await open(page, `${world.demo.console}/demo`);
  await page.getByText("Your shop, reached through Gabion.").waitFor();
  assert.equal(await page.getByText("naked").count(), 0);
  await audit(page);
});
