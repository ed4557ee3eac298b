"use strict";
/* How good the pipeline is: the lead chart, a small one for each other figure, a table. */

const share = (x) => x.toFixed(3);
const percent = (x) => `${Math.round(100 * x)} %`;
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
const MAX_WINDOWS = 200, TABLE_ROWS = 14;
let windows = new Map();

/* From nothing on, with room for the names of marks; small shares are not pressed flat. */
const withRoom = (_, low, high) => [0, 1.12 * Math.max(0.25, high ?? 1)];

/* What a demo tells day by day; without one the first figure leads. */
function showLead(lead) {
  const there = lead && lead.days.length > 0;
  $("lead").hidden = !there;
  if (!there) return;
  $("lead-title").textContent = lead.title;
  if (!charts.has("lead")) {
    const series = RIVALS.map(line); // the broad line of the model first: others on it are seen
    charts.set("lead", { body: $("lead-chart"), plot: plot($("lead-chart"), series, { height: 260, show: percent, range: withRoom, stream: true, ends: true, named: true }) });
    $("lead-chart").setAttribute("role", "img");
  }
  charts.get("lead").plot.setData([lead.days.map((at) => at / 1000), ...RIVALS.map((rival) => lead[rival])]);
  const last = RIVALS.map((rival) => `${NAMES[rival]} ${percent(lead[rival].at(-1))}`).join(", ");
  $("lead-chart").setAttribute("aria-label", `${lead.title}. On the last day: ${last}.`);
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
    chart = { figure, body, values, rivals, show };
    const hooks = { setCursor: [() => showValues(chart)] };
    chart.plot = plot(body, rivals.map(line), { height: 180, show, hooks, range: share === show ? around : fromZero, stream: true, ends: true });
    charts.set(name, chart);
  }
  chart.columns = rivals.map((rival) => rows.map((row) => row[rival]?.[name] ?? null));
  chart.rows = rows;
  const open = rows.findIndex((row) => !row.final);
  chart.plot.open = open < 0 ? undefined : rows[open].start / 1000 - (open ? (rows[open].start - rows[open - 1].start) / 2000 : 0);
  chart.plot.setData([rows.map((row) => row.start / 1000), ...chart.columns]);
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

function showMetrics() {
  const rows = [...windows.values()].filter((row) => row.labelled > 0).sort((a, b) => a.start - b.start);
  const rivals = RIVALS.filter((rival) => rows.some((row) => row[rival]));
  const has = (name) => rows.some((row) => rivals.some((rival) => row[rival]?.[name] !== undefined));
  const figures = FIGURES.filter(([name]) => has(name) && !(name === "precision_at_k" && has("card_precision_at_k")));
  const empty = figures.length === 0;
  $("metrics-empty").hidden = !empty;
  $("figures").hidden = $("metrics-note").hidden = empty;
  for (const name of charts.keys()) if (!["pace", "lead"].includes(name) && !figures.some(([other]) => other === name)) drop(name);
  if (empty) return;
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


/* One sentence about the last window that is closed, for pipelines without a story. */
function qualitySentence() {
  const rows = [...windows.values()].filter((row) => row.final && row.model).sort((a, b) => a.start - b.start);
  const row = rows.at(-1);
  const figure = row && FIGURES.find(([name]) => row.model[name] !== undefined);
  if (!figure) return "";
  const [name, , show] = figure;
  const others = RIVALS.slice(1).filter((rival) => row[rival]?.[name] !== undefined);
  const said = others.map((rival) => `; ${NAMES[rival]}: ${show(row[rival][name])}`).join("");
  return `${heading(name)} ${show(row.model[name])} in the last window that is closed${said}.`;
}
