// The rows of the page: every array on its way forward and back, the steps between them, and the number one chooses.

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

// The first and the last row in sight: while one draws, or it learns, only their numbers are asked for.
function inSight() {
  const near = [...$("way").children].flatMap((article, number) => outOfSight(article.getBoundingClientRect()) ? [] : [number]);
  return near.length ? { first: near[0], last: near.at(-1) } : { first: 0, last: EVERY };
}

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
  write($("where"), whereabouts(step));
  drawScale($("bluescale"), "value", state.own ? null : limits.value);
  drawScale($("orangescale"), "delta", state.own ? null : limits.delta);
}

// What happens in a step, in words.
function whereabouts(step) {
  const rows = seen.rows;
  if (step < rows.length) return step === 0 ? "forward: the picture" : `forward: ${rows[step].formula}`;
  const number = 2 * rows.length - 1 - step;
  return number === rows.length - 1 ? "backward: ∂L/∂L = 1" : `backward: δ of ${rows[number].symbol}, through ${rows[number + 1].layer.replace(/\(.*/, "")}`;
}

function write(element, text) { if (element.textContent !== text) element.textContent = text; }

function rowElement(row, number) {
  const lane = kind => element("div", {},
    element("canvas", { tabindex: 0, role: "img", "data-row": number, "data-kind": kind, "aria-label": `${kind} of ${row.formula}` }),
    element("p", { class: "norm" }));
  const shown = row.shape.length > 2 && row.shape[0] > MOST_MAPS ? `, the first ${MOST_MAPS} maps` : "";
  const title = element("h3", {}, row.formula.replace("CrossEntropyLoss", "−log softmax"),
    element("small", {}, `${number === 0 ? "the picture" : row.layer} → ${row.shape.join(" × ") || "a number"}${shown}`));
  const heads = row.looks ? [element("p", { class: "norm" }, `the weights of ${row.weights[0]} heads: one row per query`),
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

function forgetNumber() {
  Object.assign(state, { row: -1, entry: -1 });
  met = [];
  $("card").className = "";
  $("card").replaceChildren(element("h2", {}, "Any number"), element("p", { class: "hint" }, "Click a number for its formula, its inputs and its line of code."));
  if (seen) showRows();
  describe();
}

async function chooseAgain() {
  if (!seen) return;
  const { row, kind, entry } = state, shown = seen.rows[row];
  const numbers = shown && (kind === "value" ? shown.value : shown.back);
  if (!numbers || !(entry < numbers.length)) {
    forgetNumber();
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
