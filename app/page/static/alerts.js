"use strict";
/* Alerts as rows that open: a bar for the score, reasons in words, the event and its verdict. */

const ROWS = window.matchMedia("(max-width: 700px)").matches ? 5 : 10, STRONGEST = 3;
/* What moved the score by less than this share of the strongest reason is none to be read. */
const LEAST_SHARE = 0.02;
let alerts = new Map(), opened = new Set();

const plain = (name) => name.replaceAll("_", " ");
const figure = (x) => (Math.abs(x) >= 100 ? number(Math.round(x)) : String(+x.toFixed(2)).replace("-", "−"));

/* The features that riverrun makes of entities and windows have names of a form. */
const WINDOWED = /^(.+?)_(count|mean|ratio|sum|min|max|std|distinct|trend)_?(.*?)_(\d+[smhd])$/;
const KEPT = /^(.+?)_(?:(since)_last|last_(.+)|lag_(.+)_(\d+))$/;

/** A feature's value in words, as far as its name tells what it is. */
function inWords(feature, event) {
  const value = event[feature], known = typeof value === "number";
  const windowed = feature.match(WINDOWED), kept = !windowed && feature.match(KEPT);
  if (windowed) return windowedInWords(windowed, value, known);
  if (kept) return keptInWords(kept, value, known);
  return known ? `${plain(feature)} is ${figure(value)}` : plain(feature);
}

function windowedInWords([, entity, kind, of, length], value, known) {
  const who = whose(entity), during = length.replace("d", " days").replace(/^1 days/, "1 day");
  if (kind === "ratio" && known) return `${figure(value)} times the usual ${plain(of)}${who}`;
  if (kind === "mean" && of === about.label && known && value <= 1) return `share of ${plain(of)}${who} in ${during}: ${percent(value)}`;
  if (kind === "count") return `${known ? figure(value) : "how many"} event${value === 1 ? "" : "s"}${who} in ${during}`;
  if (kind === "distinct") return `${known ? figure(value) : "how many"} different ${plain(of)}${who} in ${during}`;
  return `${kind} ${plain(of)}${who} in ${during}${known ? `: ${figure(value)}` : ""}`;
}

function keptInWords([, entity, since, last, lagged, back], value, known) {
  const who = whose(entity), said = known ? `: ${figure(value)}` : "";
  if (since && value < 0) return `no earlier event${who}`;
  if (since) return `${known ? `${figure(value)} s` : "time"} since the last event${who}`;
  return last ? `the last ${plain(last)}${who}${said}` : `${plain(lagged)}${who} ${back} events ago${said}`;
}

function whose(entity) {
  return entity === "stream" ? "" : ` of this ${plain(entity)}`;
}

function verdict(alert) {
  const said = alert.label, hit = said === true || said === 1 ? true : said === false || said === 0 ? false : null;
  const name = plain((about.label || "positive").replace(/^is_/, ""));
  if (!alert.judged) return element("span", "no label yet", { class: "verdict" });
  if (hit === null) return element("span", String(said), { class: "verdict" });
  const text = hit ? name : name === "fraud" ? "legitimate" : `not ${name}`;
  return element("span", text, { class: "verdict", "data-hit": hit });
}

function scoreBar(alert, highest) {
  const bar = element("span", undefined, { class: "score" });
  const value = alert.score === null ? "–" : alert.score < 0.01 ? alert.score.toPrecision(1) : alert.score.toFixed(3);
  bar.append(element("meter", undefined, { min: 0, max: highest, value: Math.max(0, alert.score ?? 0), "aria-label": "score" }), element("b", value));
  return bar;
}

function reasons(alert, most) {
  const list = element("ul", undefined, { class: "reasons" });
  const least = LEAST_SHARE * Math.abs(alert.reasons[0]?.contribution ?? 0);
  const strong = alert.reasons.filter(({ contribution }) => Math.abs(contribution) >= least);
  for (const { feature, contribution } of strong.slice(0, most)) {
    const up = contribution >= 0;
    list.append(element("li", inWords(feature, alert.event), { "data-up": up, title: `${feature} ${up ? "+" : "−"}${Math.abs(contribution).toFixed(2)}` }));
  }
  return list;
}

function inside_of(alert) {
  const made = element("div", undefined, { class: "inside" });
  const facts = element("dl");
  for (const [name, value] of Object.entries(alert.event)) {
    if (value === alert.time || value * 1000 === alert.time) continue; // it stands above
    const one = element("div");
    one.append(element("dt", name), element("dd", value === null ? "–" : typeof value === "number" ? figure(value) : String(value)));
    facts.append(one);
  }
  const others = [...alerts.values()].filter((other) => alert.entity !== null && other.entity === alert.entity && other.key !== alert.key);
  const told = others.sort((a, b) => b.time - a.time).slice(0, 5).map((other) => `${stamp(other.time)}, score ${figure(other.score)}`);
  made.append(
    element("h3", "Why"), alert.reasons.length ? reasons(alert, 8) : element("p", "No reasons are told; set decisions.reasons.", { class: "quiet" }),
    element("p", `The score from which on this was an alert: ${alert.threshold === null ? "–" : alert.threshold.toPrecision(3)}. With a budget it is low on a calm day.`, { class: "quiet" }),
    element("h3", "Event"), facts,
    element("h3", about.entity ? `Other alerts of this ${plain(about.entity)}` : "Other alerts"), element("p", told.length ? told.join("; ") : "None among the latest.", { class: "quiet" }),
  );
  return made;
}

function alertRow(alert, highest) {
  const row = element("details", undefined, { class: "alert", "data-key": alert.key });
  const head = element("summary");
  const who = element("span", undefined, { class: "who" });
  if (about.entity !== null) who.append(element("b", `${about.entity} ${alert.entity ?? "–"}`));
  else who.append(element("b", String(alert.id ?? "–")));
  who.append(element("time", stamp(alert.time), { class: "quiet", datetime: new Date(alert.time).toISOString() }));
  const money = element("span", alert.amount === null ? "" : money2.format(alert.amount), { class: "money" });
  const judged = element("span", undefined, { class: "judged" });
  judged.append(verdict(alert));
  head.append(who, money, scoreBar(alert, highest), reasons(alert, STRONGEST), judged);
  row.append(head);
  const fill = () => { if (row.open && row.children.length === 1) row.append(inside_of(alert)); };
  row.open = opened.has(alert.key);
  fill();
  row.addEventListener("toggle", () => {
    fill();
    if (row.open) opened.add(alert.key);
    else opened.delete(alert.key);
  });
  return row;
}

function showAlerts(list, rows) {
  const shown = rows.slice(0, ROWS), highest = Math.max(1e-9, ...shown.map((alert) => alert.score ?? 0));
  const state = JSON.stringify([highest, shown.map((alert) => [alert.key, alert.judged])]);
  if (list.dataset.state === state) return;
  list.dataset.state = state;
  const focused = list.contains(document.activeElement) ? document.activeElement.closest(".alert")?.dataset.key : null;
  list.replaceChildren(...shown.map((alert) => alertRow(alert, highest)));
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"] summary`)?.focus();
  list.hidden = rows.length === 0;
  list.nextElementSibling.hidden = rows.length > 0;
}

function showAllAlerts(verdicts) {
  const latest = [...alerts.values()].sort((a, b) => b.time - a.time);
  const judged = [...alerts.values()].filter((alert) => alert.judged).sort((a, b) => b.judged - a.judged);
  showAlerts($("latest"), latest);
  showAlerts($("judged"), judged);
  const kept = new Set([...latest.slice(0, 3 * ROWS), ...judged.slice(0, 3 * ROWS)].map((alert) => alert.key));
  for (const key of alerts.keys()) if (!kept.has(key)) alerts.delete(key);
  const name = plain((about.label || "positive").replace(/^is_/, ""));
  $("verdicts-note").textContent = verdicts.known ? `${number(verdicts.positive)} of the last ${number(verdicts.known)} alerts with a label were ${name}: ${percent(verdicts.positive / verdicts.known)}` : "";
}
