#!/usr/bin/env node
// Proves that each layer of the Rust core keeps to itself (docs/architecture.md):
//
//   src/binding -> src/proto -> src/tls -> src/tls/mbed -> src/tls/mbed/ffi -> src/tls/ffi
//                               src/tls -> src/tls/dtls13 -> src/tls/ffi
//                               src/tls -> src/tls/trust -> src/tls/ffi
//   src/proto, src/tls, src/tls/mbed, src/tls/dtls13 -> src/wire
//
// and that no files import each other in a circle.
//
//   node scripts/check-layers.mjs [ROOT]
//
// Prints one line `file:line: what is wrong` for each violation, and exits with 1 when there is any.
// Comments and strings do not count. Tests keep to the same rules, save for two: they may ask the clock for their first
// Instant in src/proto/tests/ and the tests.rs of src/tls/dtls13, src/tls/mbed and its ffi, and src/proto/tests/threads.rs is about threads.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

// `only`, `never` and `except` are beginnings of paths below src/. Paths of `use` are seen in full: `use std::{net::UdpSocket}`
// is seen as `std::net::UdpSocket`.
const RULES = [
  { word: /\bnapi(_derive|_sys)?\b/, only: ['binding'], why: 'napi belongs in src/binding' },
  { word: /\btokio\b/, only: ['binding'], why: 'tokio belongs in src/binding' },
  {
    word: /\bmbedtls(_sys|_sys_auto|_platform_support)?\b/,
    only: ['tls/mbed'],
    why: 'mbedtls belongs in src/tls/mbed',
  },
  {
    word: /\baws_lc_(sys|rs)\b/,
    only: ['tls/ffi', 'tls/mbed/ffi'],
    why: 'aws-lc belongs in src/tls/ffi and src/tls/mbed/ffi',
  },
  {
    word: /\bunsafe\b/,
    only: ['tls/ffi', 'tls/mbed/ffi'],
    why: 'unsafe belongs in src/tls/ffi and src/tls/mbed/ffi',
  },
  {
    word: /\b(Instant|SystemTime)::now\b|\.elapsed\(\)/,
    only: ['binding', 'proto/tests', 'tls/dtls13/tests', 'tls/mbed/tests', 'tls/mbed/ffi/tests'],
    why: 'the clock is read in src/binding; below it time is an argument',
  },
  {
    word: /\b(Udp|Unix|Tcp)(Socket|Datagram|Stream|Listener)\b|\b(std|tokio)::(net|os::unix::net)::\*/,
    never: ['proto', 'tls', 'wire'],
    why: 'sockets belong to JavaScript',
  },
  {
    word: /\bstd::thread\b|\bthread::(spawn|sleep|scope|Builder)\b/,
    never: ['proto', 'tls', 'wire'],
    except: ['proto/tests/threads'],
    why: 'no threads below src/binding',
  },
];

// What a module may import of ours: `crate`, `self` and `super` are resolved to a path below src/. The rule for the
// longest `within` that holds the module counts. `to` and `butNot` are beginnings of paths.
const IMPORTS = [
  { within: 'wire', to: ['wire'], why: 'src/wire imports nothing of ours' },
  { within: 'tls/ffi', to: ['tls/ffi'], why: 'src/tls/ffi imports nothing of ours' },
  {
    within: 'tls/mbed/ffi',
    to: ['tls/mbed/ffi', 'tls/ffi'],
    why: 'src/tls/mbed/ffi imports nothing from above itself',
  },
  {
    within: 'tls/mbed',
    to: ['tls', 'wire'],
    butNot: ['tls/dtls13'],
    why: 'src/tls imports no layer above it, and no engine the other one',
  },
  {
    within: 'tls/dtls13',
    to: ['tls', 'wire'],
    butNot: ['tls/mbed'],
    why: 'src/tls imports no layer above it, and no engine the other one',
  },
  {
    within: 'tls/trust',
    to: ['tls', 'wire'],
    butNot: ['tls/dtls13', 'tls/mbed/ffi'],
    why: 'src/tls imports no layer above it, and the verdict on a peer belongs to no engine',
  },
  {
    within: 'tls',
    to: ['tls', 'wire'],
    butNot: ['tls/mbed/ffi', 'tls/ffi'],
    why: 'src/tls imports no layer above it, and its face reaches no further than the engines',
  },
  {
    within: 'proto',
    to: ['proto', 'tls', 'wire'],
    butNot: ['tls/mbed', 'tls/dtls13', 'tls/ffi'],
    why: 'src/proto imports no layer above it, and no engine past the face of src/tls',
  },
  { within: 'binding', to: ['binding', 'proto'], why: 'src/binding imports src/proto only' },
];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const { files, violations } = checkLayers(root);
  for (const violation of violations) console.log(violation);
  console.log(`layers: ${files} files, ${violations.length} violations`);
  process.exitCode = violations.length > 0 || files === 0 ? 1 : 0;
}

/** Checks every Rust file below `root`/src. */
export function checkLayers(root) {
  const source = path.join(root, 'src');
  const files = readdirSync(source, { recursive: true })
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => file.endsWith('.rs'))
    .sort();
  const texts = files.map((file) => ({ file, text: readFileSync(path.join(source, file), 'utf8') }));
  const violations = texts.flatMap(({ file, text }) => checkFile(file, text));
  // An import that climbs makes a circle too, and is told already.
  return { files: files.length, violations: violations.length > 0 ? violations : circlesOf(texts) };
}

/** One line for each set of files that import each other. Tests import what they test. */
function circlesOf(texts) {
  const files = new Map(texts.map(({ file }) => [moduleOf(file), file]));
  const imports = new Map();
  for (const { file, text } of texts) {
    if (/(^|\/)tests(\.rs|\/)/.test(file)) continue;
    const module = moduleOf(file);
    const used = statementsOf(withoutCommentsAndStrings(text)).flatMap(({ code }) =>
      importsOf(code, module.split('/')),
    );
    imports.set(module, new Set(used.map((path) => owner(path, files)).filter((other) => other && other !== module)));
  }
  const reaches = (from) => {
    const seen = new Set();
    const next = [from];
    while (next.length > 0) {
      for (const other of imports.get(next.pop()) ?? []) {
        if (!seen.has(other)) next.push(other);
        seen.add(other);
      }
    }
    return seen;
  };
  const reached = new Map([...imports.keys()].map((module) => [module, reaches(module)]));
  const circles = [...reached].map(([module, others]) =>
    [...others].filter((other) => reached.get(other)?.has(module)).sort(),
  );
  const named = new Set(
    circles.filter(({ length }) => length > 0).map((circle) => circle.map((m) => `src/${files.get(m)}`).join(', ')),
  );
  return [...named].map((circle) => `${circle}: these files import each other in a circle`);
}

/** The module of a file, as a path below src/. */
function moduleOf(file) {
  return file.replace(/(\/mod)?\.rs$/, '');
}

/** The module that defines what a path names: the longest beginning of the path that has a file. */
function owner(path, files) {
  const parts = path.split('/');
  while (parts.length > 0 && !files.has(parts.join('/'))) parts.pop();
  return parts.join('/');
}

function checkFile(file, text) {
  const report = (line, why) => `src/${file}:${line}: ${why}`;
  const module = moduleOf(file);
  if (module !== 'lib' && !isWithin(module, ['binding', 'proto', 'tls', 'wire'])) {
    return [report(1, 'this file is in no layer')];
  }
  const code = withoutCommentsAndStrings(text);
  const statements = statementsOf(code);
  const violations = RULES.filter(
    ({ only, never, except = [] }) =>
      !(only ? isWithin(module, only) : !isWithin(module, never)) && !isWithin(module, except),
  ).flatMap((rule) => statements.filter(({ code }) => rule.word.test(code)).map(({ line }) => report(line, rule.why)));

  const rule = IMPORTS.find(({ within }) => isWithin(module, [within]));
  if (rule) {
    const modules = modulesByLine(code, module.split('/'));
    for (const statement of statements) {
      const imports = importsOf(statement.code, modules[statement.line - 1]);
      if (imports.some((path) => !isWithin(path, rule.to) || isWithin(path, rule.butNot ?? []))) {
        violations.push(report(statement.line, rule.why));
      }
    }
  }
  return [...new Set(violations)];
}

/** Paths below src/ that `crate::`, `self::` and `super::` lead to from this module. */
function importsOf(code, module) {
  const paths = code.matchAll(/(?<![\w:$])(crate|self|super)((?:::\w+)+)/g);
  return Array.from(paths, ([, first, rest]) => {
    const path = first === 'crate' ? [] : first === 'self' ? [...module] : module.slice(0, -1);
    for (const name of rest.split('::').slice(1)) {
      if (name === 'super') path.pop();
      else path.push(name);
    }
    return path.join('/');
  });
}

/** The module that each line belongs to: the file's own, or one that stands in braces in it. */
function modulesByLine(code, own) {
  const open = [];
  let depth = 0;
  return code.split('\n').map((line) => {
    let module = [...own, ...open.map(({ name }) => name)];
    for (const [token, name] of line.matchAll(/\bmod\s+(\w+)\s*\{|[{}]/g)) {
      if (token === '}') {
        depth -= 1;
        if (open.at(-1)?.depth === depth) open.pop();
      } else {
        if (name) open.push({ name, depth });
        depth += 1;
      }
      // What stands on the line where a module begins is inside it.
      if (name) module = [...own, ...open.map(({ name }) => name)];
    }
    return module;
  });
}

function isWithin(module, directories) {
  return directories.some((directory) => module === directory || module.startsWith(`${directory}/`));
}

/** The code line by line, without blanks round `::`; each `use` as one entry for each path that it names. */
function statementsOf(code) {
  const statements = [];
  const rest = code.replace(/\buse\s+([^;]*);/g, (use, tree, offset) => {
    const line = lineAt(code, offset);
    for (const full of pathsOf(tree)) statements.push({ line, code: full });
    return use.replace(/[^\n]/g, ' ');
  });
  const joined = rest.replace(/\s*::\s*/g, (colons) => `::${'\n'.repeat(colons.split('\n').length - 1)}`);
  // A path that was broken over lines counts where it begins.
  const lines = joined.split('\n');
  for (let index = lines.length - 1; index > 0; index--) {
    if (lines[index - 1].endsWith('::')) {
      lines[index - 1] += lines[index];
      lines[index] = '';
    }
  }
  for (const [index, text] of lines.entries()) statements.push({ line: index + 1, code: text });
  return statements;
}

function lineAt(text, offset) {
  return text.slice(0, offset).split('\n').length;
}

/** `a::{b, c::{d as e, self}}` -> a::b, a::c::d as e, a::c::self */
function pathsOf(tree) {
  const text = tree
    .replace(/\s+/g, ' ')
    .replace(/ ?:: ?/g, '::')
    .trim();
  const brace = text.indexOf('{');
  if (brace === -1) return [text];
  const prefix = text.slice(0, brace);
  const inside = text.slice(brace + 1, text.lastIndexOf('}'));
  return splitAtCommas(inside).flatMap((part) => pathsOf(part).map((full) => prefix + full));
}

function splitAtCommas(text) {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.filter((part) => part.trim() !== '');
}

/** Blanks out comments (nested ones too), strings, raw strings and character literals, and keeps every line break. */
function withoutCommentsAndStrings(text) {
  const token = /\/\/[^\n]*|\/\*|(?:\b(?:r|br|cr)(#*)|\b[bc])?"|'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'\n])'/gu;
  let code = '';
  let position = 0;
  const skipTo = (end) => {
    code += text.slice(position, end).replace(/[^\n]/g, ' ');
    position = end;
  };
  while (position < text.length) {
    token.lastIndex = position;
    const match = token.exec(text);
    if (!match) break;
    code += text.slice(position, match.index);
    position = match.index;
    if (match[0] === '/*') skipTo(endOfBlockComment(text, position));
    else if (match[0].endsWith('"')) skipTo(endOfString(text, token.lastIndex, match[1]));
    else skipTo(token.lastIndex);
  }
  return code + text.slice(position);
}

function endOfBlockComment(text, start) {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}

/** `hashes` of a raw string's opening; undefined when it is not raw. */
function endOfString(text, start, hashes) {
  const end = hashes === undefined ? /(?<!\\)(?:\\\\)*"/g : new RegExp(`"${hashes}`, 'g');
  end.lastIndex = start;
  return end.exec(text) ? end.lastIndex : text.length;
}
