// The network learns while one looks: the curve, the filters, the table of norms, the editor, and the lecture's stories.

const STORIES = [
  ["64:19 Two biases: the loss stalls at the entropy of the labels, 2.301", `net = models.bias()
optimizer = bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
allow_wrong_classes = True
`, 1000],
  ["65:33 Linear layers help …", deep("", 1), 1000],
  ["66:10 … and activations are what is missing", deep("bp.ReLU()", 1), 1000],
  ["72:39 The trap: 784 scores for 10 classes, refused", `net = models.bias()
`, 0],
  ["Twenty layers with a sigmoid: delta vanishes", deep("bp.Sigmoid()", 20), 1000],
  ["Twenty layers with ReLU and Kaiming initialization: they learn", deep("bp.ReLU()", 20, `for p in net.parameters():
    bp.init.kaiming_normal_(p, nonlinearity="relu")
`).replace("lr=0.05", "lr=0.01"), 1000],
  ["A learning rate that is too large: the loss explodes, then every ReLU is dead", deep("bp.ReLU()", 2).replace("lr=0.05", "lr=5.0"), 300],
];

function deep(activation, layers, initial = "") {
  const sigma = activation ? `    ${activation},\n` : "";
  const hidden = Array.from({ length: layers - 1 }, () => `    bp.Linear(64, 64),\n${sigma}`).join("");
  return `net = bp.Sequential(
    bp.Flatten(),
    bp.Linear(784, 64),
${sigma}${hidden}    bp.Linear(64, 10),
)
${initial}optimizer = bp.SGD(net.parameters(), lr=0.05, momentum=0.9)
batch_size = 64
`;
}

const learningState = { left: 0, steps: 0, losses: [], typed: false };

function showStatus(status) {
  Object.assign(learningState, status);
  const epochs = (status.steps / status.epoch).toFixed(1);
  const last = status.losses.length ? `, loss ${short(status.losses.at(-1)[1])}` : "";
  $("progress").textContent = `${status.steps.toLocaleString("en")} steps, ${epochs} epochs${last}${status.left ? "; learning …" : ""}`;
  $("learn").textContent = status.left ? "Stop" : "Learn";
  if (status.said) $("said").textContent = status.said;
  if (!learningState.typed) $("editor").value = status.text;
  drawCurve(status.losses);
}

// Each step's loss in pale, the mean over some steps centred on each in orange: a mean of the past alone would lag behind.
function drawCurve(losses) {
  const canvas = $("curve"), pen = canvas.getContext("2d");
  const [left, right, top, bottom] = [84, 12, 14, 34], wide = canvas.width - left - right, high = canvas.height - top - bottom;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.font = "20px system-ui, sans-serif";
  pen.fillStyle = pen.strokeStyle = colors.soft;
  if (losses.length < 2) {
    pen.fillText("the loss of each step, once it learns", left, canvas.height / 2);
    return;
  }
  const logs = losses.map(([, L]) => Math.log10(Math.max(L ?? Infinity, 1e-6))).map(x => Math.min(x, 6));
  const low = Math.min(...logs, -0.3), span = Math.max(...logs, 0.5) - low, last = losses.at(-1)[0];
  const x = step => left + step / last * wide, y = log => top + high - (log - low) / span * high;
  pen.textAlign = "right";
  for (let power = Math.floor(low); power <= low + span; power++) {
    for (const digit of span < 1.5 ? [1, 2, 5] : [1]) {
      const log = power + Math.log10(digit);
      if (log < low || log > low + span) continue;
      pen.fillText(power < 0 ? (digit * 10 ** power).toFixed(-power) : String(digit * 10 ** power), left - 8, y(log) + 7);
      pen.globalAlpha = 0.25;
      pen.fillRect(left, y(log), wide, 1);
      pen.globalAlpha = 1;
    }
  }
  pen.fillText(`${last.toLocaleString("en")} steps`, left + wide, canvas.height - 8);
  pen.textAlign = "left";
  pen.fillText("loss, on a log scale; orange: mean", left, canvas.height - 8);
  const line = (points, color, width) => {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach((log, k) => pen.lineTo(x(losses[k][0]), y(log)));
    pen.stroke();
  };
  pen.globalAlpha = 0.35;
  line(logs, colors.soft, 1);
  pen.globalAlpha = 1;
  const reach = Math.max(1, Math.min(25, Math.floor(losses.length / 20)));
  line(logs.map((_, k) => {
    const near = logs.slice(Math.max(0, k - reach), k + reach + 1);
    return near.reduce((a, b) => a + b, 0) / near.length;
  }), colors.orange, 3);
}

function showFilters(numbers, shape) {
  $("filters").hidden = $("filtershead").hidden = !shape;
  if (!shape) return;
  let limit = 0;
  for (const x of numbers) limit = Math.max(limit, Math.abs(x));
  drawArray($("filters"), numbers, shape, "value", limit, $("learning").clientWidth - 8);
}

function showNorms(told) {
  const heads = ["", "norm", "of delta", "of gradient", "dead"];
  const table = element("table", {}, element("tr", {}, ...heads.map(text => element("th", {}, text))));
  for (const row of told.rows) {
    const dead = row.dead === null ? "" : `${Math.round(100 * row.dead)} %`;
    const cells = [row.formula, short(row.norm), row.delta === null ? "" : short(row.delta), row.gradient === null ? "" : short(row.gradient), dead];
    table.append(element("tr", {}, ...cells.map(text => element("td", {}, text))));
  }
  $("norms").replaceChildren(element("p", { class: "hint" }, `${told.images} test images, loss ${short(told.loss)}; ${told.verdict}`), table);
}

async function change(what, fields) {
  try {
    const status = await ask(what, fields);
    $("said").textContent = "";
    if (what === "build") {
      forgetNumber();
      learningState.typed = false;
    }
    showStatus(status);
    return true;
  } catch (error) {
    $("said").textContent = error.message + (what === "build" ? "\nThe network before is kept." : "");
    return false;
  }
}

function startLearning(lookAgain, describe) {
  $("learn").addEventListener("click", async () => {
    await change("train", { steps: learningState.left ? 0 : 10 * learningState.epoch });
    lookAgain();
  });
  $("onestep").addEventListener("click", async () => { await change("train", { steps: 1 }); lookAgain(); });
  $("somesteps").addEventListener("click", async () => { await change("train", { steps: 200 }); lookAgain(); });
  $("explain").addEventListener("click", async () => {
    try { showNorms(await ask("explain")); } catch (error) { $("said").textContent = error.message; }
  });
  $("editor").addEventListener("input", () => { learningState.typed = true; });
  const build = async () => { if (await change("build", { text: $("editor").value })) { $("norms").replaceChildren(); lookAgain(); } };
  $("build").addEventListener("click", build);
  $("editor").addEventListener("keydown", event => { if (event.key === "Enter" && event.ctrlKey) build(); });
  STORIES.forEach(([title], number) => {
    $("stories").append(element("li", {}, element("a", { href: `#story=${number}`, onclick: event => { event.preventDefault(); tell(number, lookAgain); describe({ story: number }); } }, title)));
  });
}

// A story: its network is built, and learns.
async function tell(number, lookAgain) {
  const [, told, steps] = STORIES[number], text = told.replaceAll("784", about.image.reduce((a, b) => a * b, 1));
  $("editor").value = text;
  learningState.typed = true;
  $("norms").replaceChildren();
  $("learning").scrollIntoView({ block: "nearest" });
  if (!await change("build", { text })) return;
  if (steps) await change("train", { steps });
  lookAgain();
}
