// What a shared library for Linux asks of the system it is loaded into, read from its ELF file: 64-bit, little-endian.

import { readFileSync } from 'node:fs';

// Types of sections (System V ABI, chapter 4) and tags of the dynamic section (chapter 5).
const SHT_SYMTAB = 2;
const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHT_GNU_VERNEED = 0x6ffffffe;
const DT_NEEDED = 1;
const DT_SYMBOLIC = 16;
const DT_FLAGS = 30;
const DF_SYMBOLIC = 2;
const MACHINES = { 62: 'x64', 183: 'arm64' };

/**
 * @param {string} file
 * @returns {{ arch: string, needed: string[], versions: string[], undefinedSymbols: string[],
 *   exportedSymbols: string[], allSymbols: string[], symbolic: boolean, stripped: boolean }}
 *   NEEDED libraries, symbol versions such as GLIBC_2.28, names that another library or the program must define, names
 *   that it defines for them, all that it defines (none when it is stripped), and whether it prefers its own definitions to
 *   theirs
 */
export function readElf(file) {
  const elf = readFileSync(file);
  if (elf.readUInt32BE(0) !== 0x7f454c46) throw new Error(`${file} is no ELF file`);
  if (elf[4] !== 2 || elf[5] !== 1) throw new Error(`${file} is not 64-bit little-endian`);
  const sections = readSections(elf);
  const ofType = (type) => sections.filter((section) => section.type === type);
  const symbols = (type) => ofType(type).flatMap((section) => symbolsOf(elf, section, sections[section.link]));
  const dynamicSymbols = symbols(SHT_DYNSYM);
  const defined = (all) => all.filter((symbol) => symbol.defined).map((symbol) => symbol.name);
  return {
    arch: MACHINES[elf.readUInt16LE(18)] ?? 'unknown',
    needed: ofType(SHT_DYNAMIC).flatMap((section) => neededLibraries(elf, section, sections[section.link])),
    versions: ofType(SHT_GNU_VERNEED).flatMap((section) => neededVersions(elf, section, sections[section.link])),
    undefinedSymbols: dynamicSymbols.filter((symbol) => !symbol.defined).map((symbol) => symbol.name),
    exportedSymbols: defined(dynamicSymbols),
    allSymbols: defined(symbols(SHT_SYMTAB)),
    symbolic: ofType(SHT_DYNAMIC).some((section) => isSymbolic(elf, section)),
    stripped: ofType(SHT_SYMTAB).length === 0 && !sections.some(({ name }) => name.startsWith('.debug')),
  };
}

function readSections(elf) {
  const table = number(elf, 0x28);
  const entrySize = elf.readUInt16LE(0x3a);
  const sections = Array.from({ length: elf.readUInt16LE(0x3c) }, (_, index) => {
    const at = table + index * entrySize;
    return {
      nameAt: elf.readUInt32LE(at),
      type: elf.readUInt32LE(at + 4),
      offset: number(elf, at + 24),
      size: number(elf, at + 32),
      link: elf.readUInt32LE(at + 40),
      count: elf.readUInt32LE(at + 44),
    };
  });
  const names = sections[elf.readUInt16LE(0x3e)];
  return sections.map((section) => ({ ...section, name: text(elf, names, section.nameAt) }));
}

function neededLibraries(elf, section, strings) {
  return entries(section, 16)
    .filter((at) => number(elf, at) === DT_NEEDED)
    .map((at) => text(elf, strings, number(elf, at + 8)));
}

function isSymbolic(elf, section) {
  return entries(section, 16).some((at) => {
    const [tag, value] = [number(elf, at), number(elf, at + 8)];
    return tag === DT_SYMBOLIC || (tag === DT_FLAGS && (value & DF_SYMBOLIC) !== 0);
  });
}

/** A list of libraries, each with a list of versions; `count` is that of the libraries. */
function neededVersions(elf, section, strings) {
  const versions = [];
  let library = section.offset;
  for (let left = section.count; left > 0; left--) {
    let version = library + elf.readUInt32LE(library + 8);
    for (let more = elf.readUInt16LE(library + 2); more > 0; more--) {
      versions.push(text(elf, strings, elf.readUInt32LE(version + 8)));
      version += elf.readUInt32LE(version + 12);
    }
    library += elf.readUInt32LE(library + 12);
  }
  return [...new Set(versions)];
}

function symbolsOf(elf, section, strings) {
  return entries(section, 24)
    .filter((at) => elf.readUInt32LE(at) !== 0)
    .map((at) => ({ name: text(elf, strings, elf.readUInt32LE(at)), defined: elf.readUInt16LE(at + 6) !== 0 }));
}

function entries({ offset, size }, entrySize) {
  return Array.from({ length: size / entrySize }, (_, index) => offset + index * entrySize);
}

function text(elf, strings, at) {
  const start = strings.offset + at;
  return elf.toString('latin1', start, elf.indexOf(0, start));
}

function number(elf, at) {
  return Number(elf.readBigUInt64LE(at));
}
