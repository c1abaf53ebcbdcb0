// What must hold on every page: it fits, it can be used by everybody, it breaks no rule of its own.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { DESKTOP, PHONE, quiet } from "./browser.mjs";

const { source: AXE } = createRequire(import.meta.url)("axe-core");

/** Nothing reaches beyond the right edge, so that nobody has to scroll sideways. */
export async function fits(page) {
  const { wide, room, culprits } = await page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    const clipped = (element) => {
      for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
        if (getComputedStyle(box).overflowX !== "visible") return true;
      }
      return false;
    };
    const beyond = [...document.body.querySelectorAll("*")]
      .filter((element) => element.getBoundingClientRect().right > room + 1 && !clipped(element))
      .map((element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}">`);
    return { wide: document.documentElement.scrollWidth, room, culprits: beyond.slice(0, 5) };
  });
  assert.ok(wide <= room, `${page.url()} is ${wide} px wide where ${room} px are: ${culprits.join(" ")}`);
}

/** axe finds nothing, its best practices included. */
export async function accessible(page) {
  await page.evaluate(`if (!window.axe) { ${AXE} }`);
  const violations = await page.evaluate(async () => (await window.axe.run(document)).violations);
  const tell = ({ html, failureSummary }) => `${html.slice(0, 160)}\n    ${failureSummary.replaceAll("\n", " ")}`;
  const found = violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${tell(node)}`));
  assert.equal(found.length, 0, `axe on ${page.url()}:\n  ${found.join("\n  ")}`);
}

/** Looks at the page as it is now, light and dark, on a desktop and on a phone; leaves it light and wide. */
export async function audit(page) {
  const wrong = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [DESKTOP, PHONE]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      for (const check of [fits, accessible]) {
        await check(page).catch((error) => wrong.push(`${colorScheme}, ${viewport.width} px: ${error.message}`));
      }
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(DESKTOP);
  await quiet(page).catch((error) => wrong.push(error.message));
  assert.equal(wrong.length, 0, `${page.url()}\n${wrong.join("\n")}`);
}

/**
 * Presses Tab until the wanted element has the focus. The first stop of a page is the skip link, and every stop can be
 * seen: it has a size, lies in the window, and looks different from when it has no focus.
 */
export async function tabTo(page, wanted, { stopsMax = 40 } = {}) {
  const fresh = await page.evaluate(() => document.activeElement === document.body);
  for (let stop = 1; stop <= stopsMax; stop += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      const looks = () => {
        const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor } = getComputedStyle(element);
        return JSON.stringify([outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor]);
      };
      const box = element.getBoundingClientRect();
      const focused = looks();
      element.blur();
      const blurred = looks();
      element.focus({ focusVisible: true });
      const inWindow = box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight;
      return {
        skip: element.matches("a.skip"),
        name: element.outerHTML.slice(0, 120),
        seen: box.width > 1 && box.height > 1 && inWindow && focused !== blurred,
      };
    });
    assert.equal(focus.skip, fresh && stop === 1, `stop ${stop} is ${focus.name}`);
    assert.ok(focus.seen, `the focus can be seen on ${focus.name}`);
    if (await wanted.evaluate((element) => element === document.activeElement)) return stop;
  }
  assert.fail(`the keyboard does not reach ${wanted} on ${page.url()} in ${stopsMax} stops`);
}
