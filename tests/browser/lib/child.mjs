// Child processes that never outlive the tests, and free ports for them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";

/** A child that did not end by itself within this time after SIGTERM is killed. */
const STOP_MS_MAX = 10_000;
/** A program that does not say or do in this time what it is started for hangs. */
const START_MS_MAX = 60_000;
/** Below Linux's range for outgoing connections (32768 and up), so that nothing takes a port between test and use. */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** A loopback port that nothing listens on. */
export async function freePort() {
  const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
  const server = net.createServer();
  const free = await new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (!free) return freePort();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A running program with all it said. */
export class Child {
  #child;
  #ended;

  constructor(program, args) {
    this.name = program;
    this.stdout = "";
    this.stderr = "";
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#ended = once(this.#child, "close").then(([code, signal]) => ({ code, signal }));
    // Whoever waits for the end hears of a program that cannot start; nobody else has to.
    this.#ended.catch(() => {});
    running.add(this.#child);
    this.#child.once("close", () => running.delete(this.#child));
    for (const stream of ["stdout", "stderr"]) {
      this.#child[stream].setEncoding("utf8").on("data", (text) => (this[stream] += text));
    }
  }

  /** Resolves with the match once standard output matches; rejects when the program ends before. */
  async says(pattern) {
    const said = new Promise((resolve) => {
      const look = () => {
        const match = pattern.exec(this.stdout);
        if (!match) return;
        this.#child.stdout.off("data", look);
        resolve(match);
      };
      this.#child.stdout.on("data", look);
      look();
    });
    return this.#inTime(said);
  }

  /** Resolves once something listens on the port; rejects when the program ends before. */
  async listens(port) {
    const listening = async () => {
      while (running.has(this.#child) && !(await accepts(port))) await new Promise((again) => setTimeout(again, 10));
    };
    return this.#inTime(listening());
  }

  async #inTime(awaited) {
    const hangs = setTimeout(() => this.#child.kill("SIGKILL"), START_MS_MAX);
    try {
      return await Promise.race([this.#endedEarly(), awaited]);
    } finally {
      clearTimeout(hangs);
    }
  }

  async #endedEarly() {
    const { code, signal } = await this.#ended;
    throw new Error(`${this.name} ended with ${signal ?? code}:\n${this.stdout}${this.stderr}`);
  }

  /** Asks the program to end and waits; returns its exit code, or the signal that ended it. */
  async stop(signal = "SIGTERM") {
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS_MAX);
    this.#child.kill(signal);
    const ended = await this.#ended;
    clearTimeout(killer);
    return ended.signal ?? ended.code;
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => socket.end(() => resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
