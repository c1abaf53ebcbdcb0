// django-oscar as a second, real shop front, in a Python environment of its own.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

import { Child, freePort } from "./child.mjs";

const FOLDER = path.resolve(import.meta.dirname, "../../oscar");
const REQUIREMENTS = path.join(FOLDER, "requirements.txt");

/** The Python that has the shop's packages; installed once for each list of requirements, kept in `target/`. */
function python() {
  const wanted = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
  const target = process.env.CARGO_TARGET_DIR ?? path.resolve(import.meta.dirname, "../../../target");
  const environment = path.join(target, `oscar-${wanted}`);
  const done = path.join(environment, "installed");
  const program = path.join(environment, "bin", "python");
  if (existsSync(done)) return program;
  run("python3", ["-m", "venv", "--clear", environment]);
  run(program, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]);
  run("touch", [done]);
  return program;
}

function run(program, args) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error ?? stderr}`);
}

export class Oscar {
  #child;
  #folder;

  static async start() {
    const shop = new Oscar();
    shop.#folder = await mkdtemp(path.join(os.tmpdir(), "gabion-oscar-"));
    const port = await freePort();
    shop.origin = `http://127.0.0.1:${port}`;
    shop.#child = new Child(python(), [path.join(FOLDER, "shop.py"), shop.#folder, String(port)]);
    await shop.#child.says(/^open$/m);
    return shop;
  }

  async stop() {
    await this.#child.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
