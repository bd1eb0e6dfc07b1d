// The page: its forms, the two ways to connect, and the recipes that use both.

import { BrowserConnection } from "./browser.js";
import { element, fromHex, utf8 } from "./bytes.js";
import { Log } from "./log.js";
import { RECIPES } from "./recipes.js";
import { WireConnection } from "./wire.js";

const byId = id => document.getElementById(id);
const connectForm = byId("connect"), messageForm = byId("message"), frameForm = byId("frame");
const log = new Log();
const state = { browser: "closed", wire: "closed" };
const connections = Object.fromEntries(Object.entries({ browser: BrowserConnection, wire: WireConnection }).map(([mode, Connection]) =>
  [mode, new Connection(entry => log.add(entry), now => { state[mode] = now; showState(); })]));
const NOTES = {
  browser: "The browser's own WebSocket: messages, sizes, round trips.",
  wire: "A raw connection of the server to itself: every frame, right or wrong.",
};

const mode = () => document.querySelector("input[name=mode]:checked").value;
const current = () => connections[mode()];

function showState() {
  const now = state[mode()];
  byId("state").dataset.state = now;
  byId("state").textContent = now;
  byId("open").disabled = now !== "closed";
  byId("drop").disabled = now === "closed";
}

function showMode() {
  const wire = mode() === "wire";
  for (const fields of document.querySelectorAll(".wire-only")) {
    fields.disabled = !wire;
    fields.title = wire ? "" : "A page cannot do this in a browser: switch to Wire.";
  }
  for (const note of document.querySelectorAll(".browser-only")) note.hidden = wire;
  byId("mode-note").textContent = NOTES[mode()];
  byId("drop").textContent = wire ? "Drop" : "Close";
  showState();
}

// Connecting

function target() {
  const { endpoint, count, size, seconds, code, reason } = connectForm.elements;
  switch (endpoint.value) {
    case "many": return `many?count=${count.value}&size=${size.value}`;
    case "slow": return `slow?seconds=${seconds.value}`;
    case "close": return `close/${code.value}?${new URLSearchParams({ reason: reason.value })}`;
    default: return endpoint.value;
  }
}

function showTarget() {
  for (const row of connectForm.querySelectorAll("[data-for]")) row.hidden = row.dataset.for !== connectForm.elements.endpoint.value;
  byId("target").textContent = byId("target").title = target();
}

function connect() {
  const { subprotocols, compression, takeover, answer } = connectForm.elements;
  return current().open({
    target: target(), subprotocols: subprotocols.value.split(",").map(name => name.trim()).filter(Boolean),
    compression: compression.checked, takeover: takeover.checked, answer: answer.checked,
  });
}

// Puts what a recipe wants into the form, so that one sees how to do it by hand.
function fillConnection(options) {
  const fields = connectForm.elements;
  const [path, query] = options.target.split("?");
  const given = Object.fromEntries(new URLSearchParams(query));
  if (path.startsWith("close/")) [fields.endpoint.value, given.code, given.reason] = ["close", path.slice(6), given.reason ?? ""];
  else fields.endpoint.value = path;
  for (const [name, value] of Object.entries(given)) fields[name].value = value;
  fields.subprotocols.value = options.subprotocols.join(", ");
  for (const name of ["compression", "takeover", "answer"]) fields[name].checked = options[name] ?? true;
  showTarget();
}

// Sending

function complain(field, text) {
  const note = byId("payload-note");
  note.textContent = text;
  note.classList.toggle("bad", Boolean(text));
  field.setAttribute("aria-invalid", Boolean(text));
}

function sendMessage() {
  const { kind, payload, fragment, compress, between } = messageForm.elements;
  const options = { fragmentSize: Number(fragment.value), compress: compress.checked, pingBetween: between.checked };
  let text = payload.value, bytes;
  complain(payload, "");
  if (kind.value.startsWith("json")) {
    try {
      text = JSON.stringify(JSON.parse(text));
    } catch (error) {
      return complain(payload, `That is no JSON: ${error.message}`);
    }
  }
  if (kind.value === "hex") {
    bytes = fromHex(text);
    if (bytes === null) return complain(payload, "That is no hexadecimal: write pairs of 0 to 9 and a to f.");
  } else if (kind.value.endsWith("binary")) bytes = utf8(text);
  return current().message({ text, bytes, ...options });
}

const EXAMPLES = { "text": "Hello, frames!", "binary": "Hello, frames!", "hex": "00 01 7f 80 ff",
  "json-text": '{"hello": "frames"}', "json-binary": '{"hello": "frames"}' };

function suggestPayload() {
  const { kind, payload } = messageForm.elements;
  if (Object.values(EXAMPLES).includes(payload.value)) payload.value = EXAMPLES[kind.value];
  complain(payload, "");
}

function sendFrame() {
  const { opcode, fin, rsv1, rsv2, rsv3, masked, payload, announced } = frameForm.elements;
  const bytes = fromHex(payload.value);
  payload.setAttribute("aria-invalid", bytes === null);
  if (bytes === null) return;
  connections.wire.frame({
    opcode: Number(opcode.value), fin: fin.checked, rsv: 4 * rsv1.checked + 2 * rsv2.checked + rsv3.checked, masked: masked.checked,
    announced: announced.value === "" ? null : Number(announced.value), bytes,
  });
}

// Recipes

let running = Promise.resolve();

function showOutcome(text, kind) {
  const outcome = document.querySelector("#recipe .outcome");
  outcome.textContent = text;
  outcome.className = `outcome ${kind}`;
}

async function runRecipe(recipe, button) {
  for (const other of byId("recipes").children) other.setAttribute("aria-pressed", String(other === button));
  byId("recipe").hidden = false;
  byId("recipe").querySelector("h3").replaceChildren(recipe.title, element("small", { textContent: recipe.rfc }));
  byId("recipe").querySelector(".expect").textContent = recipe.expect;
  showOutcome("", "");
  let start = log.position;
  const tool = {
    ...connections,
    entries: () => log.since(start),
    next: predicate => log.next(predicate, start + 1),
    check: (asExpected, text) => showOutcome(asExpected ? text : `Not as expected. ${text}`, asExpected ? "good" : "bad"),
    async connect(which, options, mustOpen = true) {
      document.querySelector(`input[name=mode][value=${which}]`).checked = true;
      showMode();
      if (state[which] !== "closed") {
        const ended = log.next(({ mode: where, kind, direction }) => where === which && (kind === "end" || (kind === "close" && direction !== "sent")));
        connections[which].drop();
        await ended;
      }
      start = log.position;
      fillConnection(options);
      if (!(await connect()) && mustOpen) throw new Error("the connection was not opened");
    },
  };
  try {
    await recipe.run(tool);
  } catch (error) {
    showOutcome(`Not as expected: ${error.message}.`, "bad");
  }
}

for (const recipe of RECIPES) {
  const button = element("button", { type: "button", textContent: recipe.title, id: `recipe-${recipe.id}`, aria: { pressed: "false" } });
  button.addEventListener("click", () => { running = running.then(() => runRecipe(recipe, button)); });
  byId("recipes").append(button);
}

// Wiring

const onSubmit = (form, action) => form.addEventListener("submit", event => { event.preventDefault(); action(event.submitter); });
onSubmit(connectForm, connect);
onSubmit(messageForm, sendMessage);
onSubmit(frameForm, sendFrame);
onSubmit(byId("ping"), submitter => connections.wire.frame({ opcode: Number(submitter?.value ?? 9), text: byId("ping").elements.payload.value }));
onSubmit(byId("close"), () => {
  const { code, reason } = byId("close").elements;
  current().close(code.value === "" ? null : Number(code.value), reason.value);
});
connectForm.addEventListener("input", showTarget);
messageForm.addEventListener("change", event => { if (event.target.name === "kind") suggestPayload(); });
messageForm.elements.payload.addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) messageForm.requestSubmit();
});
byId("drop").addEventListener("click", () => current().drop());
for (const radio of document.querySelectorAll("input[name=mode]")) radio.addEventListener("change", showMode);

const tabs = [...document.querySelectorAll("[role=tab]")];
function showTab(chosen) {
  for (const tab of tabs) {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
  }
}
for (const tab of tabs) {
  tab.addEventListener("click", () => showTab(tab));
  tab.addEventListener("keydown", event => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    showTab(next);
    next.focus();
  });
}

showMode();
showTarget();
