// The list of connections. Of however many, only the rows that are seen are asked for and made.

import { bytes, count, duration, element, say, visible } from './format.mjs';

/** Height of a row, px; style.css says the same. */
const ROW = 34;

/** Browsers cannot scroll farther than some ten million pixels. Beyond that, a pixel stands for more than one. */
const HIGHEST = 8_000_000;

/** Rows above and below those that are seen, which are asked for as well. */
const MARGIN = 12;

/** The columns: how a row is shown, and what the server calls their order. `first` is the order of the first click. */
const COLUMNS = [
  { name: 'peer', title: 'Peer', first: 'ascending', show: (row) => row.peer },
  { name: 'identity', title: 'Identity', first: 'ascending', show: nameOf },
  { name: 'suite', title: 'Cipher suite', first: 'ascending', show: (row) => row.suite },
  { name: 'age', title: 'Age', first: 'descending', isNumber: true, show: ageOf },
  { name: 'received', title: 'Received', first: 'descending', isNumber: true, show: (row) => bytes(row.bytesReceived) },
  { name: 'sent', title: 'Sent', first: 'descending', isNumber: true, show: (row) => bytes(row.bytesSent) },
  { name: 'heard', title: 'Last heard', first: 'descending', isNumber: true, show: heardOf },
];

export class Connections {
  /**
   * @param {{ columns: HTMLElement, rows: HTMLElement, canvas: HTMLElement, empty: HTMLElement, matching: HTMLElement }}
   *   elements
   * @param {(row: object) => void} onOpen is told which connection somebody wants to see
   */
  constructor({ columns, rows, canvas, empty, matching }, onOpen) {
    this._viewport = rows;
    this._canvas = canvas;
    this._columns = columns;
    this._empty = empty;
    this._matching = matching;
    this._onOpen = onOpen;
    this._search = '';
    this._sort = 'age';
    this._order = 'descending';
    // What the server has said last.
    this._answer = { now: 0, total: 0, matching: 0, rows: [] };
    this._offset = 0;
    this._asking = null;
    // The row that the keys have chosen.
    this._chosen = -1;
    this._elements = [];
    this._makeHead(columns);
    rows.addEventListener('scroll', () => this._draw(), { passive: true });
    rows.addEventListener('keydown', (event) => this._onKey(event));
    rows.addEventListener('click', (event) => this._onClick(event));
    new ResizeObserver(() => this._onResize()).observe(rows);
  }

  search(text) {
    this._search = text;
    this._restart();
  }

  /** Asks for what is seen now. A question that has been overtaken is given up. */
  async refresh() {
    const first = Math.max(0, this._first() - MARGIN);
    const limit = Math.min(200, Math.ceil(this._viewport.clientHeight / ROW) + 2 * MARGIN);
    this._asking?.abort();
    const asking = new AbortController();
    this._asking = asking;
    const { _search: search, _sort: sort, _order: order } = this;
    const query = new URLSearchParams({ search, sort, order, offset: first, limit });
    try {
      const response = await fetch(`/api/connections?${query}`, { signal: asking.signal });
      if (!response.ok) throw new Error(await response.text());
      this._answer = await response.json();
      this._offset = first;
    } catch (error) {
      if (asking.signal.aborted) return;
      throw error;
    } finally {
      if (this._asking === asking) this._asking = null;
    }
    this._draw();
  }

  _makeHead(columns) {
    for (const column of COLUMNS) {
      const button = element('button', column.isNumber ? 'title number' : 'title', column.title);
      button.type = 'button';
      button.addEventListener('click', () => this._sortBy(column));
      column.button = button;
      columns.append(button);
    }
    this._showOrder();
  }

  _sortBy({ name, first }) {
    const other = this._order === 'ascending' ? 'descending' : 'ascending';
    this._order = this._sort === name ? other : first;
    this._sort = name;
    this._showOrder();
    this._restart();
  }

  _showOrder() {
    for (const { name, title, button } of COLUMNS) {
      const order = this._sort === name ? this._order : null;
      button.dataset.order = order ?? '';
      button.setAttribute('aria-label', order === null ? `Sort by ${title}` : `${title}, sorted ${order}`);
    }
  }

  _restart() {
    this._chosen = -1;
    this._viewport.scrollTop = 0;
    this.refresh().catch(() => {});
  }

  // Where the rows are

  /** How many pixels of the list one pixel of the scroll bar stands for. */
  _scale() {
    const height = this._answer.matching * ROW;
    const { clientHeight } = this._viewport;
    return height <= HIGHEST ? 1 : (height - clientHeight) / (HIGHEST - clientHeight);
  }

  _top() {
    return this._viewport.scrollTop * this._scale();
  }

  _first() {
    return Math.floor(this._top() / ROW);
  }

  _onResize() {
    // The titles stand above the columns, and not above the scroll bar.
    this._columns.style.paddingRight = `${this._viewport.offsetWidth - this._viewport.clientWidth}px`;
    this._draw();
  }

  _draw() {
    const { now, total, matching, rows } = this._answer;
    this._canvas.style.height = `${Math.min(HIGHEST, matching * ROW)}px`;
    const top = this._top();
    const first = this._first();
    const seen = Math.min(Math.ceil(this._viewport.clientHeight / ROW) + 1, Math.max(0, matching - first));
    while (this._elements.length < seen) this._addElement();
    for (const [at, made] of this._elements.entries()) {
      made.row.hidden = at >= seen;
      if (at >= seen) continue;
      made.row.style.transform = `translateY(${Math.round(this._viewport.scrollTop + (first + at) * ROW - top)}px)`;
      this._fill(made, first + at, rows[first + at - this._offset], now);
    }
    const chosen = this._elements[this._chosen - first];
    if (chosen !== undefined && this._chosen >= 0) this._viewport.setAttribute('aria-activedescendant', chosen.row.id);
    else this._viewport.removeAttribute('aria-activedescendant');
    say(this._matching, this._search === '' ? count(total) : `${count(matching)} of ${count(total)}`);
    this._empty.hidden = matching > 0;
    say(this._empty, this._search === '' ? 'Nobody is connected.' : 'No connection matches.');
    const isLoaded = first >= this._offset && first + seen <= this._offset + rows.length;
    if (!isLoaded && this._asking === null) this.refresh().catch(() => {});
  }

  _addElement() {
    const row = element('div', 'row');
    row.id = `row-${this._elements.length}`;
    row.setAttribute('role', 'option');
    const cells = COLUMNS.map(({ isNumber }) => element('bdi', isNumber ? 'number' : ''));
    row.append(...cells);
    this._canvas.append(row);
    this._elements.push({ row, cells });
  }

  _fill({ row, cells }, place, data, now) {
    row.dataset.place = place;
    row.classList.toggle('odd', place % 2 === 1);
    row.classList.toggle('ended', data?.ended === true);
    row.setAttribute('aria-selected', String(place === this._chosen));
    row.setAttribute('aria-posinset', place + 1);
    row.setAttribute('aria-setsize', this._answer.matching);
    for (const [at, { name, show }] of COLUMNS.entries()) {
      const text = data === undefined ? '' : show(data, now);
      say(cells[at], text);
      if (name === 'identity') cells[at].className = data === undefined ? '' : `identity ${data.identity.kind}`;
      if (name === 'identity' || name === 'suite') cells[at].title = text;
    }
  }

  // What a person does

  _onKey(event) {
    const page = Math.max(1, Math.floor(this._viewport.clientHeight / ROW) - 1);
    const { matching } = this._answer;
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -matching,
      End: matching,
    };
    if (event.key === 'Enter') this._open(this._chosen);
    else if (event.key in steps) this._choose(this._chosen + steps[event.key]);
    else return;
    event.preventDefault();
  }

  _choose(place) {
    const { matching } = this._answer;
    if (matching === 0) return;
    this._chosen = Math.min(matching - 1, Math.max(0, place));
    const { clientHeight } = this._viewport;
    const top = this._top();
    const above = this._chosen * ROW;
    const below = above + ROW - clientHeight;
    if (above < top) this._viewport.scrollTop = above / this._scale();
    else if (below > top) this._viewport.scrollTop = Math.ceil(below / this._scale());
    this._draw();
  }

  _onClick(event) {
    const row = event.target.closest('.row');
    if (row === null) return;
    this._chosen = Number(row.dataset.place);
    this._draw();
    this._open(this._chosen);
  }

  _open(place) {
    const row = this._answer.rows[place - this._offset];
    if (row !== undefined) this._onOpen(row);
  }
}

/** Text before the name of a peer, by what it has proved itself with. */
export const KINDS = { psk: 'pre-shared key', certificate: 'certificate', key: 'raw public key', none: 'nothing' };

function nameOf({ identity }) {
  return identity.name === '' ? 'not known' : visible(identity.name);
}

function ageOf({ since, ended }, now) {
  if (ended) return 'ended';
  return since === null ? 'older' : duration(now - since);
}

function heardOf({ heard }, now) {
  if (heard === null) return '–';
  return now - heard < 1000 ? 'now' : duration(now - heard);
}
