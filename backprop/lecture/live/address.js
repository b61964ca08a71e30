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
    } catch (error) { say("the picture in this address is incomplete"); }
  }
  const label = whole("class", -1);
  state.target = label < about.names.length ? label : -1;
  state.step = whole("step", Infinity);
  state.own = $("own").checked = words.has("own");
  const [row, kind, entry] = (words.get("number") || "").split(".");
  Object.assign(state, { row: -1, entry: -1 });
  if (kind === "value" || kind === "delta") Object.assign(state, { row: Number(row), kind, entry: Number(entry) });
  $("test").value = state.test;
  return whole("story", -1);
}
