'use strict';

// The scenarios of Mbed TLS's own ssl-opt.sh: what its test cases say, read from the script itself.
//
// The shell reads the script, with functions of ours in the place of those that run a test case or ask what a build can do. So
// its loops and variables mean what they mean to its authors.

const { execFileSync, spawnSync } = require('node:child_process');
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');

const { installed } = require('../matrix/installed.js');

const VERSIONS = {
  2.28: { built: installed('mbedtls'), sources: installed('mbedtls-sources'), data: ['tests', 'data_files'] },
  3.6: { built: installed('mbedtls3'), sources: installed('mbedtls3-sources'), data: ['framework', 'data_files'] },
};

/** What stands between the fields of a scenario, and between scenarios. */
const [FIELD, RECORD] = ['\x1f', '\x1e'];

/** The first line of the script that belongs to a test case. */
const FIRST = 'trap cleanup INT TERM HUP\n';

/** The name of a function of the script's. */
const FUNCTION = /^(\w+) *\(\)/gm;
/** Functions that say what the next test case depends on. */
const CONDITION = /^(requires|skip|not_with|only_with|client_needs|server_needs)_/;

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string[]} server, client, proxy words of the command lines; no proxy: none is needed
 * @property {boolean} succeeds whether the client must end well
 * @property {{ flag: string, pattern: string }[]} checks what the outputs must have, and must not have
 * @property {string[][]} conditions of the build, and how much time is needed
 */

/** An installed version: { build, version, programs, data, scenarios }, or { missing }. */
function upstream(name) {
  const { built, sources, data } = VERSIONS[name];
  const programs = Object.fromEntries(
    [
      ['ssl_server2', 'ssl'],
      ['ssl_client2', 'ssl'],
      ['udp_proxy', 'test'],
    ].map(([program, directory]) => [program, path.join(built, 'programs', directory, program)]),
  );
  const lacking = Object.entries(programs).find(([, file]) => !existsSync(file));
  if (lacking) return { missing: `${lacking[0]} of Mbed TLS ${name} not built` };
  return {
    build: new Build(programs.ssl_server2),
    version: readFileSync(path.join(built, 'version'), 'utf8').trim(),
    programs,
    data: path.join(sources, ...data),
    scenarios: read(path.join(sources, 'tests', 'ssl-opt.sh'), path.join(sources, ...data)).filter(speaksDtls),
  };
}

/** @returns {Scenario[]} */
function read(file, data) {
  const script = readFileSync(file, 'utf8');
  const begin = script.indexOf(FIRST);
  const functions = [...script.slice(0, begin).matchAll(FUNCTION)].map(([, name]) => name);
  const note = (name) => (CONDITION.test(name) ? `conditions="\${conditions}${name} $*;"` : ':');
  const prelude = [
    'P_SRV=ssl_server2 P_CLI=ssl_client2 P_PXY=udp_proxy SRV_PORT=port PXY_PORT=port SESSION=session',
    'O_SRV=s_server O_NEXT_SRV=s_server O_CLI=s_client O_NEXT_CLI=s_client',
    'G_SRV=gnutls-serv G_NEXT_SRV=gnutls-serv G_CLI=gnutls-cli G_NEXT_CLI=gnutls-cli TCP_CLIENT=tcp_client',
    'MAX_CONTENT_LEN=16384 MAX_IN_LEN=16384 MAX_OUT_LEN=16384 MEMCHECK=0 CONFIGS_ENABLED= LIST_TESTS=1',
    'FAILS=0 TESTS=0 SKIPS=0 MIN_TESTS=0 conditions=',
    `DATA_FILES_PATH='${data}'`,
    ...functions.map((name) => `${name}() { ${note(name)}; }`),
    'rm() { :; }',
    `run_test() { printf '%s\\037' "$conditions" "$@"; printf '\\036'; conditions=; }`,
  ].join('\n');
  const output = runScript(`${prelude}\n${script.slice(begin + FIRST.length)}`, path.dirname(file));
  const records = output.split(RECORD).filter((record) => record.includes(FIELD));
  return records.map((record) => parse(record.split(FIELD).slice(0, -1), data));
}

/** What a script prints. It is a file, because parts of it read from the standard input. */
function runScript(text, cwd) {
  const directory = mkdtempSync(path.join(tmpdir(), 'upstream-'));
  try {
    const file = path.join(directory, 'script.sh');
    writeFileSync(file, text);
    return execFileSync('sh', [file], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 24 });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function parse([conditions, name, ...rest], data) {
  const words = (line) => line.replaceAll(' data_files/', ` ${data}/`).split(/\s+/).filter(Boolean);
  const proxy = rest[0] === '-p' ? words(rest.splice(0, 2)[1]) : [];
  const [server, client, exit, ...flags] = rest;
  const checks = [];
  for (let i = 0; i + 1 < flags.length; i += 2) checks.push({ flag: flags[i], pattern: flags[i + 1] });
  return {
    name,
    server: words(server.replaceAll('=data_files/', `=${data}/`).replaceAll(',data_files/', `,${data}/`)),
    client: words(client.replaceAll('=data_files/', `=${data}/`)),
    proxy,
    succeeds: exit === '0',
    checks,
    conditions: conditions.split(';').filter(Boolean).map(words),
  };
}

function speaksDtls({ server, client }) {
  return [server, client].some((words) => words.includes('dtls=1'));
}

/** What a build can do, by which the script skips test cases. */
class Build {
  constructor(program) {
    this._program = program;
    this._values = new Map();
  }

  /** Whether a condition holds. Those of other programs, of hashes and of time hold. */
  meets([condition, name, wanted]) {
    const value = () => Number(this._setting(name));
    switch (condition) {
      case 'requires_config_enabled':
        return this._setting(name) !== undefined;
      case 'requires_config_disabled':
        return this._setting(name) === undefined;
      case 'requires_config_value_at_least':
        return value() >= Number(wanted);
      case 'requires_config_value_at_most':
        return value() <= Number(wanted);
      case 'requires_config_value_equals':
        return value() === Number(wanted);
      default:
        return true;
    }
  }

  /** The value of a setting, empty for one without; undefined when it is off. */
  _setting(name) {
    if (!this._values.has(name)) {
      const { status, stdout } = spawnSync(this._program, [`query_config=${name}`], { encoding: 'utf8' });
      this._values.set(name, status === 0 ? stdout.trim() : undefined);
    }
    return this._values.get(name);
  }
}

module.exports = { VERSIONS: Object.keys(VERSIONS), upstream };
