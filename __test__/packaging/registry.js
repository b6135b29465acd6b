'use strict';

// An npm registry on loopback that serves what `npm run pack` has left in dist/, and nothing else.

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const DIST = path.join(__dirname, '..', '..', 'dist');

/**
 * @param {import('node:test').TestContext} t
 * @param {{ without?: string[] }} [options] names of packages that it does not know
 * @returns {Promise<{ url: string, requests: string[] }>} paths that were asked for
 */
async function startRegistry(t, { without = [] } = {}) {
  const packages = new Map(allPackages().filter(([name]) => !without.includes(name)));
  const requests = [];
  const server = http.createServer((request, response) => {
    requests.push(request.url);
    const name = request.url.slice(1);
    const tarball = path.join(DIST, path.basename(name));
    if (packages.has(name)) response.end(JSON.stringify(packumentOf(packages.get(name), server.address().port)));
    else if (name.endsWith('.tgz') && fs.existsSync(tarball)) fs.createReadStream(tarball).pipe(response);
    else response.writeHead(404).end('{}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}/`, requests };
}

/** The main package and those of all platforms, whether their tarballs are there or not. */
function allPackages() {
  const platforms = fs.readdirSync(path.join(DIST, 'npm')).map((name) => path.join(DIST, 'npm', name));
  return [path.join(DIST, 'main'), ...platforms].map((directory) => {
    const manifest = JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8'));
    return [manifest.name, manifest];
  });
}

function packumentOf(manifest, port) {
  const { name, version } = manifest;
  const file = `${name}-${version}.tgz`;
  const tarball = `http://127.0.0.1:${port}/${file}`;
  const there = fs.existsSync(path.join(DIST, file));
  const dist = there ? { tarball, integrity: integrityOf(path.join(DIST, file)) } : { tarball };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}

function integrityOf(file) {
  return `sha512-${crypto.createHash('sha512').update(fs.readFileSync(file)).digest('base64')}`;
}

module.exports = { DIST, startRegistry };
