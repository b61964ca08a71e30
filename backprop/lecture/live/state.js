"use strict";
// What the page knows: what was chosen on it, what the engine said of itself, and its last answer.

const state = { source: "test", test: 0, bytes: null, target: -1, step: Infinity, row: -1, kind: "value", entry: -1, own: false };
let about = null, seen = null, met = [], drawnRows = [];
