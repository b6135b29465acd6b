'use strict';

/** Emits 'timeout' of a socket when nothing has come or gone for a while. It keeps no process alive. */
class IdleTimer {
  /**
   * @param {object} socket
   * @param {number} duration ms
   */
  constructor(socket, duration) {
    this.duration = duration;
    this._timer = setTimeout(emitTimeout, duration, socket).unref();
  }

  restart() {
    this._timer.refresh();
  }

  stop() {
    clearTimeout(this._timer);
  }
}

function emitTimeout(socket) {
  socket._scope.runInAsyncScope(socket.emit, socket, 'timeout');
}

module.exports = { IdleTimer };
