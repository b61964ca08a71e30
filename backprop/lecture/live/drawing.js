// The sheet: ink drawn by mouse, pen, finger or keys; or a test image; or a picture of one's own.

const INK = 112; // the sheet's own pixels along a side; the engine makes the network's image of it
const pad = $("pad");
const ink = new Uint8Array(INK * INK);
let penAt = null, keyPen = [INK / 2, INK / 2], keyDown = false, changed = () => {};

// A round pen of soft edge, from where it was to where it is.
function stroke(from, to) {
  const radius = INK / 22, steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let step = 0; step <= steps; step++) {
    const x = from[0] + (to[0] - from[0]) * step / steps, y = from[1] + (to[1] - from[1]) * step / steps;
    for (let row = Math.max(0, Math.floor(y - radius - 1)); row <= Math.min(INK - 1, y + radius + 1); row++) {
      for (let column = Math.max(0, Math.floor(x - radius - 1)); column <= Math.min(INK - 1, x + radius + 1); column++) {
        const dark = 255 * Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(column - x, row - y)));
        ink[row * INK + column] = Math.max(ink[row * INK + column], dark);
      }
    }
  }
}

function place(event) {
  const box = pad.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * INK, (event.clientY - box.top) / box.height * INK];
}

// The sheet shows grey bytes (side x side), or colours (3, side, side).
function showOnSheet(bytes, channels, height, width) {
  const image = new ImageData(width, height), area = height * width;
  for (let k = 0; k < area; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = bytes[channels === 3 ? c * area + k : k];
    image.data[4 * k + 3] = 255;
  }
  const sheet = document.createElement("canvas");
  sheet.width = width;
  sheet.height = height;
  sheet.getContext("2d").putImageData(image, 0, 0);
  const pen = pad.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(sheet, 0, 0, pad.width, pad.height);
}

function showInk() {
  showOnSheet(ink, 1, INK, INK);
  if (document.activeElement === pad && penAt === null) {
    const pen = pad.getContext("2d"), scale = pad.width / INK;
    pen.strokeStyle = keyDown ? "#ffb060" : "#7fb4f0";
    pen.lineWidth = 2;
    pen.strokeRect((keyPen[0] - 4) * scale, (keyPen[1] - 4) * scale, 8 * scale, 8 * scale);
  }
}

function clearInk() {
  ink.fill(0);
  showInk();
}

function startDrawing(onChange, mayDraw) {
  changed = onChange;
  pad.addEventListener("pointerdown", event => {
    if (!mayDraw()) return;
    event.preventDefault();
    pad.focus({ preventScroll: true });
    pad.setPointerCapture(event.pointerId);
    penAt = place(event);
    changed("begin");
    stroke(penAt, penAt);
    showInk();
    changed("ink");
  });
  pad.addEventListener("pointermove", event => {
    if (penAt === null) return;
    for (const one of event.getCoalescedEvents ? [...event.getCoalescedEvents(), event] : [event]) {
      const next = place(one);
      stroke(penAt, next);
      penAt = next;
    }
    showInk();
    changed("ink");
  });
  for (const end of ["pointerup", "pointercancel"]) {
    pad.addEventListener(end, () => {
      if (penAt === null) return;
      penAt = null;
      changed("ink"); // now with the numbers that are out of sight
    });
  }
  pad.addEventListener("keydown", event => {
    const moves = { ArrowLeft: [-3, 0], ArrowRight: [3, 0], ArrowUp: [0, -3], ArrowDown: [0, 3] };
    if (!mayDraw() || !(event.key in moves || event.key === " ")) return;
    event.preventDefault();
    event.stopPropagation();
    changed("begin");
    if (event.key === " ") keyDown = !keyDown;
    const [x, y] = moves[event.key] || [0, 0];
    const next = [keyPen[0] + x, keyPen[1] + y].map(at => Math.max(4, Math.min(INK - 4, at)));
    if (keyDown) stroke(keyPen, next);
    keyPen = next;
    showInk();
    if (keyDown) changed("ink");
  });
  for (const name of ["focus", "blur"]) pad.addEventListener(name, () => changed(name));
}

// A picture file as bytes of the network's size, (C, H, W): scaled to fit, grey if the network's are. Ink on white paper becomes bright on black.
async function pictureOf(file, [channels, height, width]) {
  const picture = await createImageBitmap(file), sheet = document.createElement("canvas");
  sheet.width = width;
  sheet.height = height;
  const pen = sheet.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  const scale = Math.min(width / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  pen.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
  const pixels = pen.getImageData(0, 0, width, height).data, area = height * width;
  const bytes = new Uint8Array(channels * area);
  for (let k = 0; k < area; k++) {
    const [r, g, b] = pixels.subarray(4 * k, 4 * k + 3);
    if (channels === 3) [r, g, b].forEach((value, c) => { bytes[c * area + k] = value; });
    else bytes[k] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  }
  const mean = bytes.reduce((a, b) => a + b, 0) / bytes.length;
  return channels === 1 && mean > 127 ? bytes.map(value => 255 - value) : bytes;
}
