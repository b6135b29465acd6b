// What has failed: how often by the code of its error, and the last of them one by one.

import { clock, count, element, say, visible } from './format.mjs';

/** How many failures and how many codes are shown. */
const SHOWN = 50;
const CODES = 8;

export class Failures {
  /** @param {{ codes: HTMLElement, last: HTMLElement, count: HTMLElement }} elements */
  constructor({ codes, last, count: counted }) {
    this._codes = codes;
    this._list = last;
    this._count = counted;
    this._last = [];
    this._words = [];
    /** Number of the newest one. */
    this.seen = 0;
  }

  search(words) {
    this._words = words;
    this._showLast();
  }

  /** Takes those that are new, and the counts of a history. */
  update({ last, most, noted, totals, counts }, { samples }) {
    this.seen = noted;
    if (last.length > 0) {
      this._last = [...last.reverse(), ...this._last].slice(0, most);
      this._showLast();
    }
    const lately = {};
    for (const failures of [...samples.map((sample) => sample.failures), counts]) {
      for (const [code, number] of Object.entries(failures)) lately[code] = (lately[code] ?? 0) + number;
    }
    this._showCodes(lately, totals);
  }

  _showCodes(lately, totals) {
    const codes = Object.entries(lately).sort(([, one], [, other]) => other - one);
    const most = codes[0]?.[1] ?? 1;
    const sum = codes.reduce((total, [, number]) => total + number, 0);
    say(this._count, sum === 0 ? 'none in the last ten minutes' : `${count(sum)} in the last ten minutes`);
    this._codes.replaceChildren(
      ...codes.slice(0, CODES).map(([code, number]) => {
        const bar = element('i', 'bar');
        bar.style.width = `${(100 * number) / most}%`;
        const made = element('li', '', element('span', 'code', visible(code)), element('b', '', count(number)), bar);
        made.title = `${count(totals[code] ?? number)} since the dashboard was started`;
        return made;
      }),
    );
  }

  _showLast() {
    const matching = this._last.filter((failure) => matches(failure, this._words)).slice(0, SHOWN);
    this._list.replaceChildren(...matching.map(itemOf));
  }
}

function itemOf({ time, stage, code, message, peer, claim }) {
  const head = element('div', 'failure-head', element('time', '', clock(time)), element('span', 'peer', peer));
  if (claim !== null) {
    const name = element('bdi', 'claim', `“${visible(claim)}”`);
    name.title = 'The peer says that it is this. It has not proved it.';
    head.append(name);
  }
  const text = element('div', 'message', visible(message));
  const what = stage === 'connection' ? 'connection lost: ' : '';
  return element('li', '', head, text, element('div', 'code', `${what}${visible(code)}`));
}

function matches({ peer, claim }, words) {
  const text = `${peer} ${claim ?? ''}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
