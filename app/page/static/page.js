"use strict";
/* Fills the page from the worker's stream. Texts of records go in as textContent only. */

const RIVALS = ["model", "frozen", "rule"];
const NAMES = { model: "model", frozen: "frozen model", rule: "hand rule" };
const DASH = { model: [], frozen: [7, 4], rule: [2, 3] };
const share = (x) => x.toFixed(3);
const FIGURES = [
  ["average_precision", "Average precision", share],
  ["roc_auc", "ROC AUC", share],
  ["card_precision_at_k", "Card precision at k", share],
  ["precision_at_k", "Precision at k", share],
  ["saved", "Money saved", (x) => number(Math.round(x))],
  ["accuracy", "Accuracy", share],
  ["macro_f1", "Macro F1", share],
  ["mae", "Mean absolute error", (x) => x.toPrecision(3)],
  ["rmse", "Root mean squared error", (x) => x.toPrecision(3)],
];
const MAX_WINDOWS = 200, MAX_RATES = 300, ROWS = 10, TABLE_ROWS = 14, STALE_MS = 15000;

const format = new Intl.NumberFormat("en");
const money2 = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const number = (x) => (x === null || x === undefined ? "–" : format.format(x).replace("-", "−"));
const two = (x) => String(x).padStart(2, "0");
const $ = (id) => document.getElementById(id);

let about = {}, windows = new Map(), alerts = new Map(), rates = [], news = 0;
const charts = new Map();

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

function status(state, text) {
  if ($("status").textContent === text) return;
  $("status").dataset.state = state;
  $("status").textContent = text;
}

/* Counts */

function tiles(list, pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined);
  while (list.children.length > shown.length) list.lastChild.remove();
  shown.forEach(([name, value], i) => {
    if (!list.children[i]) {
      const tile = list.appendChild(element("div"));
      tile.append(element("dt"), element("dd"));
    }
    const [term, said] = list.children[i].children;
    if (term.textContent !== name) term.textContent = name;
    if (said.textContent !== value) said.textContent = value;
  });
}

function showCounts(said) {
  const known = (value) => (value === undefined ? undefined : number(value));
  if (said.topics) {
    const last = rates.slice(-5).map(([, rate]) => rate);
    const mean = last.length ? last.reduce((a, b) => a + b) / last.length : null;
    tiles($("pipeline-counts"), [
      ["events/s, all workers", mean === null ? "–" : number(mean < 10 ? +mean.toFixed(1) : Math.round(mean))],
      ...said.topics.map((t, i) => [`${i ? "labels" : "events"} to be read, of ${t.partitions} partition${t.partitions === 1 ? "" : "s"}`, number(t.lag)]),
    ]);
  }
  const worker = said.worker;
  tiles($("worker-counts"), [
    worker.partitions.length === 1
      ? ["the partition of this worker", `no. ${worker.partitions[0]}`]
      : ["partitions of this worker", worker.partitions.length ? ranges(worker.partitions) : "none"],
    ["scored here", known(worker.scored)],
    ["learned here", known(worker.learned)],
    ["waiting for a label", worker.waiting === null ? undefined : known(worker.waiting)],
    ["dead letters here", known(worker.dead_letters)],
    ["commits here", known(worker.commits)],
  ]);
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

/* Charts */

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/* Days of the stream are UTC's; the clock on the wall is the reader's own. */
const streamDates = (ticks) => ticks.map((t) => {
  const said = stamp(t * 1000);
  return t % 86400 ? said.slice(11) : said.slice(5, 10);
});
const wallTimes = (ticks) => ticks.map((t) => new Date(t * 1000).toTimeString().slice(0, 8));

function axes(show, dates) {
  const own = { stroke: color("quiet"), grid: { stroke: color("grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return [
    { ...own, space: 70, size: 24, values: (_, ticks) => dates(ticks) },
    { ...own, size: 58, space: 32, values: (_, ticks) => ticks.map(show) },
  ];
}

/* Windows whose labels still come lie on a ground of their own. */
function shade(plot) {
  const open = plot.open;
  if (open === undefined || open > plot.scales.x.max) return;
  const { left, top, width, height } = plot.bbox;
  const x = Math.max(left, plot.valToPos(open, "x", true));
  plot.ctx.save();
  plot.ctx.fillStyle = color("open");
  plot.ctx.fillRect(x, top, left + width - x, height);
  plot.ctx.restore();
}

function plot(host, series, show, height, hooks, scale, stream) {
  const options = {
    width: width(host), height, axes: axes(show, stream ? streamDates : wallTimes), hooks,
    tzDate: (seconds) => (stream ? uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") : new Date(seconds * 1000)),
    padding: [8, 28, 0, 0], legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: { y: { range: scale } },
    series: [{}, ...series],
  };
  sizes.observe(host);
  return new uPlot(options, [[], ...series.map(() => [])], host);
}

function fromZero(_, low, high) {
  if (low === null || high === null) return [0, 1];
  return uPlot.rangeNum(Math.min(0, low), Math.max(high, low < 0 ? 0 : 1e-9), { min: { pad: 0.1, soft: 0, mode: 1 }, max: { pad: 0.1, soft: 0, mode: 1 } });
}

function around(_, low, high) {
  if (low === null || high === null) return [0, 1];
  const room = Math.max(0.02, (high - low) * 0.15);
  return [Math.max(0, low - room), Math.min(1, high + room)];
}

function showFigure([name, title, show], rows, rivals) {
  let chart = charts.get(name);
  if (chart && chart.rivals.join() !== rivals.join()) {
    drop(name);
    chart = undefined;
  }
  if (!chart) {
    const figure = element("figure"), caption = element("figcaption"), body = element("div");
    const values = element("span");
    caption.append(element("b", heading(name)), values);
    figure.append(caption, body);
    const order = FIGURES.findIndex(([other]) => other === name);
    const later = [...$("charts").children].find((other) => +other.dataset.order > order);
    figure.dataset.order = order;
    $("charts").insertBefore(figure, later || null);
    const series = rivals.map((rival) => ({ label: NAMES[rival], stroke: color(rival), width: 2, dash: DASH[rival], points: { size: 5, fill: color("card") } }));
    chart = { figure, body, values, rivals, show };
    const hooks = { drawClear: [shade], setCursor: [() => showValues(chart)] };
    chart.plot = plot(body, [...series].reverse(), show, 180, hooks, share === show ? around : fromZero, true);
    charts.set(name, chart);
  }
  chart.columns = rivals.map((rival) => rows.map((row) => row[rival]?.[name] ?? null));
  chart.rows = rows;
  const open = rows.findIndex((row) => !row.final);
  chart.plot.open = open < 0 ? undefined : rows[open].start / 1000 - (open ? (rows[open].start - rows[open - 1].start) / 2000 : 0);
  chart.plot.setData([rows.map((row) => row.start / 1000), ...[...chart.columns].reverse()]);
  showValues(chart);
  chart.body.setAttribute("role", "img");
  chart.body.setAttribute("aria-label", `${title} over ${rows.length} windows. ${chart.values.textContent}`);
}

/* The values under the cursor, else those of the last window that is complete. */
function showValues(chart) {
  if (!chart.columns) return;
  const at = chart.plot.cursor.idx, here = at !== null && at !== undefined && chart.plot.cursor.left >= 0;
  const i = here ? at : last(chart);
  const parts = chart.rivals.map((rival, r) => {
    const value = chart.columns[r][i];
    return element("span", `${NAMES[rival]} ${value === null || value === undefined ? "–" : chart.show(value)}`, { "data-rival": rival });
  });
  chart.values.replaceChildren(...(here ? [element("span", stamp(chart.rows[i].start))] : []), ...parts.flatMap((part) => [" ", part]));
}

function heading(name) {
  const title = FIGURES.find(([other]) => other === name)[1];
  if (name === "saved") return `${title} per ${span(about.window)}`;
  const looked = about.looked_at || "card";
  return title.replace("Card", looked[0].toUpperCase() + looked.slice(1)).replace("at k", `at ${about.k}`);
}

function last({ rows, columns }) {
  const known = rows.map((row, i) => columns.some((column) => column[i] !== null));
  const complete = rows.findLastIndex((row, i) => row.final && known[i]);
  return complete >= 0 ? complete : known.lastIndexOf(true);
}

function drop(name) {
  sizes.unobserve(charts.get(name).body);
  charts.get(name).plot.destroy();
  charts.get(name).figure?.remove();
  charts.delete(name);
}

function showMetrics() {
  const rows = [...windows.values()].filter((row) => row.labelled > 0).sort((a, b) => a.start - b.start);
  const rivals = RIVALS.filter((rival) => rows.some((row) => row[rival]));
  const has = (name) => rows.some((row) => rivals.some((rival) => row[rival]?.[name] !== undefined));
  const figures = FIGURES.filter(([name]) => has(name) && !(name === "precision_at_k" && has("card_precision_at_k")));
  const empty = figures.length === 0;
  $("metrics-empty").hidden = !empty;
  $("figures").hidden = $("metrics-note").hidden = empty;
  for (const name of charts.keys()) if (name !== "pace" && !figures.some(([other]) => other === name)) drop(name);
  if (empty) return;
  $("key").replaceChildren(...rivals.map((rival) => {
    const entry = element("span", undefined, { "data-rival": rival });
    entry.append(element("i"), NAMES[rival]);
    return entry;
  }));
  for (const figure of figures) showFigure(figure, rows, rivals);
  showTable(rows, rivals, figures);
}

function showTable(rows, rivals, figures) {
  const [head, body] = $("figures").querySelector("table").children;
  const cells = figures.slice(0, 4).flatMap((figure) => rivals.map((rival) => [figure, rival]));
  const above = element("tr"), below = element("tr");
  const spans = { rowspan: 2, scope: "col" };
  above.append(element("th", "Window", spans), ...["Events", "Labelled", "Alerts"].map((title) => element("th", title, { ...spans, class: "number" })));
  above.append(...figures.slice(0, 4).map(([name]) => element("th", heading(name), { colspan: rivals.length, scope: "colgroup", class: "group" })));
  below.append(...cells.map(([, rival]) => element("th", NAMES[rival], { scope: "col", class: "number" })));
  head.replaceChildren(above, below);
  body.replaceChildren(...rows.slice(-TABLE_ROWS).reverse().map((row) => {
    const made = element("tr");
    made.append(element("th", stamp(row.start) + (row.final ? "" : ", so far"), { scope: "row" }));
    for (const count of [row.events, row.labelled, row.alerts]) made.append(element("td", number(count), { class: "number" }));
    for (const [[name, , show], rival] of cells) {
      const value = row[rival]?.[name];
      made.append(element("td", value === undefined ? "–" : show(value), { class: "number" }));
    }
    return made;
  }));
}

function showPace() {
  $("pace-empty").hidden = rates.length > 1;
  $("pace").hidden = rates.length <= 1;
  if (rates.length <= 1) return;
  if (!charts.has("pace")) {
    const series = [{ stroke: color("model"), width: 2, points: { show: false } }];
    charts.set("pace", { body: $("pace"), plot: plot($("pace"), series, number, 120, {}, fromZero, false) });
    $("pace").setAttribute("role", "img");
  }
  charts.get("pace").plot.setData([rates.map(([at]) => at), rates.map(([, rate]) => rate)]);
  $("pace").setAttribute("aria-label", `Events per second of all workers, now ${number(Math.round(rates[rates.length - 1][1]))}`);
}

/* Alerts */

function verdict(alert) {
  const said = alert.label, hit = said === true || said === 1 ? true : said === false || said === 0 ? false : null;
  const name = (about.label || "positive").replace(/^is_/, "").replaceAll("_", " ");
  if (!alert.judged) return element("span", "no label yet", { class: "verdict" });
  if (hit === null) return element("span", String(said), { class: "verdict" });
  const text = hit ? name : name === "fraud" ? "legitimate" : `not ${name}`;
  return element("span", text, { class: "verdict", "data-hit": hit });
}

function reasons(alert) {
  const cell = element("td", undefined, { class: "reasons" });
  for (const { feature, contribution } of alert.reasons) {
    const one = element("span", `${feature} `);
    const sign = contribution < 0 ? "−" : "+";
    one.append(element("b", sign + Math.abs(contribution).toFixed(2)));
    cell.append(one, " ");
  }
  if (!alert.reasons.length) cell.textContent = "–";
  return cell;
}

function showAlerts(table, rows) {
  const [head, body] = table.children;
  const named = about.entity !== null, money = about.amount !== null;
  const titles = [["Time", ""], ["Event", ""], ...(named ? [[about.entity, ""]] : []), ...(money ? [[about.amount, "number"]] : []), ["Score", "number"], ["Threshold", "number"], ["Reasons", "reasons"], ["Verdict", ""]];
  const line = element("tr");
  line.append(...titles.map(([title, kind]) => element("th", title.charAt(0).toUpperCase() + title.slice(1), { scope: "col", class: kind })));
  head.replaceChildren(line);
  const value = (x, digits) => (x === null ? "–" : Math.abs(x) >= 1000 ? number(Math.round(x)) : x.toFixed(digits).replace("-", "−"));
  body.replaceChildren(...rows.slice(0, ROWS).map((alert) => {
    const made = element("tr"), judged = element("td");
    judged.append(verdict(alert));
    made.append(element("td", stamp(alert.time)), element("td", alert.id === null ? "–" : alert.id, { class: "cut", title: String(alert.id) }));
    if (named) made.append(element("td", alert.entity === null ? "–" : String(alert.entity), { class: "cut", title: String(alert.entity) }));
    if (money) made.append(element("td", alert.amount === null ? "–" : money2.format(alert.amount), { class: "number" }));
    made.append(element("td", value(alert.score, 3), { class: "number" }), element("td", value(alert.threshold, 3), { class: "number" }), reasons(alert), judged);
    return made;
  }));
  table.parentElement.hidden = rows.length === 0;
  table.parentElement.nextElementSibling.hidden = rows.length > 0;
}

function showAllAlerts(verdicts) {
  const latest = [...alerts.values()].sort((a, b) => b.time - a.time);
  const judged = [...alerts.values()].filter((alert) => alert.judged).sort((a, b) => b.judged - a.judged);
  showAlerts($("latest"), latest);
  showAlerts($("judged"), judged);
  const kept = new Set([...latest.slice(0, 3 * ROWS), ...judged.slice(0, 3 * ROWS)].map((alert) => alert.key));
  for (const key of alerts.keys()) if (!kept.has(key)) alerts.delete(key);
  if (verdicts.known) {
    const percent = Math.round((100 * verdicts.positive) / verdicts.known);
    const name = (about.label || "positive").replace(/^is_/, "").replaceAll("_", " ");
    $("verdicts-note").textContent = `${number(verdicts.positive)} of the last ${number(verdicts.known)} with a label were ${name}: ${percent} %`;
  } else {
    $("verdicts-note").textContent = "";
  }
}

/* The stream */

function take(said) {
  if (said.rates) rates = [...rates, ...said.rates].slice(-MAX_RATES);
  showCounts(said);
  if (said.time !== null) {
    $("clock").hidden = false;
    $("time").textContent = stamp(said.time);
    $("time").dateTime = new Date(said.time).toISOString();
  }
  for (const row of said.windows || []) windows.set(row.start, row);
  while (windows.size > MAX_WINDOWS) windows.delete(Math.min(...windows.keys()));
  for (const alert of said.alerts || []) alerts.set(alert.key, alert);
  if (about.metrics && (said.windows || []).length) showMetrics();
  if (about.alerts && said.verdicts) showAllAlerts(said.verdicts);
  if (said.topics) {
    news = Date.now();
    showPace();
  }
  for (const empty of document.querySelectorAll(".empty")) empty.toggleAttribute("data-reading", !said.caught_up);
  check();
}

function check() {
  if (source.readyState !== EventSource.OPEN) return;
  if (Date.now() - news > STALE_MS) status("wait", "connected, no news from Kafka");
  else status("live", "live");
}

function begin(said) {
  about = said.about;
  windows = new Map();
  alerts = new Map();
  rates = [];
  news = Date.now();
  document.title = `${about.pipeline} · riverrun`;
  $("pipeline").textContent = about.pipeline;
  $("learner").textContent = about.learner;
  $("metrics").hidden = !about.metrics;
  $("alerts").hidden = $("verdicts").hidden = !about.alerts;
  if (about.metrics) {
    $("metrics-note").textContent = `Each point is a window of ${span(about.window).replace(/^[a-z]/, "one $&")} of event time, judged by the labels known so far; on the shaded ground labels still come. Above each chart are the figures of the last window that is complete. Partitions are put together by weighted means: ranking figures by their positive labels, those at k by their places; money is added up. The frozen model is the model as it stood when the window began, or on the day that the pipeline file names.`;
    showMetrics();
  }
  take(said);
}

let source;
function connect() {
  source = new EventSource("stream");
  source.addEventListener("snapshot", (event) => begin(JSON.parse(event.data)));
  source.addEventListener("change", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    status("lost", "no connection, trying again");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 10000); // refused: too many
  });
}

function redraw() {
  for (const name of [...charts.keys()]) drop(name);
  if (about.metrics) showMetrics();
  showPace();
}

const sizes = new ResizeObserver(() => {
  for (const { body, plot } of charts.values()) {
    if (plot.width !== width(body)) plot.setSize({ width: width(body), height: plot.height });
  }
});

function width(host) {
  const style = getComputedStyle(host);
  return host.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
setInterval(check, 5000);
connect();
