// The card of one number: what it is made of, its formula, its line of code. All of it comes from the engine.

function element(tag, attributes = {}, ...inner) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...inner);
  return made;
}

function termsTable(told, kind, rows) {
  const factor = told.weights ? "× weight" : "× slope";
  const heads = ["from", kind === "value" ? "its value" : "its delta", factor, "= product"];
  const table = element("table", {}, element("tr", {}, ...heads.map(text => element("th", {}, text))));
  const [row] = told.met.length ? told.met[0] : [null];
  const name = entry => {
    if (row === null) return `entry ${entry}`;
    return (kind === "delta" ? "δ of " : "") + rows[row].symbol + indices(entry, rows[row].shape);
  };
  for (const term of told.terms) {
    const cells = [told.met.length > 1 ? `entry ${term.entry}` : name(term.entry), ...[term.number, term.slope, term.product].map(short)];
    table.append(element("tr", {}, ...cells.map(text => element("td", {}, text))));
  }
  const line = (text, number, className = "") => table.append(element("tr", { class: className },
    element("td", { colspan: 3 }, text), element("td", {}, short(number))));
  if (told.more) line(`${told.more} others`, told.others);
  const largest = Math.max(...told.terms.map(term => Math.abs(term.product)));
  if (told.added !== null && Math.abs(told.added) > 1e-5 * largest) line(kind === "value" ? "added" : "all others", told.added);
  if (told.added !== null) line("total", told.number, "sum");
  return table;
}

function showCard(told, kind, rows) {
  const card = $("card");
  card.className = "chosen";
  card.replaceChildren(element("button", { class: "close", "aria-label": "close", onclick: forgetNumber }, "×"), element("h2", {}, told.name));
  card.append(element("div", { class: "big " + (kind === "delta" ? "orange" : "blue") }, short(told.number)));
  if (told.words === null) {
    card.append(element("p", { class: "hint" }, "This page is frozen: it has the sums for all scores and for the largest numbers of each array. scripts/live.py has them all."));
  } else if (told.words) card.append(element("p", {}, told.words));
  if (told.terms.length) card.append(termsTable(told, kind, rows));
  const page = element("div");
  page.innerHTML = told.formulas + told.code; // the engine's own docstrings and lines, escaped there
  card.append(page);
}

function showFailure(words) {
  $("card").replaceChildren(element("h2", {}, "Not available"), element("p", {}, words));
}
