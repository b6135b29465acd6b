'use strict';

/**
 * An object that has nothing from Object.prototype, which code of anybody's may have added to. V8 keeps it as it keeps instances of a
 * class. One that `{ __proto__: null }` makes is a hash table to it, which takes several times the memory.
 */
function Bare() {}
Bare.prototype = Object.freeze({ __proto__: null });

module.exports = { Bare };
