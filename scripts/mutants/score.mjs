// How good the tests are, as far as a sample can tell.

/** Random numbers that a seed repeats (mulberry32). */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One line about the mutants of a layer: those that do not build, or change nothing, do not count. */
export function scoreLine(layer, judged) {
  const count = (verdict) => judged.filter((mutant) => mutant.verdict === verdict).length;
  const caught = count('caught');
  const all = caught + count('missed') + count('not run');
  const left = [
    [count('unviable'), 'do not build'],
    [count('equivalent'), 'change nothing'],
  ].filter(([number]) => number > 0);
  const share =
    all === 0 ? '' : `, ${percent(caught / all)} (95 % interval: ${interval(caught, all).map(percent).join(' to ')})`;
  return [`${layer}: ${caught} of ${all} caught${share}`, ...left.map(([number, what]) => `${number} ${what}`)].join(
    '; ',
  );
}

function percent(share) {
  return `${(100 * share).toFixed(0)} %`;
}

/** Wilson's interval: where the share of all mutants lies, when a sample of them shows this one. */
export function interval(caught, all) {
  const z = 1.96;
  const share = caught / all;
  const centre = share + z ** 2 / (2 * all);
  const width = z * Math.sqrt((share * (1 - share)) / all + z ** 2 / (4 * all ** 2));
  return [centre - width, centre + width].map((value) => value / (1 + z ** 2 / all));
}
