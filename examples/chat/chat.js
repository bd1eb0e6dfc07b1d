import { Connection, randomKey } from "./connection.js";

const MOST_LINES = 500, TYPING_SHOWN = 4000, TYPING_SENT = 2000, GROUP = 300000, // lines; milliseconds
  NEARLY_FULL = 100; // characters that are left
const $ = id => document.getElementById(id);
const log = $("log"), text = $("text");
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

let connection = null, name = "", joined = false, people = [], typingSent = 0, unread = 0, pinned = true, countdown = 0;
const lines = new Map(); // the messages shown, by id
const typing = new Map(); // timers of those who type, by name

// What the browser remembers; where it does not, because the user forbade it, nothing else suffers.

function remembered(storage, key) {
  try { return window[storage].getItem(key) ?? ""; } catch { return ""; }
}
function remember(storage, key, value) {
  try { window[storage].setItem(key, value); } catch { /* it is asked for again next time */ }
}

// By this key a page takes its own place again, when the server has not noticed yet that the old connection is gone.
const key = remembered("sessionStorage", "chat.key") || randomKey();
remember("sessionStorage", "chat.key", key);

// Elements. All text goes in as text, never as HTML.

function element(tag, className, content = "") {
  return Object.assign(document.createElement(tag), { className, textContent: content });
}

function hue(of) { // by the hash FNV-1a, so that names alike have colours apart
  let hash = 0x811c9dc5;
  for (const character of of) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) >>> 0;
  return (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0) % 24 * 15;
}

function first(name) { // what is read as its first character, which a flag or a family has several of
  return (Intl.Segmenter ? [...new Intl.Segmenter().segment(name)].map(({ segment }) => segment) : [...name])[0] ?? "";
}

function isolated(name) { // its direction is its own, not that of the sentence around it
  return element("bdi", "", name);
}

function avatar(of) {
  const circle = element("span", "avatar", first(of).toUpperCase());
  circle.ariaHidden = "true";
  circle.style.setProperty("--hue", hue(of));
  return circle;
}

// The log

function addLine(line) {
  log.append(line);
  if (log.childElementCount > MOST_LINES) {
    lines.delete(log.firstElementChild.dataset.id);
    log.firstElementChild.remove();
  }
  if (pinned) log.scrollTop = log.scrollHeight;
}

function notice(...words) {
  const line = element("li", "notice");
  line.append(...words);
  addLine(line);
}

function problem(words) {
  addLine(element("li", "notice problem", words));
}

function showMessage({ id, name: author, text: words, at }) {
  const known = lines.get(id);
  if (known && !known.classList.contains("pending")) return; // shown before the connection was lost
  const own = Boolean(known) || author === name;
  const line = known ?? messageLine(id, author, words, own);
  line.classList.toggle("pending", !at);
  const time = line.querySelector("time");
  time.dateTime = at ?? "";
  time.textContent = at ? clock.format(new Date(at)) : "sending";
  line.dataset.at = Date.parse(at ?? new Date());
  if (!known || line !== log.lastElementChild) {
    const next = line.nextElementSibling;
    addLine(line);
    if (next) group(next);
  }
  group(line);
  if (at) stopTyping(author);
  if (at && !own && (document.hidden || !pinned)) setUnread(unread + 1);
}

function messageLine(id, author, words, own) {
  const line = element("li", own ? "message own" : "message");
  const who = element("bdi", "who", author), bubble = element("div", "bubble"), said = element("span", "words", words);
  who.style.setProperty("--hue", hue(author));
  said.dir = "auto";
  if (own) bubble.append(element("span", "unseen", "You: "));
  bubble.append(said, element("time", ""));
  line.append(avatar(author), who, bubble);
  Object.assign(line.dataset, { id, author });
  lines.set(id, line);
  return line;
}

function group(line) { // messages of one author stand together, with one name above them
  const before = line.previousElementSibling;
  line.classList.toggle("follows", before?.dataset.author === line.dataset.author && line.dataset.at - before.dataset.at < GROUP);
}

function setUnread(count) {
  unread = count;
  $("unread").hidden = !count || pinned;
  $("unread").textContent = count === 1 ? "1 new message ↓" : `${count} new messages ↓`;
  document.title = `${count ? `(${count}) ` : ""}${connection ? `#${connection.room}` : "Chat"}`;
}

function toBottom() {
  log.scrollTop = log.scrollHeight;
}

log.addEventListener("scroll", () => {
  pinned = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  if (pinned && !document.hidden) setUnread(0);
});
new ResizeObserver(() => { if (pinned) toBottom(); }).observe(log);
document.addEventListener("visibilitychange", () => { if (!document.hidden && pinned) setUnread(0); });
$("unread").addEventListener("click", () => { toBottom(); text.focus(); });

// Who is here, who is typing

function showPeople() {
  people.sort((a, b) => (b === name) - (a === name) || a.localeCompare(b));
  $("count").textContent = people.length;
  $("people").replaceChildren(...people.map(person => {
    const item = element("li", "person");
    item.append(avatar(person), isolated(person), ...(person === name ? [element("small", "", "you")] : []));
    return item;
  }));
}

function startTyping(who) {
  clearTimeout(typing.get(who));
  typing.set(who, setTimeout(() => stopTyping(who), TYPING_SHOWN));
  showTyping();
}

function stopTyping(who) {
  clearTimeout(typing.get(who));
  if (typing.delete(who)) showTyping();
}

function showTyping() {
  const who = [...typing.keys()];
  $("typing").replaceChildren(...(
    who.length === 0 ? [] : who.length === 1 ? [isolated(who[0]), " is typing…"]
    : who.length === 2 ? [isolated(who[0]), " and ", isolated(who[1]), " are typing…"] : ["Several people are typing…"]));
}

// What the server says

const handlers = {
  welcome(message) {
    joined = true;
    name = message.name;
    people = message.members;
    showPeople();
    log.ariaLive = "off"; // what was said before is not read aloud
    message.history.forEach(showMessage);
    setTimeout(() => { log.ariaLive = "polite"; }, 500);
  },
  said: showMessage,
  is_typing: ({ name: who }) => startTyping(who),
  joined({ name: who }) {
    people.push(who);
    showPeople();
    notice(isolated(who), " joined");
  },
  left({ name: who }) {
    people = people.filter(person => person !== who);
    stopTyping(who);
    showPeople();
    notice(isolated(who), " left");
  },
  renamed({ name: who, new_name: newName }) {
    people = people.map(person => (person === who ? newName : person));
    stopTyping(who);
    if (who === name) {
      name = connection.name = newName;
      remember("localStorage", "chat.name", name);
    }
    showPeople();
    notice(isolated(who), " is now ", isolated(newName));
  },
  error: ({ reason }) => problem(reason),
};

function showState(state, detail) {
  clearInterval(countdown);
  $("countdown").textContent = "";
  $("state").dataset.state = state === "waiting" ? "connecting" : state;
  const words = { connecting: joined ? "reconnecting" : "connecting", connected: "connected", waiting: "reconnecting", stopped: "disconnected" }[state];
  if ($("state").textContent !== words) $("state").textContent = words; // which is read aloud, once
  if (state === "stopped" && !joined) return showDoor(detail);
  if (state === "connected") {
    $("banner").hidden = true;
  } else if (state === "stopped") {
    showBanner(detail, "Join again");
  } else if (state === "waiting") {
    showBanner(joined ? "The connection was lost." : "The server cannot be reached.", "Try now");
    const until = Date.now() + detail;
    const count = () => { $("countdown").textContent = `Trying again in ${Math.max(1, Math.ceil((until - Date.now()) / 1000))} s`; };
    countdown = setInterval(count, 250);
    count();
  } else if (!$("banner").hidden) {
    $("countdown").textContent = "Trying again…";
  }
  people = state === "connected" ? people : people.filter(person => person === name);
  if (state !== "connected") [...typing.keys()].forEach(stopTyping);
  showPeople();
}

function showBanner(words, action) {
  $("retry").textContent = action;
  $("banner").hidden = false;
  if ($("banner-text").textContent !== words) $("banner-text").textContent = words;
}

$("retry").addEventListener("click", () => { connection.retry(); text.focus(); });
addEventListener("online", () => connection?.hurry());

// The door: the room is the page's fragment, so that its address can be given to others

function roomFrom(words) {
  return words.trim().toLowerCase().replace(/^#/, "").replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 30);
}

function fragment() {
  try { return roomFrom(decodeURIComponent(location.hash.slice(1))); } catch { return ""; }
}

function showDoor(refusal = "") {
  leave();
  $("chat").hidden = true;
  $("door").hidden = false;
  $("refusal").textContent = refusal;
  $("name").value = name || remembered("localStorage", "chat.name");
  $("room").value = fragment() || "lobby";
  $("name").focus();
  $("name").select();
}

function leave() {
  connection?.leave();
  connection = null;
  clearInterval(countdown);
  [...typing.keys()].forEach(stopTyping);
  setUnread(0);
}

function enter(room) {
  leave();
  joined = false;
  people = [];
  pinned = true;
  lines.clear();
  log.replaceChildren();
  $("title").textContent = `# ${room}`;
  $("door").hidden = true;
  $("banner").hidden = true;
  $("chat").hidden = false;
  connection = new Connection(room, name, key, showState, message => handlers[message.type]?.(message));
  setUnread(0);
  text.focus();
}

function arrive() { // at the page, or at another fragment
  name = name || remembered("localStorage", "chat.name");
  if (name && fragment()) enter(fragment());
  else showDoor();
}

$("join").addEventListener("submit", event => {
  event.preventDefault();
  name = $("name").value.trim();
  const room = roomFrom($("room").value);
  if (!name || !room) return;
  remember("localStorage", "chat.name", name);
  if (fragment() === room) enter(room);
  else location.hash = room; // and arrive
});
$("leave").addEventListener("click", () => { location.hash = ""; });
addEventListener("hashchange", arrive);

// Writing

$("composer").addEventListener("submit", event => {
  event.preventDefault();
  const words = text.value.trim();
  text.value = "";
  showLeft();
  text.focus();
  typingSent = 0;
  if (!words) return;
  toBottom();
  pinned = true;
  showMessage({ id: connection.say(words), name, text: words });
});
text.addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});
function showLeft() {
  const left = text.maxLength - text.value.length;
  $("left").textContent = left > NEARLY_FULL ? "" : left === 0 ? "The message is full." : `${left} characters left`;
}
text.addEventListener("input", () => {
  showLeft();
  if (text.value.trim() && Date.now() - typingSent > TYPING_SENT && connection.sendNow({ type: "typing" })) typingSent = Date.now();
});

$("rename").addEventListener("click", () => {
  $("new-name").value = name;
  $("rename-dialog").showModal();
  $("new-name").select();
});
$("rename-cancel").addEventListener("click", () => $("rename-dialog").close());
$("rename-form").addEventListener("submit", () => {
  const newName = $("new-name").value.trim();
  if (newName && newName !== name && !connection.sendNow({ type: "rename", name: newName })) {
    problem("Your name can be changed once you are connected again.");
  }
});
arrive();
