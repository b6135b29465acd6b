'use strict';

// A stream of colours to lamps, as the Entertainment API of Philips Hue has it: 25 frames a second, of which a lost one is
// soon made up for by the next. A stand-in for the bridge lives in this process too, which ends by itself.
//
//   node examples/hue-stream.js
//
// A real bridge listens on UDP port 2100. Its REST API starts the stream, and gives the application the two names and the
// key that are constants here.

const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect, createServer } = require('..');

/** hue-application-id, and clientkey in hex. */
const APPLICATION = '5f2f7c0a-9c7a-4ac0-8f1d-1e0f3c9f8a11';
const CLIENT_KEY = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
/** Id of the entertainment configuration, which has two channels. */
const AREA = '1a8d99cc-967b-44f2-9202-43f976c0fa6b';
const CHANNELS = [0, 1];

const FRAMES_PER_SECOND = 25;
const FRAMES = 12;

/**
 * One frame of version 2 of the protocol: a header, then a number and 16 bits each of red, green and blue for each channel.
 *
 * @param {number} sequence
 * @param {(channel: number) => [number, number, number]} colorOf each from 0 to 1
 */
function makeFrame(sequence, colorOf) {
  const RGB = 0;
  const header = Buffer.concat([
    Buffer.from('HueStream'),
    Buffer.of(2, 0, sequence & 0xff, 0, 0, RGB, 0),
    Buffer.from(AREA),
  ]);
  const channels = CHANNELS.map((channel) => {
    const bytes = Buffer.alloc(7);
    bytes.writeUInt8(channel);
    for (const [place, part] of colorOf(channel).entries())
      bytes.writeUInt16BE(Math.round(part * 0xffff), 1 + 2 * place);
    return bytes;
  });
  return Buffer.concat([header, ...channels]);
}

async function main() {
  const bridge = await startBridge();
  const stream = connect({
    host: '127.0.0.1',
    port: bridge.address()?.port ?? 0,
    psk: CLIENT_KEY,
    pskIdentity: APPLICATION,
    // The bridge has no other, and so this is DTLS 1.2.
    ciphers: 'PSK-AES128-GCM-SHA256',
  });
  await once(stream, 'secureConnect');
  for (let sequence = 0; sequence < FRAMES; sequence++) {
    const phase = (2 * Math.PI * sequence) / FRAMES;
    // The second lamp follows the first.
    stream.write(
      makeFrame(sequence, (channel) => [
        0.5 + 0.5 * Math.sin(phase - channel),
        0,
        0.5 + 0.5 * Math.cos(phase - channel),
      ]),
    );
    await sleep(1000 / FRAMES_PER_SECOND);
  }
  stream.resume();
  stream.end();
  await once(stream, 'close');
  bridge.close();
  await once(bridge, 'close');
}

/** What a bridge does, as far as one can see it from here. */
async function startBridge() {
  const bridge = createServer({ psk: { [APPLICATION]: CLIENT_KEY }, ciphers: 'PSK-AES128-GCM-SHA256' }, (socket) => {
    let frames = 0;
    socket.on('data', (frame) => {
      frames++;
      const [red, green, blue] = [53, 55, 57].map((offset) => frame.readUInt16BE(offset) >> 8);
      if (frames % 4 === 1)
        console.log(`bridge: frame ${frame[11]}, the first lamp has rgb(${red}, ${green}, ${blue})`);
    });
    socket.on('close', () => console.log(`bridge: ${frames} frames came`));
  });
  bridge.listen(0, '127.0.0.1');
  await once(bridge, 'listening');
  return bridge;
}

main();
