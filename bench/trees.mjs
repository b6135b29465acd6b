// Two trees of this repository, measured in turns: what a change has done to the speed.
//
// A comparison of two runs sees the machine's moods more than the change. Here each round measures both trees one after
// the other, and each round gives a ratio of its own; what is reported is the median of these ratios.

import { median, ratio, summary } from './figures.mjs';

/** A ratio that falls by more than this needs its reason. */
const FALL = 0.03;

/** Both trees as competitors of one measurement: the same server or client, with another package. */
export function competitors(ours, { before, after }) {
  return [
    { ...ours, name: 'before', package: before },
    { ...ours, name: 'after', package: after },
  ];
}

export function reportHeading() {
  console.log('| measurement | unit | before | after | after/before | |\n|---|---|---|---|---|---|');
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
  const falls = median(ratios) < 1 - FALL;
  const doubt = ratios.every((ofRound) => ofRound < 1) ? '' : ', but not in every round';
  const verdict = falls ? `falls by ${((1 - median(ratios)) * 100).toFixed(1)} %${doubt}` : '';
  const ofRounds = summary(ratios, (value) => value.toFixed(2));
  console.log(
    `| ${name} | ${unit} | ${summary(figures.before)} | ${summary(figures.after)} | ${ofRounds} | ${verdict} |`,
  );
  return falls;
}
