"use strict";
/* Lines over time with uPlot: names at the ends of lines, and marks of what happened. */

const RIVALS = ["model", "frozen", "rule"];
const NAMES = { model: "model", frozen: "frozen model", rule: "hand rule" };
const DASH = { model: [], frozen: [7, 4], rule: [2, 4] };
/* Each narrower than the one before it, which it is drawn on: lines that coincide are all seen. */
const WIDTH = { model: 5, frozen: 3, rule: 1.5 };
const ENDS = 106, ROW = 15, HOUR = 3600, MARK_ROWS = 3;

const charts = new Map();
/* What happened: {at, text, bad}, at in ms of the stream, and {at, wall, ...} by the clock. */
let marks = [];

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/* Days of the stream are UTC's; the clock on the wall is the reader's own. */
function streamDates(ticks) {
  const years = new Set(ticks.map((t) => new Date(t * 1000).getUTCFullYear()));
  const withYear = years.size > 1 || ticks.at(-1) - ticks[0] > 200 * 24 * HOUR;
  return ticks.map((t) => (t % 86400 ? stamp(t * 1000).slice(11) : day(t * 1000, withYear)));
}
const wallTimes = (ticks) => ticks.map((t) => clock(t * 1000));

function axes(show, dates) {
  const own = { stroke: color("quiet"), grid: { stroke: color("grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return [
    { ...own, space: 84, size: 24, values: (_, ticks) => dates(ticks) },
    { ...own, size: 52, space: 32, values: (_, ticks) => ticks.map(show) },
  ];
}

/* Windows whose labels still come lie on a ground of their own. */
function shade(plot) {
  const open = plot.open;
  if (open === undefined || open > plot.scales.x.max) return;
  const { left, top, width, height } = plot.bbox;
  const x = Math.max(left, plot.valToPos(open, "x", true));
  plot.ctx.fillStyle = color("open");
  plot.ctx.fillRect(x, top, left + width - x, height);
}

/* All lines first: a name is never crossed by the line of another mark. */
function drawMarks(plot) {
  const { ctx } = plot, { left, top, width, height } = plot.bbox, ratio = devicePixelRatio;
  const time = plot.wall ? "wall" : "at";
  const shown = marks.filter((mark) => mark[time] !== undefined)
    .map((mark) => ({ ...mark, x: plot.valToPos(mark[time] / 1000, "x", true) }))
    .filter(({ x }) => x >= left && x <= left + width).sort((a, b) => a.x - b.x);
  ctx.save();
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const { x, bad } of shown) {
    ctx.strokeStyle = color(bad ? "hit" : "quiet");
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
  }
  if (plot.named) drawNames(plot, shown);
  ctx.restore();
}

/* Each in the first row where it has room, on a ground of its own; to the left of its line at the right end. */
function drawNames(plot, shown) {
  const { ctx } = plot, { left, top, width } = plot.bbox, ratio = devicePixelRatio;
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const ends = Array(MARK_ROWS).fill(-Infinity);
  for (const { x, text, bad } of shown) {
    const room = ctx.measureText(text).width + 8 * ratio;
    const begin = x + room > left + width ? x - room : x;
    const row = ends.findIndex((end) => end <= begin);
    if (row < 0) continue;
    ends[row] = begin + room;
    const y = top + (8 + row * 14) * ratio;
    ctx.fillStyle = color("card");
    ctx.fillRect(begin + ratio, y - 7 * ratio, room - 2 * ratio, 14 * ratio);
    ctx.fillStyle = color(bad ? "hit" : "quiet");
    ctx.fillText(text, begin + 4 * ratio, y);
  }
}

/* The name of each line at its end, moved apart where they would lie on each other. */
function drawEnds(plot) {
  const { ctx } = plot, { left, width } = plot.bbox, ratio = devicePixelRatio;
  const ends = plot.series.slice(1).flatMap((series, i) => {
    const last = plot.data[i + 1].findLastIndex((value) => value !== null);
    return last < 0 ? [] : [{ series, y: plot.valToPos(plot.data[i + 1][last], "y", true) }];
  }).sort((a, b) => a.y - b.y);
  ctx.save();
  ctx.font = `600 ${12 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ends.forEach((end, i) => { if (i) end.y = Math.max(end.y, ends[i - 1].y + ROW * ratio); });
  const low = plot.bbox.top + plot.bbox.height, over = ends.length ? Math.max(0, ends.at(-1).y - low) : 0;
  for (const { series, y } of ends) {
    ctx.fillStyle = color(series.rival);
    ctx.fillText(NAMES[series.rival], left + width + 6 * ratio, y - over);
  }
  ctx.restore();
}

/* Options: height, show, range, stream (else by the clock), ends, named (marks have names). */
function plot(host, series, options) {
  const { height, show, range, stream, ends, named, hooks = {} } = options;
  sizes.observe(host);
  const made = new uPlot({
    width: inside(host), height, axes: axes(show, stream ? streamDates : wallTimes),
    hooks: { ...hooks, drawClear: [shade], draw: [drawMarks, ...(ends ? [drawEnds] : [])] },
    tzDate: (seconds) => (stream ? uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") : new Date(seconds * 1000)),
    padding: [8, ends ? ENDS : 30, 0, 0], legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: { x: { range: atLeastADay }, y: { range } },
    series: [{}, ...series],
  }, [[], ...series.map(() => [])], host);
  made.series.forEach((one, i) => { one.rival = i ? series[i - 1].rival : undefined; });
  Object.assign(made, { wall: !stream, named });
  return made;
}

function line(rival) {
  return { rival, label: NAMES[rival], stroke: color(rival), width: WIDTH[rival], dash: DASH[rival], points: { size: 5, fill: color("card") } };
}

/* Around a single point uPlot would draw years: it takes the times for milliseconds there. */
function atLeastADay(plot, low, high) {
  const [times] = plot.data;
  if (times.length !== 1) return [low, high];
  const room = plot.wall ? 30 : 43200;
  return [times[0] - room, times[0] + room];
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

function drop(name) {
  sizes.unobserve(charts.get(name).body);
  charts.get(name).plot.destroy();
  charts.get(name).figure?.remove();
  charts.delete(name);
}

const sizes = new ResizeObserver(() => {
  for (const { body, plot } of charts.values()) {
    if (plot.width !== inside(body)) plot.setSize({ width: inside(body), height: plot.height });
  }
});

function inside(host) {
  const style = getComputedStyle(host);
  return host.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}
