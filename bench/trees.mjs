// Two trees of this repository, measured in turns: what a change has done to the speed.
//
// A comparison of two runs sees the machine's moods more than the change. Here each round measures both trees one after
// the other, and each round gives a ratio of its own; what is reported is the median of these ratios.

import { median, ratio, summary } from './figures.mjs';

/** A ratio that falls by more than this needs its reason. */
const FALL = 0.03;

/** How likely it may be that the true median lies outside the reported interval. */
const DOUBT = 0.05;

/** Both trees as competitors of one measurement: the same server or client, with another package. */
export function competitors(ours, { before, after }) {
  return [
    { ...ours, name: 'before', package: before },
    { ...ours, name: 'after', package: after },
  ];
}

export function reportHeading() {
  console.log('| measurement | unit | before | after | after/before [95 %] | |\n|---|---|---|---|---|---|');
}

/** @returns {boolean} whether the measurement has fallen by more than it may */
export function reportChange({ name, unit, better, figures }, rounds) {
  const ratios = rounds
    .filter(({ before, after }) => before !== undefined && after !== undefined)
    .map(({ before, after }) => ratio(after, before, better));
  if (ratios.length === 0) {
    console.log(`| ${name} | ${unit} | | | | no result |`);
    return false;
  }
  const middle = median(ratios);
  const [low, high] = interval(ratios);
  const falls = middle < 1 - FALL;
  const verdict = falls ? `falls by ${((1 - middle) * 100).toFixed(1)} %${high < 1 ? '' : ', which may be noise'}` : '';
  const change = `${middle.toFixed(2)} [${low.toFixed(2)}..${high.toFixed(2)}]`;
  console.log(
    `| ${name} | ${unit} | ${summary(figures.before)} | ${summary(figures.after)} | ${change} | ${verdict} |`,
  );
  return falls;
}

/**
 * The interval in which the true median lies with a probability of 95 %, whatever the distribution: from the value of a
 * certain rank to that of the same rank from above, as the sign test has it. Of fewer than six values it is the range.
 */
function interval(values) {
  const sorted = [...values].sort((a, b) => a - b);
  let rank = 0;
  // The probability that exactly, and that at most, `rank` of the values lie below the true median.
  let exactly = 0.5 ** values.length;
  let atMost = exactly;
  while (atMost <= DOUBT / 2) {
    rank++;
    exactly *= (values.length - rank + 1) / rank;
    atMost += exactly;
  }
  rank = Math.max(rank, 1);
  return [sorted[rank - 1], sorted[values.length - rank]];
}
