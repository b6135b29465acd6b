// Faults that are built together, and switched on one at a time by an environment variable.

/** The number of the fault that is there. */
export const PLANTED = 'PLANTED';

/** A file that is told which faults have been come by, in which thread: tests are threads with their names. */
export const NOTED = 'PLANTED_NOTED';

/** The file that has the switch. */
export const ROOM = 'src/lib.rs';

export const SWITCH = `
/// Whether the fault with this number is there.
#[allow(missing_docs)]
pub(crate) fn planted(number: usize) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<usize>> = std::sync::OnceLock::new();
    note(number);
    *CHOSEN.get_or_init(|| std::env::var("${PLANTED}").ok()?.parse().ok()) == Some(number)
}

fn note(number: usize) {
    use std::collections::HashSet;
    static NOTES: std::sync::OnceLock<Option<std::fs::File>> = std::sync::OnceLock::new();
    thread_local! { static KNOWN: std::cell::RefCell<HashSet<usize>> = Default::default(); }
    let open = || std::fs::OpenOptions::new().append(true).create(true).open(std::env::var_os("${NOTED}")?).ok();
    let Some(mut notes) = NOTES.get_or_init(open).as_ref() else { return };
    let is_new = KNOWN.try_with(|known| known.borrow_mut().insert(number)).unwrap_or(true);
    if is_new {
        let line = format!("{number} {}\\n", std::thread::current().name().unwrap_or("?"));
        let _ = std::io::Write::write_all(&mut notes, line.as_bytes());
    }
}
`;

/**
 * Puts faults into a source, each with its switch. Of two faults one may be within the other.
 *
 * @param {Buffer} source
 * @param {{ number: number, start: number, end: number, switch: [string, string] }[]} faults
 * @returns {{ text: string, places: { number: number, start: number, end: number, own: [number, number][] }[] }} `places` says in bytes
 * of the text where each fault is now, and which parts of that are its own
 */
export function switchInto(source, faults) {
  const sorted = faults.toSorted((one, other) => one.start - other.start || other.end - one.end);
  const insertions = sorted.flatMap((fault, order) => {
    const { number, start, end } = fault;
    const [before, after] = fault.switch.map((text) => text.replaceAll('FAULT', `crate::planted(${number})`));
    return [
      { at: start, fault, order, text: before, closes: false, isPoint: start === end },
      ...(after === '' && start === end ? [] : [{ at: end, fault, order, text: after, closes: true }]),
    ];
  });
  // At one place: what ends there, the inner first, then what stands between, then what begins there, the outer first.
  const rank = ({ closes, isPoint }) => (closes ? 0 : isPoint ? 1 : 2);
  insertions.sort(
    (one, other) =>
      one.at - other.at || rank(one) - rank(other) || (one.closes ? other.order - one.order : one.order - other.order),
  );
  const parts = [];
  const places = new Map(faults.map(({ number }) => [number, { number, own: [] }]));
  let [read, length] = [0, 0];
  const push = (part) => {
    parts.push(part);
    length += part.length;
  };
  for (const { at, fault, text } of insertions) {
    push(source.subarray(read, at));
    read = at;
    const begins = length;
    push(Buffer.from(text));
    places.get(fault.number).own.push([begins, length]);
  }
  push(source.subarray(read));
  for (const place of places.values()) [place.start, place.end] = [place.own[0][0], place.own.at(-1)[1]];
  return { text: Buffer.concat(parts).toString(), places: [...places.values()] };
}
