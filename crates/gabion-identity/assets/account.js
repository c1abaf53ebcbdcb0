// Passkeys on customers' pages. Everything else works without this script.
"use strict";
(() => {
  const known = window.PublicKeyCredential
    && PublicKeyCredential.parseCreationOptionsFromJSON && PublicKeyCredential.parseRequestOptionsFromJSON;
  const all = (selector) => document.querySelectorAll(selector);
  const one = (selector) => document.querySelector(selector);
  if (!known) return;
  all("[data-needs-passkeys]").forEach((part) => { part.hidden = false; });
  all("[data-without-passkeys]").forEach((part) => { part.hidden = true; });

  const tell = (text) => {
    const place = one("[data-trouble]");
    if (!place) return;
    place.textContent = text;
    place.hidden = !text;
  };

  const send = async (path, body) => {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    if (answer.code === "signed_out" || answer.code === "not_fresh") {
      const door = answer.code === "not_fresh" ? "step-up" : "sign-in";
      location.assign(`/.gabion/${door}?next=${encodeURIComponent(location.pathname)}`);
    }
    throw Object.assign(new Error(answer.detail), { answer });
  };

  // What the authenticator is told is a courtesy: browsers that cannot, or may not, do nothing.
  const signal = async (method, argument) => {
    try {
      if (argument && PublicKeyCredential[method]) await PublicKeyCredential[method](argument);
    } catch { /* nothing depends on it */ }
  };

  const door = one("[data-passkey-sign-in]");
  let waiting = null;

  const TRIES_MAX = 5;
  // A question is good for five minutes; a page may be open for longer.
  const ASKED_AGAIN_MS = 4 * 60 * 1000;
  let tries = 0;

  const signIn = async (mediation) => {
    if (waiting) waiting.abort();
    const mine = waiting = new AbortController();
    try {
      const question = await send("/.gabion/passkey/ask", {});
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(question.publicKey);
      const credential = await navigator.credentials.get({ publicKey, mediation, signal: mine.signal });
      const answer = { state: question.state, credential: credential.toJSON() };
      const { next, level, attempt } = door.dataset;
      const done = await send("/.gabion/passkey/sign-in", { answer, next, level, attempt });
      location.assign(done.next);
    } catch (error) {
      if (error.name === "AbortError" || waiting !== mine) return;
      if (error.answer) {
        tell(error.message);
        await signal("signalUnknownCredential", error.answer.unknown);
      }
      // Offered again with autofill, a few times: one passkey that failed, or a dialog that was closed, must not hide the
      // others. Anything else would fail again.
      const again = error.name === "NotAllowedError" || (error.answer && error.answer.code === "passkey_refused");
      tries += 1;
      if (again && tries < TRIES_MAX && await conditional()) signIn("conditional");
    }
  };

  const conditional = async () =>
    Boolean(PublicKeyCredential.isConditionalMediationAvailable
      && await PublicKeyCredential.isConditionalMediationAvailable());

  if (door) {
    one("[data-passkey-button]").addEventListener("click", () => { tell(""); signIn("optional"); });
    conditional().then((there) => {
      if (!there) return;
      signIn("conditional");
      setInterval(() => { if (!document.hidden) signIn("conditional"); }, ASKED_AGAIN_MS);
    });
  }

  const make = async (ask, keep, rest) => {
    const question = await send(ask, {});
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(question.publicKey);
    const credential = await navigator.credentials.create({ publicKey });
    return send(keep, { answer: { state: question.state, credential: credential.toJSON() }, ...rest });
  };

  const first = one("[data-passkey-first]");
  if (first) {
    first.addEventListener("click", async () => {
      first.disabled = true;
      tell("");
      try {
        const value = (selector) => { const field = one(selector); return field ? field.value : ""; };
        const rest = { called: first.dataset.called, name: value("[data-name]"), code: value("[data-code]") };
        const done = await make("/.gabion/begin/passkey/ask", "/.gabion/begin/passkey", rest);
        location.assign(done.next);
      } catch (error) {
        if (error.answer) tell(error.message);
        first.disabled = false;
      }
    });
  }

  const list = one("[data-passkeys]");
  if (list) {
    const button = one("[data-passkey-add]");
    button.addEventListener("click", async () => {
      button.disabled = true;
      tell("");
      try {
        const name = one("[data-passkey-name]").value;
        const kept = await make("/.gabion/account/passkeys/ask", "/.gabion/account/passkeys", { name });
        location.assign(kept.next);
      } catch (error) {
        if (error.answer) tell(error.message);
        button.disabled = false;
      }
    });
    // What was removed elsewhere is no longer offered here.
    fetch("/.gabion/account/passkeys", { headers: { accept: "application/json" } })
      .then((response) => (response.ok ? response.json() : null))
      .then((accepted) => signal("signalAllAcceptedCredentials", accepted));
  }
})();
