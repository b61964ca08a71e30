"use strict";
const root = document.documentElement;
const search = document.getElementById("search");
const found = document.getElementById("found");
const nav = document.getElementById("timeline");
const menu = document.getElementById("menu");
const moments = [...document.querySelectorAll("section.moment")];
const stops = [...document.querySelectorAll("section.moment, article.formula")];

// The theme is the system's until the reader chooses; the choice is kept where the browser allows it.
function keep(theme) { try { localStorage.setItem("theme", theme); } catch (refused) { /* a page from a file may not */ } }
function kept() { try { return localStorage.getItem("theme"); } catch (refused) { return null; } }
const system = matchMedia("(prefers-color-scheme: dark)");
const show = theme => { root.dataset.theme = theme; };
show(kept() || (system.matches ? "dark" : "light"));
system.addEventListener("change", () => { if (!kept()) show(system.matches ? "dark" : "light"); });
function toggleTheme() {
  const theme = root.dataset.theme === "dark" ? "light" : "dark";
  show(theme);
  keep(theme);
}
document.getElementById("theme").addEventListener("click", toggleTheme);

// Searching hides what does not have all the words. "5" or "(5)" finds that formula alone; a moment shows with its formulas.
function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const number = words.length === 1 && words[0].match(/^\(?(\d{1,2}[sl]?)\)?$/);
  const has = element => number
    ? element.id === "f-" + number[1]
    : words.every(word => element.textContent.toLowerCase().includes(word));
  let count = 0;
  for (const moment of moments) {
    const articles = [...moment.querySelectorAll("article.formula")];
    const own = !number && words.every(word => introduction(moment).includes(word));
    const hits = articles.map(article => own || has(article));
    articles.forEach((article, place) => { article.hidden = !hits[place]; });
    moment.hidden = !(own || hits.some(Boolean));
    for (const item of nav.querySelectorAll(`[data-for="${moment.id}"]`)) item.hidden = moment.hidden;
    count += moment.hidden ? 0 : 1;
  }
  found.textContent = words.length ? `${count} of ${moments.length}` : "";
}
function introduction(moment) {
  return [...moment.children].filter(child => child.tagName !== "ARTICLE")
    .map(child => child.textContent).join(" ").toLowerCase();
}
search.addEventListener("input", find);

// The keys. "Here" is the last stop whose head has passed the top of the window.
const visible = () => stops.filter(stop => stop.offsetParent !== null);
function here() {
  const edge = document.querySelector("header").offsetHeight + 24;
  return visible().filter(stop => stop.getBoundingClientRect().top <= edge).length - 1;
}
function go(step) {
  const all = visible();
  const next = all[Math.max(0, Math.min(all.length - 1, here() + step))];
  if (next) {
    next.scrollIntoView({ behavior: "instant" });
    next.focus({ preventScroll: true });
  }
}
function close() {
  nav.classList.remove("open");
  menu.setAttribute("aria-expanded", "false");
}
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    search.value = "";
    find();
    search.blur();
    close();
  }
  if (event.target === search) return;
  if (event.key === "/") { event.preventDefault(); search.focus(); }
  if (event.key === "j") go(1);
  if (event.key === "k") go(-1);
  if (event.key === "t") toggleTheme();
});

// On a narrow screen the timeline is behind a button.
menu.addEventListener("click", () => {
  root.style.setProperty("--top", document.querySelector("header").offsetHeight + "px");
  menu.setAttribute("aria-expanded", String(nav.classList.toggle("open")));
});
nav.addEventListener("click", event => { if (event.target.closest("a")) close(); });

// A link to what the search hides shows everything again first.
addEventListener("hashchange", () => {
  const target = document.getElementById(location.hash.slice(1));
  if (target && target.offsetParent === null) { search.value = ""; find(); target.scrollIntoView(); }
});

// The timeline follows the reader.
let waiting = false;
function follow() {
  waiting = false;
  const stop = visible()[Math.max(0, here())];
  const moment = stop && stop.closest("section.moment");
  for (const item of nav.querySelectorAll("li")) {
    const is = moment && item.dataset.for === moment.id;
    if (is && !item.classList.contains("here") && getComputedStyle(nav).position === "fixed") {
      const box = item.getBoundingClientRect(), frame = nav.getBoundingClientRect();
      if (box.top < frame.top || box.bottom > frame.bottom) nav.scrollTop += box.top - frame.top - frame.height / 3;
    }
    item.classList.toggle("here", Boolean(is));
    item.firstElementChild.toggleAttribute("aria-current", Boolean(is));
  }
}
addEventListener("scroll", () => { if (!waiting) { waiting = true; requestAnimationFrame(follow); } });
follow();

// On paper nothing can be opened.
addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });

// Pictures: whatever one points at, or reaches with Tab, lights up what met in it, and says it. A slider visits cells.
for (const picture of document.querySelectorAll("figure.picture")) {
  const cells = [...picture.querySelectorAll(".cell")], said = picture.querySelector("output");
  const light = cell => {
    for (const other of cells) other.classList.remove("met", "chosen");
    cell.classList.add("chosen");
    for (const id of cell.dataset.met.split(" ").filter(Boolean)) document.getElementById(id).classList.add("met");
    said.textContent = cell.dataset.said;
  };
  for (const kind of ["pointerover", "focusin"]) {
    picture.addEventListener(kind, event => {
      const cell = event.target.closest(".cell");
      if (cell) light(cell);
    });
  }
  for (const slider of picture.querySelectorAll(".tour input")) {
    const ids = slider.dataset.tour.split(" ");
    slider.addEventListener("input", () => {
      const step = Number(slider.value);
      if ("hides" in slider.dataset) ids.forEach((id, k) => document.getElementById(id).classList.toggle("later", k > step));
      light(document.getElementById(ids[step]));
    });
  }
}
