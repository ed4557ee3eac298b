"use strict";
/* Numbers, times and elements. Texts of records go in as textContent only. */

const format = new Intl.NumberFormat("en");
const money2 = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const number = (x) => (x === null || x === undefined ? "–" : format.format(x).replace("-", "−"));
const two = (x) => String(x).padStart(2, "0");
const $ = (id) => document.getElementById(id);

function element(name, text, set = {}) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(set)) made.setAttribute(key, value);
  return made;
}

function stamp(ms) {
  const t = new Date(ms);
  const day = `${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())}`;
  return `${day} ${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
}

function span(seconds) {
  for (const [length, name] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = seconds / length;
    if (count >= 1 && Number.isInteger(count)) return count === 1 ? name : `${count} ${name}s`;
  }
  return seconds === 1 ? "second" : `${seconds} seconds`;
}

/* 0, 1, 2, 5 as 0–2, 5 */
function ranges(numbers) {
  const parts = [];
  for (const n of numbers) {
    const last = parts[parts.length - 1];
    if (last && last[1] === n - 1) last[1] = n;
    else parts.push([n, n]);
  }
  return parts.map(([a, b]) => (a === b ? a : b === a + 1 ? `${a}, ${b}` : `${a}–${b}`)).join(", ");
}

/* With the year where the times span more than one, or lie in another than now. */
function day(ms, withYear) {
  return stamp(ms).slice(withYear ? 0 : 5, 10);
}

function clock(ms) {
  return new Date(ms).toTimeString().slice(0, 8);
}
