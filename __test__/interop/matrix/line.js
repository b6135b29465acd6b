'use strict';

// Peers that are used through their standard streams: each line that they read leaves as one datagram.

const { Program } = require('../../support/program.js');
const { echoed } = require('./pair.js');

class LineProgram extends Program {
  /**
   * @param {{ after: Function }} t at whose end it is ended
   * @param {string[]} command
   * @param {{ connected?: string, listening?: string, heard?: (line: string) => string, again?: () => LineProgram }}
   *   says
   */
  constructor(t, [command, ...args], says) {
    super(command, args, says.env);
    t.after(() => this.kill());
    this._says = says;
  }

  connected(patience) {
    return this.printed(this._says.connected, patience);
  }

  listening() {
    return this.printed(this._says.listening);
  }

  /** A client: its line comes back. A server: ours does, or else it answers with one of its own. */
  async exchange(client, line = 'a line from the peer') {
    if (client !== undefined) return this._says.answer ? this._says.answer(this, client) : echoed(client);
    // It may be dropped with the Finished before it, which is repeated.
    const repeat = setInterval(() => this.say(line), 1000);
    this.say(line);
    await this.printed(this._says.heard?.(line) ?? line).finally(() => clearInterval(repeat));
  }

  /** A client replaces its keys, and has ours replaced. */
  async update() {
    this.say('update');
    await this.printed(this._says.updating);
  }

  comeBack() {
    return this._says.again(this);
  }
}

module.exports = { LineProgram };
