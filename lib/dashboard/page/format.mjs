// Numbers, times and names as people read them, and the elements that show them.

const whole = new Intl.NumberFormat('en');
const rate = new Intl.NumberFormat('en', {
  maximumSignificantDigits: 3,
  maximumFractionDigits: 1,
  roundingPriority: 'lessPrecision',
});

/** Characters that act on text instead of being seen, or that reorder it. Names are what strangers have chosen. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNSEEN = /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export function count(number) {
  return whole.format(number);
}

/** A number that need not be whole: 0.25, 17.3, 1,240. */
export function amount(number) {
  return number >= 100 ? whole.format(Math.round(number)) : rate.format(number);
}

export function bytes(number) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  let value = number;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : rate.format(value)} ${units[unit]}`;
}

/** A duration in ms by its two largest units: '3 d 4 h', '12 min', '8 s'. */
export function duration(time) {
  const seconds = Math.max(0, Math.floor(time / 1000));
  const [days, hours, minutes] = [86_400, 3600, 60].map((unit) => Math.floor(seconds / unit));
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return seconds < 600 && seconds % 60 > 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  return `${seconds} s`;
}

export function clock(time) {
  return new Date(time).toLocaleTimeString('en-GB');
}

/** Text of a stranger, with what cannot be seen in it shown by its number. */
export function visible(text) {
  return text.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** 'handshakesFailed' and 'drops.replayed' in words. Codes stay as they are. */
export function inWords(counter) {
  const parts = counter
    .split('.')
    .map((part) => (/[a-z]/.test(part) ? part.replace(/[A-Z]/g, ' $&').toLowerCase() : part));
  const words = parts.join(' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** An element with a class and with text or children. */
export function element(name, className = '', ...children) {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** An element of SVG with attributes. */
export function drawing(name, attributes = {}) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

/** Changes the text of an element, if it changes. */
export function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}
