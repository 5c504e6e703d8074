'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

/** Gives the body an empty directory that is gone afterwards. */
async function withDirectory(body) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-action-'));
  try {
    return await body(directory);
  } finally {
    fs.rmSync(directory, {recursive: true, force: true});
  }
}

/** Gives the body the address of a server; it also has all paths that were asked for. */
async function withServer(handler, body, create = http.createServer) {
  const requests = [];
  const server = create((request, response) => {
    requests.push(request.url);
    request.resume();
    handler(request, response, requests.length);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await body(`http://127.0.0.1:${server.address().port}`, requests);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The address of a port where nobody listens. */
async function closedPort() {
  return withServer(() => {}, async (url) => url);
}

const sha256 = (content) => crypto.createHash('sha256').update(content).digest('hex');

/** Records of a file of the runner, by name. */
function records(text) {
  const found = {};
  const lines = text.split('\n');
  while (lines.length > 0) {
    const line = lines.shift();
    if (line === '') continue;
    const [name, delimiter] = line.split('<<');
    const end = lines.indexOf(delimiter);
    if (end < 0) throw new Error(`no end of ${line}`);
    found[name] = lines.splice(0, end + 1).slice(0, -1).join('\n');
  }
  return found;
}

module.exports = {closedPort, records, sha256, withDirectory, withServer};
