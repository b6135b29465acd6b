// Faults that somebody could have made in a file of JavaScript: one changed place each.

import { parse } from 'acorn';

const OPERATORS = {
  '===': ['!=='],
  '!==': ['==='],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '&': ['|'],
  '|': ['&'],
  '<<': ['>>'],
  '>>': ['<<'],
  '>>>': ['<<'],
};
const LOGICAL = { '&&': '||', '||': '&&', '??': '&&' };

/** All mutants of a CommonJS source: `{ start, end, replacement, name }`, offsets in the source. */
export function mutantsOf(source) {
  const tree = parse(source, { ecmaVersion: 'latest', sourceType: 'script', allowHashBang: true });
  const found = [];
  const add = (start, end, replacement, what) => {
    const before = source.slice(start, end);
    const shown = before.length > 60 ? `${before.slice(0, 57).replace(/\s+/g, ' ')}...` : before.replace(/\s+/g, ' ');
    found.push({ start, end, replacement, name: what ?? `replace \`${shown}\` with \`${replacement}\`` });
  };
  walk(tree, null, (node, parent) => MUTATE[node.type]?.(node, parent, add, source));
  return found;
}

const MUTATE = {
  BinaryExpression(node, _parent, add, source) {
    // Words that are put together are no sum.
    if (node.operator === '+' && [node.left, node.right].some(isText)) return;
    const [start, end] = operatorOf(node, source);
    for (const other of OPERATORS[node.operator] ?? []) {
      add(start, end, other, `replace \`${node.operator}\` with \`${other}\` in \`${shown(source, node)}\``);
    }
  },
  LogicalExpression(node, _parent, add, source) {
    const [start, end] = operatorOf(node, source);
    const other = LOGICAL[node.operator];
    // `a ?? b || c` does not parse without parentheses.
    add(
      node.start,
      node.end,
      `((${source.slice(node.start, start)}) ${other} (${source.slice(end, node.end)}))`,
      describe(),
    );
    function describe() {
      return `replace \`${node.operator}\` with \`${other}\` in \`${shown(source, node)}\``;
    }
  },
  ConditionalExpression(node, _parent, add) {
    for (const value of ['true', 'false']) add(node.test.start, node.test.end, value);
  },
  IfStatement(node, _parent, add) {
    for (const value of ['true', 'false']) add(node.test.start, node.test.end, value);
  },
  WhileStatement(node, _parent, add) {
    add(node.test.start, node.test.end, 'false');
  },
  UnaryExpression(node, _parent, add) {
    if (node.operator === '!') add(node.start, node.argument.start, '', 'delete `!`');
    if (node.operator === '-') add(node.start, node.argument.start, '', 'delete `-`');
  },
  ExpressionStatement(node, _parent, add, source) {
    if (node.directive !== undefined) return;
    add(node.start, node.end, ';', `delete \`${shown(source, node)}\``);
  },
  ThrowStatement(node, _parent, add, source) {
    add(node.start, node.end, ';', `delete \`${shown(source, node)}\``);
  },
  ReturnStatement(node, _parent, add) {
    if (node.argument !== null) add(node.argument.start, node.argument.end, 'undefined');
  },
  ArrowFunctionExpression(node, _parent, add) {
    if (node.body.type !== 'BlockStatement') add(node.body.start, node.body.end, 'undefined');
  },
  Literal(node, parent, add) {
    if (typeof node.value === 'boolean') add(node.start, node.end, String(!node.value));
    if (typeof node.value === 'number' && parent.type !== 'Property') add(node.start, node.end, String(node.value + 1));
  },
  Property(node, _parent, add) {
    if (node.value.type === 'Literal' && typeof node.value.value === 'number') {
      add(node.value.start, node.value.end, String(node.value.value + 1));
    }
  },
  ChainExpression() {},
  MemberExpression(node, _parent, add, source) {
    if (!node.optional) return;
    const at = source.indexOf('?.', node.object.end);
    const rest = source.slice(at + 2, node.end);
    add(at, at + 2, rest.startsWith('[') ? '' : '.', `replace \`?.\` with \`.\` in \`${shown(source, node)}\``);
  },
};

function isText(node) {
  return node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string');
}

function operatorOf(node, source) {
  const start = source.indexOf(node.operator, node.left.end);
  return [start, start + node.operator.length];
}

function shown(source, { start, end }) {
  const text = source.slice(start, end).replace(/\s+/g, ' ');
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function walk(node, parent, visit) {
  visit(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string') walk(child, node, visit);
    }
  }
}
