// An origin made of Node's http module: tells every request it saw as a line of JSON.

import { createServer } from "node:http";
import { writeSync } from "node:fs";

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { method, url: target, headers } = request;
    const id = headers["x-request-id"] ?? "";
    const body = Buffer.concat(chunks).toString();
    writeSync(1, JSON.stringify({ id, method, target, body, status: 200 }) + "\n");
    response.end("ok");
  });
});
server.listen(process.argv[2]);
process.on("SIGTERM", () => process.exit(0));
