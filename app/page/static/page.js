"use strict";
/* Fills the page from the worker's stream: its state, its figures, and what the others draw. */

const MAX_RATES = 300, STALE_MS = 15000, FAR = 1000, QUIET_RATES = 3;
let about = {}, rates = [], news = 0, heard = 0, most = 0, begun = "", before = null, story = null;

function tiles(list, pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined);
  while (list.children.length > shown.length) list.lastChild.remove();
  shown.forEach(([name, value], i) => {
    if (!list.children[i]) list.appendChild(element("div")).append(element("dt"), element("dd"));
    const [term, said] = list.children[i].children;
    if (term.textContent !== name) term.textContent = name;
    if (said.textContent !== value) said.textContent = value;
  });
}

/* Figures of the whole pipeline first; those of the process are folded. */
function showCounts(said) {
  const account = story?.account, rate = rates.slice(-QUIET_RATES).map(([, each]) => each);
  const now = rate.length ? rate.reduce((a, b) => a + b) / rate.length : null;
  const pace = now === null ? "–" : number(now < 10 ? +now.toFixed(1) : Math.round(now));
  if (said.topics || account) {
    topics = said.topics || topics;
    tiles($("pipeline-counts"), [
      ...(account ? [["payments in", number(account.in)], ["answered", number(account.answered)], ["not answered yet", number(account.waiting)], ["answered twice", number(account.twice)]] : []),
      ["events/s now", pace],
      ...topics.map((topic, i) => [`${i ? "labels" : "events"} to be read`, number(topic.lag)]),
    ]);
  }
  showWorker(said.worker);
}
let topics = [];

function showWorker(worker) {
  if (before && worker.scored < before.scored) begun = `restarted at ${clock(Date.now())}`;
  before = worker;
  $("worker-note").textContent = begun || "counted since it started";
  tiles($("worker-counts"), [
    ["partitions", worker.partitions?.length ? ranges(worker.partitions) : "none"],
    ["scored", number(worker.scored)],
    ["learned", number(worker.learned)],
    ["events that wait for a label", worker.waiting === null ? undefined : number(worker.waiting)],
    ["labels that met their event", worker.labels_met ? `${number(worker.labels_met[0])} of ${number(worker.labels_met[1])}` : undefined],
    ["dead letters", number(worker.dead_letters)],
    ["commits", number(worker.commits)],
  ]);
}

/* States */

function status(state, text) {
  document.body.dataset.state = state;
  if ($("status").textContent === text) return;
  $("status").dataset.state = state;
  $("status").textContent = text;
}

function showProgress() {
  const left = topics.reduce((sum, topic) => sum + topic.lag, 0);
  most = left < FAR ? 0 : Math.max(most, left);
  $("progress").hidden = most === 0;
  if (!most) return;
  $("progress-bar").max = most;
  $("progress-bar").value = most - left;
  $("progress-text").textContent = `Catching up: ${number(most - left)} of ${number(most)} records done`;
}

function showHealth({ ready, reasons }) {
  const was = document.body.dataset.ready;
  if (was !== undefined && was !== String(ready)) {
    const text = ready ? "worker back" : reasons[0] || "worker not ready";
    marks.push({ wall: Date.now(), text, bad: !ready });
  }
  document.body.dataset.ready = ready;
  $("starting").hidden = ready;
  if (!ready) $("starting").textContent = `This worker is not ready: ${reasons[0] || "it starts"}.`;
}

function check() {
  if (source.readyState !== EventSource.OPEN) return;
  if (Date.now() - news > STALE_MS) status("stale", `no news from Kafka since ${clock(news)}`);
  else status("live", "live");
}

/* Pace */

function showPace() {
  $("pace-empty").hidden = rates.length > 1;
  $("pace").hidden = rates.length <= 1;
  if (rates.length <= 1) return;
  if (!charts.has("pace")) {
    const series = [{ stroke: color("model"), width: 2, points: { show: false } }];
    charts.set("pace", { body: $("pace"), plot: plot($("pace"), series, { height: 130, show: number, range: fromZero, named: true }) });
    $("pace").setAttribute("role", "img");
  }
  charts.get("pace").plot.setData([rates.map(([at]) => at), rates.map(([, rate]) => rate)]);
  $("pace").setAttribute("aria-label", `Events per second of all workers, now ${number(Math.round(rates.at(-1)[1]))}`);
}

/* The stream */

function showStory(said) {
  story = said.story;
  if (story?.title) document.title = `${story.title} · riverrun`;
  $("pipeline").textContent = story?.title || about.pipeline;
  $("headline").textContent = story?.headline || qualitySentence() || (about.metrics ? "No window is closed yet: its labels still come." : "");
  const own = marks.filter((mark) => mark.wall !== undefined);
  marks = [...own, ...(story?.marks || [])];
  showLead(story?.lead);
  showControls(story?.controls);
  showHappened(story?.notes);
}

function take(said) {
  if (said.rates) rates = [...rates, ...said.rates].slice(-MAX_RATES);
  heard = Date.now();
  for (const row of said.windows || []) windows.set(row.start, row);
  while (windows.size > MAX_WINDOWS) windows.delete(Math.min(...windows.keys()));
  for (const alert of said.alerts || []) alerts.set(alert.key, alert);
  showStory(said);
  showCounts(said);
  showHealth(said);
  if (said.time !== null) {
    $("clock").hidden = false;
    $("time").textContent = stamp(said.time);
    $("time").dateTime = new Date(said.time).toISOString();
  }
  if (about.metrics && (said.windows || []).length) showMetrics();
  if (about.alerts && said.verdicts) showAllAlerts(said.verdicts);
  if (said.topics) {
    news = Date.now();
    showPace();
    showProgress();
  }
  for (const empty of document.querySelectorAll(".empty")) empty.toggleAttribute("data-reading", !said.caught_up);
  check();
}

function begin(said) {
  about = said.about;
  token = said.token;
  windows = new Map();
  alerts = new Map();
  rates = [];
  topics = [];
  news = Date.now();
  document.title = `${about.pipeline} · riverrun`;
  $("learner").textContent = `${about.pipeline} · ${plain(about.learner)}`;
  $("metrics-charts").hidden = !about.metrics;
  $("metrics-off").hidden = about.metrics;
  $("metrics-how").textContent = `[metrics]\ntopic = "${about.pipeline}.metrics.v1"\nwindow = "1d"`;
  $("alerts").hidden = $("verdicts").hidden = !about.alerts;
  if (about.metrics) {
    $("metrics-note").textContent = `Each point is ${span(about.window).replace(/^[a-z]/, "one $&")} of event time, measured by the labels known so far. On the grey ground labels still come. The figures above a chart are those of the last complete window. Several partitions are averaged: ranking figures by their positive labels, those at k by their places; money is added up. The frozen model has learned nothing since the window began, or since the day that the pipeline file names.`;
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
    status("lost", heard ? `no connection, as of ${clock(heard)}` : "no connection");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 10000); // refused: too many
  });
}

function redraw() {
  for (const name of [...charts.keys()]) drop(name);
  if (about.metrics) showMetrics();
  showLead(story?.lead);
  showPace();
}

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
setInterval(check, 5000);
connect();
