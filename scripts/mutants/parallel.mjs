// More than one at a time: tests over sockets wait more than they compute.

/** So many at once. */
export const WIDTH = 3;

/** Calls `act` with each item and the number of its place, of which there are `width`. */
export async function inParallel(items, act, width = WIDTH) {
  const left = [...items];
  const places = Array.from({ length: width }, async (_, place) => {
    while (left.length > 0) await act(left.shift(), place);
  });
  await Promise.all(places);
}
