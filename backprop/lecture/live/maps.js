// Arrays as pictures: zero is paper, positive numbers are blue (values) or orange (deltas), negative ones grey.

const MOST_MAPS = 32;
const colors = {}; // of the theme, by their names in the style sheet
const palettes = {}; // of values and of deltas: 511 colours, the middle one for 0, as the bytes of a pixel

function parsed(color) { return [1, 3, 5].map(at => parseInt(color.slice(at, at + 2), 16)); }

function readTheme() {
  const style = getComputedStyle(document.documentElement), dark = document.documentElement.dataset.theme === "dark";
  for (const name of ["paper", "ink", "soft", "line", "orange"]) colors[name] = style.getPropertyValue("--" + name).trim();
  const paper = parsed(colors.paper), grey = dark ? [205, 208, 214] : [70, 74, 82];
  const strong = { value: dark ? [120, 190, 255] : [12, 60, 130], delta: dark ? [255, 165, 70] : [190, 80, 0] };
  for (const kind of ["value", "delta"]) {
    palettes[kind] = Uint32Array.from({ length: 511 }, (_, k) => {
      const share = Math.abs(k - 255) / 255, to = k < 255 ? grey : strong[kind];
      const [r, g, b] = paper.map((from, c) => Math.round(from + (to[c] - from) * share));
      return 0xff000000 | b << 16 | g << 8 | r;
    });
  }
}

// The colour of x: the root of its share of the limit, so that a hundredth can still be seen.
function shade(x, limit, palette) {
  if (!(Math.abs(x) < Infinity)) return 0xff0000ff; // red
  const share = limit > 0 ? Math.sqrt(Math.min(Math.abs(x) / limit, 1)) : 0;
  return palette[255 + (x < 0 ? -1 : 1) * Math.round(255 * share)];
}
function css(pixel) { return `rgb(${pixel & 255} ${pixel >> 8 & 255} ${pixel >> 16 & 255})`; }

// How the entries of an array lie in a picture: maps side by side, a matrix, or a vector in rows.
function layout(shape, width) {
  let count = 1, rows = 1, columns = 1;
  if (shape.length >= 3) [rows, columns] = shape.slice(-2), count = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  else if (shape.length === 2) [rows, columns] = shape;
  else if (shape.length === 1) [columns] = shape;
  const vector = shape.length <= 1;
  if (vector) {
    const cell = columns === 1 ? 44 : columns <= 16 ? Math.max(14, Math.min(40, Math.floor(width / columns))) : columns <= 160 ? 11 : columns <= 1000 ? 7 : 4;
    const most = Math.max(1, Math.min(columns, Math.floor(width / cell)));
    const across = columns % 28 === 0 && most >= 28 ? columns === 784 ? 28 : most - most % 28 : most; // rows of MNIST stay rows
    return { vector, cell, across, count: 1, shown: 1, rows: Math.ceil(columns / across), columns, size: columns,
      width: across * cell, height: Math.ceil(columns / across) * cell };
  }
  const shown = Math.min(count, MOST_MAPS), largest = Math.max(rows, columns);
  const wished = count === 1 ? 150 : count === 3 ? 100 : count <= 8 ? 84 : count <= 16 ? 62 : 44;
  let cell = Math.max(1, Math.round(wished / largest));
  while (cell > 1 && columns * cell > width) cell -= 1;
  if (rows === 1 && columns === 1) cell = 14;
  const gap = rows * columns === 1 ? 1 : 4;
  const most = Math.max(1, Math.min(shown, Math.floor((width + gap) / (columns * cell + gap))));
  const down = Math.ceil(shown / most), across = Math.ceil(shown / down);
  return { vector, cell, gap, across, count, shown, rows, columns, size: count * rows * columns,
    width: across * (columns * cell + gap) - gap, height: down * (rows * cell + gap) - gap };
}

// The upper left corner of an entry, null if it is not shown.
function cornerOf(entry, at) {
  if (at.vector) return [entry % at.across * at.cell, Math.floor(entry / at.across) * at.cell];
  const area = at.rows * at.columns, map = Math.floor(entry / area), rest = entry % area;
  if (map >= at.shown) return null;
  const x = map % at.across * (at.columns * at.cell + at.gap), y = Math.floor(map / at.across) * (at.rows * at.cell + at.gap);
  return [x + rest % at.columns * at.cell, y + Math.floor(rest / at.columns) * at.cell];
}

function entryAt(x, y, at) {
  if (x < 0 || y < 0 || x >= at.width || y >= at.height) return -1;
  if (at.vector) {
    const entry = Math.floor(y / at.cell) * at.across + Math.floor(x / at.cell);
    return entry < at.size ? entry : -1;
  }
  const wide = at.columns * at.cell + at.gap, high = at.rows * at.cell + at.gap;
  const map = Math.floor(y / high) * at.across + Math.floor(x / wide);
  const column = Math.floor(x % wide / at.cell), row = Math.floor(y % high / at.cell);
  return map < at.shown && column < at.columns && row < at.rows ? map * at.rows * at.columns + row * at.columns + column : -1;
}

// Draw an array on a canvas as wide as its lane; remembers where what is.
function drawArray(canvas, numbers, shape, kind, limit, width, marks) {
  const at = layout(shape, width), ratio = window.devicePixelRatio || 1;
  if (!canvas.at || canvas.at.width !== at.width || canvas.at.height !== at.height) {
    canvas.style.width = at.width + "px";
    canvas.style.height = at.height + "px";
  }
  canvas.at = at;
  const wide = Math.ceil(at.width * ratio), high = Math.ceil(at.height * ratio);
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (at.vector) drawVector(pen, numbers, at, kind, limit);
  else drawMaps(pen, numbers, shape, at, kind, limit);
  if (marks) drawMarks(pen, at, marks);
}

function drawVector(pen, numbers, at, kind, limit) {
  const frames = new Path2D();
  for (let entry = 0; entry < at.size; entry++) {
    const [x, y] = cornerOf(entry, at), color = shade(numbers[entry], limit, palettes[kind]);
    pen.fillStyle = css(color);
    pen.fillRect(x, y, at.cell - 1, at.cell - 1);
    if (at.cell >= 7) frames.rect(x + 0.25, y + 0.25, at.cell - 1.5, at.cell - 1.5);
    if (at.cell >= 30) writeNumber(pen, numbers[entry], x + at.cell / 2, y + at.cell / 2, color);
  }
  drawFrames(pen, frames);
}

function drawFrames(pen, frames) {
  pen.strokeStyle = colors.line;
  pen.lineWidth = 0.5;
  pen.stroke(frames);
}

// In a cell that is large enough: two digits, in ink or paper, whatever is read better on its colour.
function writeNumber(pen, number, x, y, color) {
  pen.fillStyle = 0.3 * (color & 255) + 0.59 * (color >> 8 & 255) + 0.11 * (color >> 16 & 255) > 140 ? "#000" : "#fff";
  pen.font = "10.5px system-ui, sans-serif";
  pen.textAlign = "center";
  const small = number !== 0 && Math.abs(number) < 1e-3;
  pen.fillText((small ? number.toExponential(0) : String(+number.toPrecision(2))).replaceAll("-", "−").replace(/^(−?)0\./, "$1."), x - 0.5, y + 4);
}

// All maps are drawn pixel by pixel on a small sheet, one below the other, and then each enlarged at its place.
function drawMaps(pen, numbers, shape, at, kind, limit) {
  const area = at.rows * at.columns, palette = palettes[kind];
  const { sheet, image, pixels } = sheetOf(at.rows * at.shown, at.columns), frames = new Path2D();
  for (let k = 0; k < pixels.length; k++) pixels[k] = shade(numbers[k], limit, palette);
  sheet.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  for (let map = 0; map < at.shown; map++) {
    const [x, y] = cornerOf(map * area, at), [wide, high] = [at.columns * at.cell, at.rows * at.cell];
    pen.drawImage(sheet, 0, map * at.rows, at.columns, at.rows, x, y, wide, high);
    frames.rect(x, y, at.columns * at.cell, at.rows * at.cell);
  }
  drawFrames(pen, frames);
}

const sheets = new Map();
function sheetOf(rows, columns) {
  const key = `${rows} x ${columns}`;
  if (!sheets.has(key)) {
    const sheet = document.createElement("canvas"), image = new ImageData(columns, rows);
    sheet.width = columns;
    sheet.height = rows;
    sheets.set(key, { sheet, image, pixels: new Uint32Array(image.data.buffer) });
  }
  return sheets.get(key);
}

// The chosen entry in a thick frame, those that met in it in thin ones.
function drawMarks(pen, at, { met, chosen }) {
  const { ink, paper } = colors;
  const frame = (entry, wide) => {
    const corner = cornerOf(entry, at);
    if (!corner) return;
    for (const [color, width] of [[paper, wide + 1.6], [ink, wide]]) {
      pen.strokeStyle = color;
      pen.lineWidth = width;
      pen.strokeRect(corner[0] + 0.5, corner[1] + 0.5, Math.max(at.cell - 1, 2), Math.max(at.cell - 1, 2));
    }
  };
  for (const entry of met || []) frame(entry, 0.8);
  if (chosen >= 0) frame(chosen, 2);
}

// The scale beside a lane's name: what the colours mean.
function drawScale(canvas, kind, limit) {
  const pen = canvas.getContext("2d"), half = canvas.width / 2;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (let x = 0; x < canvas.width; x++) {
    const share = (x - half) / half, sign = Math.sign(share);
    pen.fillStyle = css(shade(sign * share * share, 1, palettes[kind]));
    pen.fillRect(x, 0, 1, 9);
  }
  pen.fillStyle = colors.soft;
  pen.font = "10px system-ui, sans-serif";
  if (limit === 0) return; // nothing has come back yet
  const texts = limit === null ? ["−most", "0", "¼", "most"] : [short(-limit), "0", short(limit / 4), short(limit)];
  [["left", 0], ["center", 1], ["center", 1.5], ["right", 2]].forEach(([align, at], k) => { // the root of a quarter is half-way
    pen.textAlign = align;
    if (at !== 1.5 || texts[k].length < 6) pen.fillText(texts[k], at * half, 21);
  });
}

// A number in three digits, as a text.
function short(x) {
  if (x === null || x === undefined) return "not finite";
  if (x === 0) return "0";
  const size = Math.abs(x);
  return (size >= 1e5 || size < 1e-3 ? x.toExponential(2) : String(+x.toPrecision(3))).replaceAll("-", "−").replace("e+", "e");
}

// The indices of an entry: [3, 0, 5].
function indices(entry, shape) {
  const found = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) { found.unshift(entry % shape[axis]); entry = Math.floor(entry / shape[axis]); }
  return `[${found.join(", ")}]`;
}
