// What the page asks, and what comes back: wire.py has the other half. A frozen page asks nobody.

const $ = id => document.getElementById(id);
const waiting = new Map(); // id of a request -> what to call with its answer
let socket = null, asked = 0;

// An answer: its JSON, and `numbers`, all of its arrays behind one another.
function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { ...facts, numbers: new Float32Array(buffer, 4 + length) };
}

function bytesOf(text) { return Uint8Array.from(atob(text), letter => letter.charCodeAt(0)); }

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

// A promise of the answer; it fails with the engine's own words.
function ask(what, fields = {}) {
  if (FROZEN) return Promise.resolve(fromFrozen(what, fields));
  return new Promise((resolve, reject) => {
    if (!socket || socket.readyState !== WebSocket.OPEN) return reject(new Error("not connected"));
    asked += 1;
    waiting.set(asked, answer => answer.error ? reject(new Error(answer.error)) : resolve(answer));
    socket.send(JSON.stringify({ do: what, id: asked, ...fields }));
  });
}

function fromFrozen(what, { row, kind, entry }) {
  if (what === "hello") return FROZEN.hello;
  if (what === "see") return unpacked(bytesOf(FROZEN.see).buffer);
  const [formulas, code] = FROZEN.pages[row][kind === "value" ? 0 : 1];
  const told = FROZEN.accounts[`${row} ${kind} ${entry}`];
  return { ...(told || { words: null, terms: [], met: [] }), formulas, code };
}

// Connect, and connect again after the program was stopped and started.
function connect(ready, gone) {
  if (FROZEN) return ready();
  const place = location.origin.replace(/^http/, "ws") + "/socket" + location.search;
  socket = new WebSocket(place);
  socket.binaryType = "arraybuffer";
  socket.onopen = ready;
  socket.onmessage = message => {
    const answer = unpacked(message.data), resolve = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (resolve) resolve(answer);
  };
  socket.onclose = () => {
    for (const resolve of waiting.values()) resolve({ error: "the connection was lost" });
    waiting.clear();
    gone();
    setTimeout(() => connect(ready, gone), 1500);
  };
}
