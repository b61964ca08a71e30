// The page: what is on the sheet, which class delta comes back from, which step is shown, which number is chosen.

const state = { source: "test", test: 0, bytes: null, target: -1, step: Infinity, row: -1, kind: "value", entry: -1, own: false };
let about = null, seen = null, met = [], drawnRows = [];

// -- looking: at most one question is on its way; what changed meanwhile is asked next.
let looking = false, again = false;
async function look() {
  if (looking) { again = true; return; }
  looking = true;
  do {
    again = false;
    const fields = { pixels: "", drawn: false, test: -1, target: state.target };
    if (state.source === "test") fields.test = state.test;
    else if (state.source === "ink") Object.assign(fields, { drawn: true, pixels: base64(ink) });
    else fields.pixels = base64(state.bytes);
    const slow = setTimeout(() => say("the kernels of this network are being compiled, once …"), 600);
    try { show(await ask("see", fields)); } catch (error) { say(error.message); }
    clearTimeout(slow);
    if (learningState.left && !FROZEN) {
      try { showStatus(await ask("status")); } catch (error) { learningState.left = 0; }
      await new Promise(resolve => setTimeout(resolve, 30));
      again = true;
    }
  } while (again);
  looking = false;
  if (state.entry >= 0) chooseAgain();
}

function say(words) { $("about").textContent = words; }

// -- one answer: its arrays are cut out of the numbers, in the order of the rows
function show(answer) {
  let at = 0;
  const cut = shape => { const size = shape.reduce((a, b) => a * b, 1); at += size; return answer.numbers.subarray(at - size, at); };
  const rows = answer.rows.map(row => ({
    ...row, symbol: row.formula.split(" = ")[0], value: cut(row.shape), back: row.delta === null ? null : cut(row.shape),
    looks: row.weights && cut(row.weights),
  }));
  seen = { ...answer, rows };
  if (answer.filters) showFilters(cut(answer.filters), answer.filters);
  else if (!FROZEN) showFilters(null, null);
  if (state.source !== "ink") {
    const [channels, height, width] = about.image;
    showOnSheet(rows[0].value.map(x => Math.round(255 * x)), channels, height, width);
  }
  $("padhint").hidden = state.source !== "ink" || ink.some(Boolean);
  const what = `${rows.length - 1 - (state.target >= 0)} layers, ${answer.parameters.toLocaleString("en")} parameters, ${answer.steps.toLocaleString("en")} steps learned`;
  say(FROZEN ? `frozen: ${what}` : what);
  showScores();
  showRows();
}

function showScores() {
  const box = $("scores"), names = about.names;
  if (box.children.length !== names.length) {
    box.replaceChildren(...names.map((name, label) => element("button", { onclick: () => target(label) },
      element("span", { class: "name" }, name), element("span", { class: "bar" }, element("i")), element("span", { class: "share" }))));
  }
  [...box.children].forEach((button, label) => {
    const share = seen.shares[label] ?? 0;
    button.querySelector("i").style.width = `${100 * share}%`;
    button.querySelector(".share").textContent = share >= 0.0005 ? `${(100 * share).toFixed(1)} %` : "0 %";
    button.setAttribute("aria-pressed", label === state.target);
    button.className = label === seen.label ? "label" : "";
    button.title = (label === seen.label ? "the true label; " : "") + "delta of this class";
  });
}

function target(label) {
  state.target = FROZEN ? state.target : label === state.target ? -1 : label;
  if (state.target >= 0) state.step = Infinity;
  describe();
  look();
}

// -- the rows: one canvas for the values, one for the deltas; what is out of sight is drawn when nothing else happens
const FAR = 300; // pixels out of sight
let resting = 0;
const outOfSight = box => box.bottom < -FAR || box.top > innerHeight + FAR;
function showRows() {
  drawRows(article => article.drawn && outOfSight(article.getBoundingClientRect()));
  clearTimeout(resting);
  resting = setTimeout(() => drawRows(() => false), 250);
}
addEventListener("scroll", () => { if (seen) requestAnimationFrame(showRows); }, { passive: true });

function drawRows(skips) {
  const way = $("way"), rows = seen.rows;
  if (drawnRows.join() !== rows.map(row => row.path + row.layer).join()) {
    drawnRows = rows.map(row => row.path + row.layer);
    way.replaceChildren(...rows.map(rowElement));
  }
  const most = steps();
  const step = Math.min(state.step, most);
  $("step").max = most;
  $("step").value = step;
  const limits = { value: largest("value"), delta: largest("back") };
  const width = Math.max(120, (way.clientWidth - 16) / 2);
  const skipped = [...way.children].map(skips); // all are measured before the first is changed
  rows.forEach((row, number) => {
    const article = way.children[number];
    const [forward, backward] = article.querySelectorAll(".pair > div");
    const back = row.back !== null && step >= rows.length + (rows.length - 1 - number);
    forward.classList.toggle("later", step < number);
    backward.classList.toggle("later", !back);
    article.classList.toggle("now", step < rows.length ? step === number : step - rows.length === rows.length - 1 - number);
    article.classList.toggle("back", step >= rows.length);
    if (skipped[number]) return;
    article.drawn = true;
    draw(forward, row.value, row, "value", state.own ? limitOf(row.value) : limits.value, width, number);
    if (row.back) draw(backward, row.back, row, "delta", state.own ? limitOf(row.back) : limits.delta, width, number);
    backward.querySelector("canvas").hidden = !row.back;
    if (row.looks) drawArray(article.querySelector(".heads"), row.looks, row.weights, "value", limitOf(row.looks), 2 * width);
    write(forward.querySelector(".norm"), `norm ${short(row.norm)}${unitsOff(row)}`);
    write(backward.querySelector(".norm"), row.back ? `norm of delta ${short(row.delta)}` : "");
  });
  drawScale($("bluescale"), "value", state.own ? null : limits.value);
  drawScale($("orangescale"), "delta", state.own ? null : limits.delta);
}

function write(element, text) { if (element.textContent !== text) element.textContent = text; }

function rowElement(row, number) {
  const lane = kind => element("div", {},
    element("canvas", { tabindex: 0, role: "img", "data-row": number, "data-kind": kind, "aria-label": `${kind} of ${row.formula}` }),
    element("p", { class: "norm" }));
  const shown = row.shape.length > 2 && row.shape[0] > MOST_MAPS ? `, the first ${MOST_MAPS} maps` : "";
  const title = element("h3", {}, row.formula.replace("CrossEntropyLoss", "−log softmax"),
    element("small", {}, `${number === 0 ? "the picture" : row.layer} → ${row.shape.join(" × ") || "a number"}${shown}`));
  const heads = row.looks ? [element("p", { class: "norm" }, `what each of ${row.weights[0]} heads looks at: a row for each place that looks`),
    element("canvas", { class: "heads", role: "img", "aria-label": "the weights of each head" })] : [];
  return element("article", { class: "row" }, title, element("div", { class: "pair" }, lane("value"), lane("delta")), ...heads);
}

function draw(lane, numbers, row, kind, limit, width, number) {
  const found = met.find(([where, what]) => where === number && what === kind);
  const chosen = state.row === number && state.kind === kind ? state.entry : -1;
  drawArray(lane.querySelector("canvas"), numbers, row.shape, kind, limit, width, { met: found && found[2], chosen });
}

function limitOf(numbers) {
  let most = 0;
  for (const x of numbers) if (Number.isFinite(x)) most = Math.max(most, Math.abs(x));
  return most;
}

// The largest of all arrays, without the loss: it is no array of the network, and its delta is 1.
function largest(name) {
  return Math.max(0, ...seen.rows.filter(row => row.symbol !== "L" && row[name]).map(row => limitOf(row[name])));
}

// What an activation has switched off: nothing comes back through it.
function unitsOff(row) {
  if (!/^(ReLU|ReLU6|Hardtanh)\(/.test(row.layer)) return "";
  let off = 0;
  for (const x of row.value) off += x === 0;
  return `; ${off.toLocaleString("en")} of ${row.value.length.toLocaleString("en")} are off`;
}

// -- steps: forward row by row, then backward
function steps() { return seen ? (state.target >= 0 ? 2 * seen.rows.length - 1 : seen.rows.length - 1) : 0; }
function goto(step) {
  state.step = Math.max(0, Math.min(step, steps()));
  showRows();
  const now = document.querySelector(".row.now");
  if (now) now.scrollIntoView({ block: "nearest", behavior: "instant" });
  describe();
}
const current = () => Math.min(state.step, steps());
let playing = null;
function play() {
  if (playing) { clearInterval(playing); playing = null; $("play").textContent = "Play"; return; }
  if (current() >= steps()) goto(0);
  $("play").textContent = "Pause";
  playing = setInterval(() => { if (current() >= steps()) play(); else goto(current() + 1); }, 1000 / $("speed").value);
}

// -- one number
async function choose(row, kind, entry) {
  if (entry < 0) return;
  Object.assign(state, { row, kind, entry });
  describe();
  await chooseAgain();
}

async function chooseAgain() {
  const { row, kind, entry } = state, shown = seen.rows[row];
  const numbers = shown && (kind === "value" ? shown.value : shown.back);
  if (!numbers || !(entry < numbers.length)) {
    Object.assign(state, { row: -1, entry: -1 });
    met = [];
    showRows();
    return;
  }
  try {
    const told = await ask("ask", { row, kind, entry });
    met = told.met;
    told.name ??= (kind === "delta" ? "δ of " : "") + shown.symbol + indices(entry, shown.shape);
    told.number ??= numbers[entry];
    showCard(told, kind, seen.rows);
    showRows();
  } catch (error) { showFailure(error.message); }
}

function pointing(event) {
  const canvas = event.target.closest("#way canvas");
  if (!canvas || !canvas.at) return null;
  const box = canvas.getBoundingClientRect();
  const entry = entryAt((event.clientX - box.left) / box.width * canvas.at.width, (event.clientY - box.top) / box.height * canvas.at.height, canvas.at);
  return { canvas, row: Number(canvas.dataset.row), kind: canvas.dataset.kind, entry };
}

$("way").addEventListener("click", event => { const at = pointing(event); if (at) choose(at.row, at.kind, at.entry); });
$("way").addEventListener("pointermove", event => {
  const at = pointing(event), tip = $("tip");
  tip.hidden = !at || at.entry < 0;
  if (tip.hidden) return;
  const row = seen.rows[at.row], numbers = at.kind === "value" ? row.value : row.back;
  tip.textContent = `${at.kind === "delta" ? "δ of " : ""}${row.symbol}${indices(at.entry, row.shape)} = ${short(numbers[at.entry])}`;
  tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 200)}px`;
  tip.style.top = `${event.clientY + 16}px`;
});
$("way").addEventListener("pointerleave", () => { $("tip").hidden = true; });
$("way").addEventListener("keydown", event => {
  const canvas = event.target.closest("canvas");
  if (!canvas || !canvas.at) return;
  const at = canvas.at, here = state.row === Number(canvas.dataset.row) && state.kind === canvas.dataset.kind ? state.entry : 0;
  const down = at.vector ? at.across : at.columns;
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -down, ArrowDown: down, Enter: 0 };
  if (!(event.key in moves)) return;
  event.preventDefault();
  event.stopPropagation();
  choose(Number(canvas.dataset.row), canvas.dataset.kind, Math.max(0, Math.min(at.size - 1, here + moves[event.key])));
});

// -- the address: a link to it shows the same
function describe(more = {}) {
  if (FROZEN) return;
  const words = new URLSearchParams();
  if (state.source === "test") words.set("test", state.test);
  if (state.source === "ink" && seen) words.set("picture", packed(seen.rows[0].value.map(x => Math.round(255 * x))));
  if (state.source === "picture") words.set("picture", packed(state.bytes));
  if (state.target >= 0) words.set("class", state.target);
  if (current() < steps()) words.set("step", current());
  if (state.entry >= 0) words.set("number", `${state.row}.${state.kind}.${state.entry}`);
  if (state.own) words.set("own", 1);
  if ("story" in more) words.set("story", more.story);
  history.replaceState(null, "", `${location.pathname}${location.search}#${words}`);
}

// Bytes as letters, runs of zeros as two bytes.
function packed(bytes) {
  const out = [];
  for (let k = 0; k < bytes.length; k++) {
    let run = 0;
    while (bytes[k + run] === 0 && run < 255 && k + run < bytes.length) run += 1;
    if (run) { out.push(0, run); k += run - 1; } else out.push(bytes[k]);
  }
  return base64(Uint8Array.from(out)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
function unpackedBytes(text) {
  const bytes = bytesOf(text.replaceAll("-", "+").replaceAll("_", "/")), out = [];
  for (let k = 0; k < bytes.length && out.length <= 1 << 16; k++) {
    if (bytes[k] === 0) { for (let run = bytes[++k] || 0; run; run--) out.push(0); } else out.push(bytes[k]);
  }
  return Uint8Array.from(out);
}

function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1)), whole = (name, or) => words.has(name) && /^\d+$/.test(words.get(name)) ? Number(words.get(name)) : or;
  state.source = "test";
  state.test = Math.min(whole("test", state.test), about.tests - 1);
  if (words.has("picture")) {
    try {
      const bytes = unpackedBytes(words.get("picture"));
      if (bytes.length === about.image.reduce((a, b) => a * b, 1)) Object.assign(state, { source: "picture", bytes });
    } catch (error) { say("the picture in this address is not whole"); }
  }
  const label = whole("class", -1);
  state.target = label < about.names.length ? label : -1;
  state.step = whole("step", Infinity);
  state.own = $("own").checked = words.has("own");
  const [row, kind, entry] = (words.get("number") || "").split(".");
  if (kind === "value" || kind === "delta") Object.assign(state, { row: Number(row), kind, entry: Number(entry) });
  $("test").value = state.test;
  return whole("story", -1);
}

// -- the sheet, the buttons, the keys
function takeTest(number) {
  Object.assign(state, { source: "test", test: Math.max(0, Math.min(about.tests - 1, number || 0)) });
  $("test").value = state.test;
  describe();
  look();
}
let describing = 0;
function takeInk(what) {
  if (FROZEN || !about.draws) return;
  if (what === "focus" || what === "blur") { if (state.source === "ink") showInk(); return; }
  if (state.source !== "ink") { state.source = "ink"; clearInk(); }
  if (what === "ink") {
    look();
    clearTimeout(describing);
    describing = setTimeout(describe, 400); // an address for each movement would be too many
  }
}
async function takePicture(file) {
  try {
    state.bytes = await pictureOf(file, about.image);
    state.source = "picture";
    describe();
    look();
  } catch (error) { say("this file is no picture that the browser can read"); }
}
startDrawing(takeInk, () => about && about.draws && !FROZEN);
$("clear").addEventListener("click", () => { state.source = "ink"; clearInk(); describe(); look(); });
$("test").addEventListener("change", () => takeTest(Number($("test").value)));
$("before").addEventListener("click", () => takeTest(state.test - 1));
$("after").addEventListener("click", () => takeTest(state.test + 1));
$("pick").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => { if ($("file").files[0]) takePicture($("file").files[0]); });
addEventListener("dragover", event => event.preventDefault());
addEventListener("drop", event => { event.preventDefault(); if (!FROZEN && event.dataTransfer.files[0]) takePicture(event.dataTransfer.files[0]); });
$("first").addEventListener("click", () => goto(0));
$("back").addEventListener("click", () => goto(current() - 1));
$("forth").addEventListener("click", () => goto(current() + 1));
$("last").addEventListener("click", () => goto(Infinity));
$("play").addEventListener("click", play);
$("speed").addEventListener("change", () => { if (playing) { play(); play(); } });
$("step").addEventListener("input", () => goto(Number($("step").value)));
function ownScales(own) { state.own = $("own").checked = own; showRows(); describe(); }
$("own").addEventListener("change", () => ownScales($("own").checked));

const KEYS = {
  ArrowLeft: ["← →", "a step back, a step on", () => goto(current() - 1)], ArrowRight: ["", "", () => goto(current() + 1)],
  " ": ["space", "play, pause", play], Home: ["Home End", "to the picture, to the end", () => goto(0)], End: ["", "", () => goto(Infinity)],
  ",": [", .", "another test image", () => takeTest(state.test - 1)], ".": ["", "", () => takeTest(state.test + 1)],
  c: ["c", "clear", () => $("clear").click()], s: ["s", "own scales", () => ownScales(!state.own)],
  l: ["l", "learn, stop", () => $("learn").click()], e: ["e", "norms", () => $("explain").click()], t: ["t", "light or dark", () => $("theme").click()],
};
$("keys").textContent = "Keys: 0 – 9 delta of that class; " + Object.values(KEYS).filter(([key]) => key).map(([key, what]) => `${key} ${what}`).join("; ");
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || !seen || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  if (/^\d$/.test(event.key) && Number(event.key) < about.names.length) target(Number(event.key));
  else if (event.key in KEYS) { event.preventDefault(); KEYS[event.key][2](); }
});

function show_theme(name) {
  document.documentElement.dataset.theme = name;
  readTheme();
  if (seen) { showRows(); showStatusAgain(); }
}
function showStatusAgain() { drawCurve(learningState.losses); }
$("theme").addEventListener("click", () => show_theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
addEventListener("resize", () => { if (seen) showRows(); });
addEventListener("hashchange", () => { const story = readAddress(); if (story >= 0 && story < STORIES.length) tell(story, look); else look(); });
show_theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.body.classList.toggle("frozen", Boolean(FROZEN));
if (FROZEN) for (const name of ["clear", "before", "after", "pick", "test"]) $(name).disabled = true;

startLearning(look, describe);
connect(async () => {
  about = await ask("hello");
  $("test").max = about.tests - 1;
  const story = FROZEN ? -1 : readAddress();
  if (FROZEN) Object.assign(state, { test: FROZEN.test, target: FROZEN.target });
  showStatus(about);
  if (story >= 0 && story < STORIES.length) tell(story, look); else look();
}, () => say("the program has ended, or is not there: this page waits for it"));
