'use strict';

// Mutations of DER that keep to its structure: an element is changed, and all lengths around it are right again, unless a length is
// what is changed. An OCTET STRING that holds DER counts as structure, too: so it is in PKCS#12.

const CONSTRUCTED = 0x20;
const [INTEGER, OCTETS, OID, SEQUENCE] = [0x02, 0x04, 0x06, 0x30];

/** Numbers that mean something to somebody: none, one, bombs of rounds, what does not fit, and what is negative. */
const INTEGERS = [
  '',
  '00',
  '01',
  '7f',
  '80',
  'ff',
  '0400',
  '4c4b41',
  '7fffffff',
  '00ffffffff',
  '7fffffffffff',
  '01'.repeat(9),
];

/** Identifiers of every algorithm, bag and content that the reader knows, and of some that it does not. */
const OIDS = [
  ...['01', '02', '03', '04', '06'].map((last) => `2a864886f70d0107${last}`),
  ...['01', '02', '03', '04', '05', '06'].map((last) => `2a864886f70d010c01${last}`),
  ...['01', '02', '03', '06'].map((last) => `2a864886f70d010c0a01${last}`),
  ...['0c', '0d', '0e'].map((last) => `2a864886f70d0105${last}`),
  ...['07', '09', '0b', '0e'].map((last) => `2a864886f70d02${last}`),
  ...['02', '16', '2a'].map((last) => `608648016503040${'1'}${last}`),
  ...['01', '02', '03', '04'].map((last) => `6086480165030402${last}`),
  '2a864886f70d0307',
  '2a864886f70d01091601',
  '2b0e03021a',
  '',
  '80',
  'ff'.repeat(12),
];

/** A tree of what DER says; undefined where it says nothing. Wrapped: an OCTET STRING that holds DER. */
function treeOf(bytes) {
  const elements = readAll(bytes);
  return elements?.length === 1 ? elements[0] : undefined;
}

function readAll(bytes) {
  const elements = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes[at + 1] < 0x80 ? 0 : bytes[at + 1] & 0x7f;
    if (size > 4 || bytes[at + 1] === 0x80 || at + 2 + size > bytes.length) return undefined;
    const length = size === 0 ? bytes[at + 1] : bytes.readUIntBE(at + 2, size);
    const begin = at + 2 + size;
    if (begin + length > bytes.length) return undefined;
    elements.push(elementOf(bytes[at], bytes.subarray(begin, begin + length)));
    at = begin + length;
  }
  return elements;
}

function elementOf(tag, content) {
  const holdsMore = tag & CONSTRUCTED || (tag === OCTETS && content[0] === SEQUENCE);
  const children = holdsMore ? readAll(content) : undefined;
  return { tag, content, children, ...(children === undefined && { children: null }) };
}

/** The bytes of a tree. */
function bytesOf({ tag, content, children, claims = 0 }) {
  const inside = children === null ? content : Buffer.concat(children.map(bytesOf));
  return Buffer.concat([Buffer.from([tag]), lengthOf(Math.max(0, inside.length + claims)), inside]);
}

function lengthOf(length) {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(length, 1);
  const first = bytes.findIndex((byte, index) => index > 0 && byte !== 0);
  bytes[first - 1] = 0x80 | (bytes.length - first);
  return bytes.subarray(first - 1);
}

/** All elements of a tree, each with the one that holds it. */
function* elements(element, parent = undefined) {
  yield { element, parent };
  for (const child of element.children ?? []) yield* elements(child, element);
}

const CHANGES = [
  /** Another tag. */
  ({ element }, dice) => {
    element.tag = dice.pick([
      dice.roll(256),
      element.tag ^ CONSTRUCTED,
      SEQUENCE,
      OCTETS,
      INTEGER,
      OID,
      0xa0,
      0x80,
      0x1f,
    ]);
  },
  /** A length that is not true. */
  ({ element }, dice) => {
    element.claims = dice.pick([-1, 1, 127, 65_536, 2 ** 31 - 1e6, -(2 ** 31)]);
  },
  /** One element fewer. */
  ({ element, parent }) => {
    if (parent) parent.children = parent.children.filter((each) => each !== element);
  },
  /** One element twice, or many times. */
  ({ element, parent }, dice) => {
    const copies = Array.from({ length: dice.pick([1, 1, 2, 30]) }, () => element);
    if (parent) parent.children = parent.children.flatMap((each) => (each === element ? [each, ...copies] : [each]));
  },
  /** Elements in another order. */
  ({ element }, dice) => {
    if (element.children) element.children.sort(() => dice.roll(3) - 1);
  },
  /** Other bytes. */
  ({ element }, dice) => {
    const bytes = Buffer.from(element.children === null ? element.content : bytesOf(element));
    for (let change = dice.roll(4); change >= 0 && bytes.length > 0; change--)
      bytes[dice.roll(bytes.length)] = dice.roll(256);
    Object.assign(element, { content: bytes, children: null });
  },
  /** Fewer bytes, or more. */
  ({ element }, dice) => {
    const content = element.children === null ? element.content : bytesOf(element);
    const other = dice.pick([
      Buffer.alloc(0),
      content.subarray(0, dice.roll(content.length + 1)),
      dice.bytes(20),
      Buffer.alloc(5000),
    ]);
    Object.assign(element, { content: other, children: null });
  },
  /** Many more of them around it. */
  ({ element }, dice) => {
    let content = bytesOf(element);
    const tag = dice.pick([element.tag | CONSTRUCTED, SEQUENCE, 0xa0]);
    for (let depth = dice.pick([1, 9, 31, 40, 1000]); depth > 1; depth--)
      content = bytesOf({ tag, content, children: null });
    Object.assign(element, { tag, content, children: null });
  },
];

/** Changes that make sense for one kind of element. */
const SPECIAL = {
  [INTEGER]: ({ element }, dice) => {
    Object.assign(element, { content: Buffer.from(dice.pick(INTEGERS), 'hex'), children: null });
  },
  [OID]: ({ element }, dice) => {
    Object.assign(element, { content: Buffer.from(dice.pick(OIDS), 'hex'), children: null });
  },
};

/** A file with some elements changed; or some bytes, if it is not DER. */
function mutated(bytes, dice) {
  const tree = treeOf(bytes);
  if (tree === undefined) {
    const other = Buffer.from(bytes);
    for (let change = dice.roll(4); change >= 0; change--) other[dice.roll(other.length)] = dice.roll(256);
    return other;
  }
  for (let change = dice.roll(3); change >= 0; change--) {
    const place = dice.pick([...elements(tree)]);
    const special = SPECIAL[place.element.tag];
    const act = special !== undefined && dice.roll(2) === 0 ? special : dice.pick(CHANGES);
    act(place, dice);
  }
  return bytesOf(tree);
}

module.exports = { mutated };
