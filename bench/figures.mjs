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
export function summary(values, format = figure) {
  if (values.length === 1) return format(values[0]);
  return `${format(median(values))} [${format(Math.min(...values))}..${format(Math.max(...values))}]`;
}

export function figure(value) {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}
