// What the counters were over the last minutes, as lines: a level as it was, a total as its rate.

import { amount, bytes, clock, drawing, duration, element, say } from './format.mjs';

const WIDTH = 320;
const HEIGHT = 96;

/** How many samples a plot shows at least, so that the first of them are not drawn as long lines. */
const LEAST = 30;

const OTHER_DROPS = ['malformed', 'noRecord', 'repeated', 'surplus', 'unexpected'].map((reason) => `drops.${reason}`);

/**
 * The plots. Another counter is one more line here. `level` is a counter of what there is now, and `total` one of what has
 * happened, or several that are added up; `how` writes a value.
 */
const PLOTS = [
  {
    title: 'Connections',
    how: amount,
    lines: [
      { label: 'connections', level: 'connections', color: 'blue', isFilled: true },
      { label: 'handshakes', level: 'handshakes', color: 'amber' },
      { label: 'questions that wait', level: 'lookups', color: 'violet' },
    ],
  },
  {
    title: 'Handshakes',
    how: (value) => `${amount(value)}/s`,
    lines: [
      { label: 'completed', total: 'handshakesCompleted', color: 'green', isFilled: true },
      { label: 'failed', total: 'handshakesFailed', color: 'red' },
      { label: 'refused', total: 'handshakesRefused', color: 'violet' },
      { label: 'displaced', total: 'handshakesDisplaced', color: 'amber' },
    ],
  },
  {
    title: 'Traffic',
    how: (value) => `${bytes(value)}/s`,
    lines: [
      { label: 'received', total: 'datagramBytesReceived', color: 'blue', isFilled: true },
      { label: 'sent', total: 'datagramBytesSent', color: 'green' },
    ],
  },
  {
    title: 'Dropped',
    how: (value) => `${amount(value)}/s`,
    lines: [
      { label: 'unauthentic', total: 'drops.unauthentic', color: 'red' },
      { label: 'replayed', total: 'drops.replayed', color: 'amber' },
      { label: 'no connection', total: 'drops.noConnection', color: 'blue' },
      { label: 'limit', total: 'drops.limit', color: 'violet' },
      { label: 'others', total: OTHER_DROPS, color: 'green' },
    ],
  },
];

/** Puts the plots into an element, and answers a function that shows a history in them. */
export function makePlots(where) {
  const plots = PLOTS.map((plot) => new Plot(plot));
  where.append(...plots.map(({ card }) => card));
  // One time for all of them, so that they can be compared.
  let pointed = null;
  let shown = null;
  const point = (place) => {
    pointed = place;
    for (const plot of plots) plot.point(shown, pointed);
  };
  for (const plot of plots) {
    plot.onPoint = point;
  }
  return (history) => {
    shown = history;
    for (const plot of plots) {
      plot.draw(history);
      plot.point(history, pointed);
    }
  };
}

/** The newest values of the lines of a plot, by label. */
export function latest(history, counter) {
  return history.samples.at(-1)?.values[history.names.indexOf(counter)] ?? 0;
}

/** What a total grew by in the last minute. */
export function growth({ names, samples, period }, counter) {
  const place = names.indexOf(counter);
  const first = samples[Math.max(0, samples.length - 60_000 / period)];
  return (samples.at(-1)?.values[place] ?? 0) - (first?.values[place] ?? 0);
}

/** What a total grew by in a second, lately. */
export function latestRate(history, counter) {
  return valuesOf(history, { total: counter }).at(-1) ?? 0;
}

class Plot {
  constructor({ title, how, lines }) {
    this.onPoint = () => {};
    this._how = how;
    this._lines = lines.map((line) => ({ ...line, ...pathsOf(line), value: element('b') }));
    this._values = [];
    this._top = element('span', 'top');
    this._when = element('span', 'when');
    this._cursor = drawing('line', { class: 'cursor', y1: 0, y2: HEIGHT, visibility: 'hidden' });
    this._svg = drawing('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
    for (const part of [0.25, 0.5, 0.75]) {
      this._svg.append(drawing('line', { class: 'grid', x1: 0, x2: WIDTH, y1: HEIGHT * part, y2: HEIGHT * part }));
    }
    for (const { area, path } of this._lines) this._svg.append(area, path);
    this._svg.append(this._cursor);
    const legend = element('ul', 'legend');
    for (const { label, color, value } of this._lines) {
      legend.append(element('li', color, element('i'), `${label} `, value));
    }
    this._title = title;
    this.card = element(
      'figure',
      'card plot',
      element('figcaption', 'card-head', element('h2', '', title), this._when),
      element('div', 'drawing', this._svg, this._top),
      legend,
    );
    this._svg.addEventListener('pointermove', (event) => {
      const { left, width } = this._svg.getBoundingClientRect();
      this.onPoint((event.clientX - left) / width);
    });
    this._svg.addEventListener('pointerleave', () => this.onPoint(null));
  }

  draw(history) {
    this._values = this._lines.map((line) => valuesOf(history, line));
    const highest = Math.max(...this._values.flat(), 0);
    const top = roundUp(highest);
    const step = WIDTH / (spanOf(history) - 1);
    for (const [index, { area, path, isFilled }] of this._lines.entries()) {
      const values = this._values[index];
      const first = WIDTH - step * (values.length - 1);
      const points = values.map(
        (value, at) => `${round(first + at * step)},${round(HEIGHT - (value / top) * (HEIGHT - 2) - 1)}`,
      );
      const line = points.length > 0 ? `M${points.join('L')}` : '';
      path.setAttribute('d', line);
      if (isFilled) area.setAttribute('d', line && `${line}V${HEIGHT}H${round(first)}Z`);
    }
    say(this._top, this._how(top));
  }

  /** Shows the values at a place between 0, the oldest, and 1; the newest for null. */
  point(history, place) {
    if (history === null) return;
    const { samples } = history;
    const span = spanOf(history);
    const at = place === null ? -1 : samples.length - span + Math.round(place * (span - 1));
    const isThere = at >= 0 && at < samples.length;
    const index = isThere ? at : samples.length - 1;
    const x = WIDTH - (WIDTH / (span - 1)) * (samples.length - 1 - index);
    this._cursor.setAttribute('visibility', isThere ? 'visible' : 'hidden');
    this._cursor.setAttribute('x1', x);
    this._cursor.setAttribute('x2', x);
    say(this._when, isThere ? clock(samples[index].time) : `last ${duration((span - 1) * history.period)}`);
    const texts = this._lines.map(({ label, value }, line) => {
      const text = this._how(this._values[line][index] ?? 0);
      say(value, text);
      return `${label} ${text}`;
    });
    if (!isThere) this._svg.setAttribute('aria-label', `${this._title} now: ${texts.join(', ')}`);
  }
}

function pathsOf({ color }) {
  return { area: drawing('path', { class: `area ${color}` }), path: drawing('path', { class: `line ${color}` }) };
}

/** One value for each sample. */
function valuesOf({ names, samples, period }, { level, total }) {
  const places = [level ?? total].flat().map((name) => names.indexOf(name));
  const values = samples.map((sample) => places.reduce((sum, place) => sum + (sample.values[place] ?? 0), 0));
  if (level !== undefined) return values;
  return values.map((value, at) => {
    if (at === 0) return 0;
    const time = samples[at].time - samples[at - 1].time || period;
    return (Math.max(0, value - values[at - 1]) * 1000) / time;
  });
}

/** How many samples the width of a plot stands for. */
function spanOf({ samples }) {
  return Math.max(LEAST, samples.length);
}

/** The next number that begins with 1, 2 or 5. */
function roundUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((digit) => digit * power).find((number) => number >= value);
}

function round(number) {
  return Math.round(number * 10) / 10;
}
