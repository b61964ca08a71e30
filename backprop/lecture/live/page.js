// The page: what is on the sheet, which class delta comes back from, which step is shown, which number is chosen.

// -- looking: at most one question is on its way; what changed meanwhile is asked next.
let looking = false, again = false, cardDue = 0;
async function look() {
  if (looking) { again = true; return; }
  looking = true;
  do {
    again = false;
    const fields = { pixels: "", drawn: false, test: -1, target: state.target };
    if (state.source === "test") fields.test = state.test;
    else if (state.source === "ink") Object.assign(fields, { drawn: true, pixels: base64(ink) });
    else fields.pixels = base64(state.bytes);
    Object.assign(fields, penAt !== null || learningState.left ? inSight() : { first: 0, last: EVERY });
    const slow = setTimeout(() => say("the kernels of this network are being compiled, once …"), 600);
    try {
      show(await ask("see", fields), fields);
      if (seen.built !== learningState.built) showStatus(await ask("status")); // another page has built this network
    } catch (error) {
      say(error.message);
      const refused = !FROZEN && socket.readyState === WebSocket.OPEN;
      if (refused && state.target >= 0 && seen) { state.target = -1; again = true; } // this network may not have the class
    }
    clearTimeout(slow);
    if (learningState.left && !FROZEN) {
      try { showStatus(await ask("status")); } catch (error) { learningState.left = 0; }
      if (state.entry >= 0 && performance.now() > cardDue) { cardDue = performance.now() + 400; await chooseAgain(); }
      await new Promise(resolve => setTimeout(resolve, 30));
      again = true;
    }
  } while (again);
  looking = false;
  if (state.entry >= 0) chooseAgain();
}

function say(words) { $("about").textContent = words; }

// -- one answer: its arrays are cut out of the numbers, in the order of the rows; those that were not sent stay as they were
const EVERY = 1 << 16;
function show(answer, { first, last }) {
  let at = 0;
  const cut = shape => { const size = shape.reduce((a, b) => a * b, 1); at += size; return answer.numbers.subarray(at - size, at); };
  const rows = answer.rows.map((row, number) => {
    const sent = number >= first && number <= last, before = seen && seen.rows[number];
    const array = (name, shape) => {
      if (!shape) return null;
      if (sent) return cut(shape);
      const size = shape.reduce((a, b) => a * b, 1);
      return before && before[name] && before[name].length === size ? before[name] : new Float32Array(size);
    };
    return { ...row, symbol: row.formula.split(" = ")[0], value: array("value", row.shape),
      back: array("back", row.delta === null ? null : row.shape), looks: array("looks", row.weights) };
  });
  seen = { ...answer, rows };
  if (answer.filters) showFilters(cut(answer.filters), answer.filters);
  else if (answer.filters === null) showFilters(null, null);
  if (state.source !== "ink") {
    const [channels, height, width] = about.image;
    showOnSheet(rows[0].value.map(x => Math.round(255 * x)), channels, height, width);
  }
  $("padhint").hidden = state.source !== "ink" || ink.some(Boolean);
  const what = `${rows.length - 1 - (state.target >= 0)} layers, ${answer.parameters.toLocaleString("en")} parameters, ${answer.steps.toLocaleString("en")} training steps`;
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
  } catch (error) { say("the browser cannot read this image"); }
}
startDrawing(takeInk, () => about && about.draws && !FROZEN);
$("clear").addEventListener("click", () => { state.source = "ink"; clearInk(); look().then(() => describe()); });
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
  if (seen) { showRows(); drawCurve(learningState.losses); }
}
$("theme").addEventListener("click", () => show_theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
addEventListener("resize", () => { if (seen) showRows(); });
$("skip").addEventListener("click", event => { event.preventDefault(); $("way").focus(); });
addEventListener("hashchange", () => { if (FROZEN) return; const story = readAddress(); if (story >= 0 && story < STORIES.length) tell(story, look); else look(); });
show_theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.body.classList.toggle("frozen", Boolean(FROZEN));
if (FROZEN) for (const name of ["clear", "before", "after", "pick", "test"]) $(name).disabled = true;

startLearning(look, describe);
connect(async () => {
  about = await ask("hello");
  $("test").max = about.tests - 1;
  const story = FROZEN || seen ? -1 : readAddress(); // after a reconnection everything stays as it is
  if (FROZEN) Object.assign(state, { test: FROZEN.test, target: FROZEN.target });
  showStatus(about);
  if (story >= 0 && story < STORIES.length) tell(story, look); else look();
}, () => say("the program has ended, or is not there: this page waits for it"));
