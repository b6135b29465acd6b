'use strict';

// ASN.1 of files, read into a tree: DER, and BER with indefinite lengths and strings in pieces, which some programs
// still write. Malformed input is a SyntaxError.

/** How deep elements may be nested: deeper than in any file that we read, and less deep than the stack allows. */
const MAX_DEPTH = 32;

const CONSTRUCTED = 0x20;

const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;

/** @returns the tag of a context-specific constructed element */
const context = (number) => 0xa0 | number;

/** One element: its tag (class, form and number in one octet), and either its content or its child elements. */
class Element {
  constructor(tag, bytes, content, children) {
    this.tag = tag;
    /** The whole element, tag and length included. */
    this.bytes = bytes;
    this._content = content;
    this._children = children;
  }

  /** All child elements. */
  children(tag) {
    this._expect(tag);
    if (this._children === null) throw new SyntaxError('a primitive element where a constructed one belongs');
    return this._children;
  }

  /** The elements of a SEQUENCE, of which there must be at least `least`. */
  fields(least) {
    const children = this.children(SEQUENCE);
    if (children.length < least) throw new SyntaxError(`${children.length} fields where ${least} belong`);
    return children;
  }

  /** The only child element, as of an explicit tag. */
  only(tag) {
    const children = this.children(tag);
    if (children.length !== 1) throw new SyntaxError(`${children.length} elements where one belongs`);
    return children[0];
  }

  /** The bytes of an OCTET STRING, which may have an implicit tag; BER may cut them into pieces. */
  octets(tag = OCTET_STRING) {
    if (this._children === null) {
      this._expect(tag);
      return this._content;
    }
    this._expect(tag | CONSTRUCTED);
    return Buffer.concat(this._children.map((piece) => piece.octets()));
  }

  /** A non-negative whole number of at most six bytes. */
  integer() {
    const content = this._primitive(INTEGER);
    if (content.length === 0 || content.length > 6 || content[0] > 0x7f)
      throw new SyntaxError('an INTEGER out of range');
    return content.readUIntBE(0, content.length);
  }

  /** '1.2.840.113549' */
  oid() {
    const content = this._primitive(OBJECT_IDENTIFIER);
    const arcs = [];
    let arc = 0;
    for (const byte of content) {
      arc = arc * 128 + (byte & 0x7f);
      if (arc > Number.MAX_SAFE_INTEGER / 128) throw new SyntaxError('an OBJECT IDENTIFIER out of range');
      if (byte & 0x80) continue;
      // The first two arcs share a number (X.690 section 8.19.4).
      const top = Math.min(Math.floor(arc / 40), 2);
      if (arcs.length === 0) arcs.push(top, arc - top * 40);
      else arcs.push(arc);
      arc = 0;
    }
    if (arcs.length === 0 || content.at(-1) & 0x80) throw new SyntaxError('a truncated OBJECT IDENTIFIER');
    return arcs.join('.');
  }

  _primitive(tag) {
    this._expect(tag);
    return this._content;
  }

  _expect(tag) {
    if (this.tag !== tag) throw new SyntaxError(`a tag of ${hex(this.tag)} where ${hex(tag)} belongs`);
  }
}

/**
 * @param {Buffer} bytes one whole element
 * @returns {Element} whose contents are views into `bytes`
 */
function parse(bytes) {
  const { element, end } = read(bytes, 0, 0);
  if (end !== bytes.length) throw new SyntaxError(`${bytes.length - end} bytes after the end`);
  return element;
}

function read(bytes, start, depth) {
  if (depth > MAX_DEPTH) throw new SyntaxError(`elements nested more than ${MAX_DEPTH} deep`);
  const tag = octet(bytes, start);
  if ((tag & 0x1f) === 0x1f) throw new SyntaxError('a tag of several bytes');
  const first = octet(bytes, start + 1);
  const isConstructed = (tag & CONSTRUCTED) !== 0;
  if (first === 0x80) {
    if (!isConstructed) throw new SyntaxError('a primitive element of indefinite length');
    const { children, end } = readIndefinite(bytes, start + 2, depth);
    return { element: new Element(tag, bytes.subarray(start, end), null, children), end };
  }
  const { length, begin } = readLength(bytes, start + 1, first);
  const end = begin + length;
  if (end > bytes.length) throw new SyntaxError(`${bytes.length - begin} bytes where ${length} belong`);
  const content = bytes.subarray(begin, end);
  const children = isConstructed ? readAll(content, depth) : null;
  return { element: new Element(tag, bytes.subarray(start, end), content, children), end };
}

function readLength(bytes, at, first) {
  if (first < 0x80) return { length: first, begin: at + 1 };
  const size = first & 0x7f;
  if (size > 4) throw new SyntaxError(`a length of ${size} bytes`);
  octet(bytes, at + size);
  return { length: bytes.readUIntBE(at + 1, size), begin: at + 1 + size };
}

function readAll(content, depth) {
  const children = [];
  for (let at = 0; at < content.length; ) {
    const { element, end } = read(content, at, depth + 1);
    children.push(element);
    at = end;
  }
  return children;
}

/** Reads elements until two zero bytes (X.690 section 8.1.3.6). */
function readIndefinite(bytes, start, depth) {
  const children = [];
  let at = start;
  while (octet(bytes, at) !== 0 || octet(bytes, at + 1) !== 0) {
    const { element, end } = read(bytes, at, depth + 1);
    children.push(element);
    at = end;
  }
  return { children, end: at + 2 };
}

function octet(bytes, at) {
  const value = bytes[at];
  if (value === undefined) throw new SyntaxError('the input ends too soon');
  return value;
}

function hex(tag) {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}

module.exports = { SEQUENCE, context, parse };
