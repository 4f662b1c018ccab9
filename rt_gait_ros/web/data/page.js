// The page of `rt-gait watch`. Names are somebody else's choice: text goes in as text (textContent), never as HTML.
"use strict";

const $ = (id) => document.getElementById(id);
const me = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const silhouettes = new Map(); // the walks that are being played: element to number of frames
let state = null;

// What comes from the server. Each request waits there until there is news.

class Refused extends Error {}

async function news(what, after) {
  const answer = await fetch(`${what}?after=${after}&page=${me}`, { cache: "no-store" });
  if (answer.status === 403) throw new Refused(await answer.text());
  if (answer.status === 204) return null;
  if (!answer.ok) throw new Error(answer.statusText);
  return { number: Number(answer.headers.get("X-Number")), answer };
}

async function follow(what, take) {
  let after = 0;
  for (;;) {
    try {
      const found = await news(what, after);
      if (found) {
        await take(found.answer);
        after = found.number;
      }
    } catch (error) {
      after = 0;
      lost(error);
      await pause(1500);
    }
  }
}

function lost(error) {
  document.body.classList.add("lost");
  $("stage").classList.add("stale");
  level("gone", "No connection");
  banner("gone", error instanceof Refused
    ? "This address is of an earlier start of rt-gait watch, or not whole. Open the address that it has printed last."
    : "rt-gait watch has ended, or cannot be reached. Start it again, and open the address that it prints.");
}

async function showPicture(answer) {
  const bitmap = await createImageBitmap(await answer.blob());
  const canvas = $("picture");
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

async function ask(what, fields) {
  try {
    const answer = await fetch(what, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields),
    });
    return answer.ok ? "" : (await answer.json()).error;
  } catch {
    return "rt-gait watch cannot be reached.";
  }
}

// What is shown.

function make(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// One element per item, kept while the item is there, so that nobody loses a button while pressing it.
function keep(list, items, key, build, update) {
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    let element = known.get(String(key(item)));
    if (!element) {
      element = build(item);
      element.dataset.key = key(item);
    }
    known.delete(element.dataset.key);
    if (list.children[place] !== element) list.insertBefore(element, list.children[place] || null);
    update(element, item);
  });
  for (const gone of known.values()) gone.remove();
}

function level(name, text) {
  $("level").dataset.level = name;
  write($("level"), text);
}

function banner(name, text) {
  $("banner").hidden = !text;
  $("banner").dataset.level = name;
  write($("banner"), text);
}

function buildPerson(person) {
  const card = make("li", "person");
  const top = make("div", "top");
  const name = make("h3");
  name.append(make("bdi", "name"));
  top.append(name, make("span", "sure"));
  const bar = make("div", "bar");
  bar.append(make("i"));
  const button = make("button", "main", "Enrol…");
  button.type = "button";
  button.addEventListener("click", () => openEnrol(person.body_id));
  card.append(top, bar, make("p", "facts"), make("p", "reason"), button);
  return card;
}

function updatePerson(card, person) {
  const part = (kind) => card.querySelector(kind);
  card.dataset.status = person.status;
  card.style.setProperty("--own", person.colour);
  write(part(".name"), person.name || person.headline);
  const known = person.probability !== null;
  write(part(".sure"), known ? `${Math.round(person.probability * 100)} %` : "");
  part(".sure").title = known ? "Probability that this is right" : "";
  part(".bar").hidden = !known;
  part(".bar i").style.width = known ? `${person.probability * 100}%` : "0";
  const facts = [`Track ${person.body_id}`, person.state];
  if (person.walking) facts.push("walking");
  if (person.distance !== null) facts.push(`${person.distance.toFixed(1)} m away`);
  write(part(".facts"), facts.join(" · "));
  part(".reason").hidden = !person.reason;
  write(part(".reason"), person.reason);
  part("button").hidden = Boolean(person.name);
  part("button").setAttribute("aria-label", `Enrol track ${person.body_id}`);
}

function buildKnown(person) {
  const card = make("li", "known");
  const walk = make("div", "walk");
  const name = make("h3");
  name.append(make("bdi", "name"));
  const button = make("button", "danger", "Forget…");
  button.type = "button";
  button.addEventListener("click", () => openForget(person.person_id, card.querySelector(".name").textContent));
  card.append(walk, name, make("p", "walks"), make("p", "seen"), button);
  return card;
}

function updateKnown(card, person) {
  const here = state.people.find((each) => each.person_id === person.person_id);
  write(card.querySelector(".name"), person.name);
  const sides = person.sides.length ? `, seen from ${person.sides.join(", ")}` : "";
  const since = new Date(person.enrolled).toLocaleDateString(undefined, { dateStyle: "medium" });
  write(card.querySelector(".walks"), `${person.walks} ${person.walks === 1 ? "walk" : "walks"}${sides}; enrolled ${since}`);
  write(card.querySelector(".seen"), here ? "Here now" : "");
  card.querySelector("button").setAttribute("aria-label", `Forget ${person.name}`);
  if (here) card.style.setProperty("--own", here.colour);
  const version = `${person.updated}/${person.frames}`;
  const walk = card.querySelector(".walk");
  if (walk.dataset.version === version) return;
  walk.dataset.version = version;
  walk.replaceChildren();
  if (!person.frames) {
    walk.append(make("span", "", "no silhouettes kept"));
    return;
  }
  const figure = make("i");
  figure.setAttribute("role", "img");
  figure.setAttribute("aria-label", `Silhouettes of ${person.name}`);
  const picture = `url("silhouettes?person=${encodeURIComponent(person.person_id)}&v=${encodeURIComponent(version)}")`;
  figure.style.webkitMaskImage = picture;
  figure.style.maskImage = picture;
  silhouettes.set(figure, person.frames);
  walk.append(figure);
}

let step = 0;
setInterval(() => {
  if (!still.matches) step += 1;
  for (const [figure, frames] of silhouettes) {
    if (!figure.isConnected) silhouettes.delete(figure);
    const place = `-${(step % frames) * figure.clientWidth}px 0`;
    figure.style.webkitMaskPosition = place;
    figure.style.maskPosition = place;
  }
}, 60);

function buildActivity(activity) {
  const card = make("div", "activity");
  const top = make("div", "top");
  const button = make("button", "quiet", "Cancel");
  button.type = "button";
  button.addEventListener("click", () => ask("cancel", { number: activity.number }));
  top.append(make("b"), button);
  const bar = make("div", "bar");
  bar.append(make("i"));
  card.append(top, bar, make("p"));
  return card;
}

function updateActivity(card, activity) {
  const enrols = activity.kind === "enrol";
  const share = activity.wanted ? Math.min(1, activity.gathered / activity.wanted) : 0;
  card.className = `activity ${activity.done ? (activity.well ? "good" : "bad") : ""}`;
  card.querySelector("button").hidden = activity.done || !enrols;
  card.querySelector(".bar").hidden = activity.done || !enrols;
  card.querySelector(".bar i").style.width = `${share * 100}%`;
  const who = `\u2068${activity.who}\u2069`; // isolates: a name of another script does not turn the sentence
  let title = enrols ? `Enrolling ${who}` : `Forgetting ${who}`;
  if (activity.done) title = activity.well ? (enrols ? `${who} is enrolled` : `${who} is forgotten`) : `${who} was not ${enrols ? "enrolled" : "forgotten"}`;
  write(card.querySelector("b"), title);
  const said = [];
  if (activity.done && (!activity.well || !enrols)) said.push(activity.message);
  if (!activity.done && enrols) said.push(activity.wanted ? `${activity.gathered} of ${activity.wanted} walking frames` : "Waiting for somebody who walks");
  if (activity.sides.length) said.push(`from ${activity.sides.join(", ")}`);
  if (activity.advice) said.push(`next: ${activity.advice}`);
  write(card.querySelector("p"), said.join(" · "));
}

async function showState(answer) {
  state = await answer.json();
  document.body.classList.remove("lost");
  const live = state.level === "live";
  level(state.level, live ? "Live" : state.level === "gone" ? "Not running" : "Waiting");
  banner(state.level, live ? "" : state.sentence);
  keep($("nodes"), state.nodes, (node) => node.name, () => make("li"), (item, node) => {
    item.dataset.level = node.level;
    item.title = node.message;
    write(item, node.name.replace(/_node$/, ""));
    item.setAttribute("aria-label", `${node.name}: ${node.message}`);
  });
  write($("viewers"), state.viewers > 1 ? `${state.viewers} people are looking` : "");
  $("stage").classList.toggle("stale", !state.picture);
  $("no-picture").hidden = state.picture;
  const overlay = state.nodes.some((node) => node.name === "overlay_node" && node.level !== "silent");
  write($("no-picture"), live && !overlay ? "overlay_node draws the picture, and is not running" : "No picture at the moment");
  write($("here-count"), state.people.length ? String(state.people.length) : "");
  keep($("people"), state.people, (person) => person.body_id, buildPerson, updatePerson);
  $("nobody").hidden = state.people.length > 0;
  const gallery = state.gallery;
  write($("gallery-count"), gallery.persons.length ? String(gallery.persons.length) : "");
  write($("gallery-path"), gallery.path.startsWith("/") ? gallery.path.split("/").pop() : gallery.path);
  $("gallery-path").title = gallery.path;
  $("gallery-note").hidden = !gallery.note;
  write($("gallery-note"), gallery.note);
  keep($("persons"), gallery.persons, (person) => person.person_id, buildKnown, updateKnown);
  $("no-persons").hidden = gallery.persons.length > 0;
  write($("no-persons"), gallery.known ? "Nobody is enrolled yet. Let somebody walk past, and press Enrol." : "Nobody has said yet who is enrolled: gait_node does.");
  keep($("activities"), state.activities, (activity) => activity.number, buildActivity, updateActivity);
}

// Enrol and forget.

function submits(dialog, error, send) {
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = await send();
    error.hidden = !problem;
    error.textContent = problem;
    if (!problem) dialog.close();
  });
}

let enrolBody = "";
let forgetPerson = "";

function openEnrol(body) {
  enrolBody = body;
  $("enrol-text").textContent = body
    ? `Stores the walk of track ${body} under a name. What was seen of it already counts.`
    : "Waits until one person walks past, and stores that walk under a name.";
  $("enrol-name").value = "";
  $("enrol-error").hidden = true;
  $("enrol-dialog").showModal();
  $("enrol-name").focus();
}

function openForget(person, name) {
  forgetPerson = person;
  $("forget-name").textContent = name;
  $("forget-error").hidden = true;
  $("forget-dialog").showModal();
}

submits($("enrol-dialog"), $("enrol-error"), () => ask("enrol", {
  body_id: enrolBody, name: $("enrol-name").value, extend: $("enrol-extend").checked,
}));
submits($("forget-dialog"), $("forget-error"), () => ask("forget", {
  person_id: forgetPerson, name: $("forget-name").textContent,
}));
$("enrol-next").addEventListener("click", () => openEnrol(""));

follow("state", showState);
follow("picture", showPicture);
