// What is made of the figures of several rounds.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** How many times as good `ours` is as `theirs`, where `better` is 'more' or 'less'. */
export function ratio(ours, theirs, better) {
  return better === 'more' ? ours / theirs : theirs / ours;
}

/** The median, and of several rounds the smallest and the largest figure in brackets. */
export function summary(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length > 1 ? `${figure(median(values))} [${figure(low)}..${figure(high)}]` : figure(values[0]);
}

export function figure(value) {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}
