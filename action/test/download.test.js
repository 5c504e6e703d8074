'use strict';

const assert = require('node:assert/strict');
const childProcess = require('node:child_process');
const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const test = require('node:test');

const {DownloadFailure, download} = require('../download.js');
const {closedPort, withDirectory, withServer} = require('./support.js');

const quick = {pause: 1, silence: 5_000};

async function failureOf(work) {
  try {
    await work();
  } catch (error) {
    assert(error instanceof DownloadFailure, `${error.stack}`);
    return error.message;
  }
  assert.fail('it did not fail');
}

test('a file arrives whole', async () => {
  const content = Buffer.alloc(3_000_000, 'holdfast');
  await withServer((_, response) => response.end(content), async (url) => {
    assert.deepEqual(await download(`${url}/file`, quick), content);
  });
});

test('redirects are followed, relative ones too', async () => {
  const handler = (request, response) => {
    if (request.url === '/end?signature=s') return response.end('content');
    const location = request.url === '/start' ? 'middle' : '/end?signature=s';
    response.writeHead(302, {location}).end();
  };
  await withServer(handler, async (url, requests) => {
    assert.equal(String(await download(`${url}/start`, quick)), 'content');
    assert.deepEqual(requests, ['/start', '/middle', '/end?signature=s']);
  });
});

test('redirects in a circle end', async () => {
  await withServer((_, response) => response.writeHead(302, {location: '/again'}).end(), async (url, requests) => {
    assert.match(await failureOf(() => download(`${url}/start`, quick)), /start: more than 5 redirects/);
    assert.equal(requests.length, 6);
  });
});

test('a redirect never leads from https to http', async () => {
  await withDirectory(async (directory) => {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(directory, name));
    childProcess.execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj',
      '/CN=localhost', '-keyout', key, '-out', cert,
    ], {stdio: 'ignore'});
    await withServer((_, response) => response.end('stolen'), async (insecure, requests) => {
      const create = (handler) => https.createServer({key: fs.readFileSync(key), cert: fs.readFileSync(cert)}, handler);
      const handler = (_, response) => response.writeHead(302, {location: insecure}).end();
      await withServer(handler, async (address) => {
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
        try {
          const url = `${address.replace('http:', 'https:')}/start`;
          assert.match(await failureOf(() => download(url, quick)), /a redirect leads to http:/);
        } finally {
          delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
        }
      }, create);
      assert.deepEqual(requests, []);
    });
  });
});

for (const status of [429, 500, 502, 503]) {
  test(`status ${status} is tried again`, async () => {
    const handler = (_, response, count) => response.writeHead(count < 3 ? status : 200).end('content');
    await withServer(handler, async (url, requests) => {
      assert.equal(String(await download(`${url}/file`, quick)), 'content');
      assert.equal(requests.length, 3);
    });
  });
}

test('three attempts are enough', async () => {
  await withServer((_, response) => response.writeHead(503).end(), async (url, requests) => {
    assert.match(await failureOf(() => download(`${url}/file`, quick)), /\/file: status 503/);
    assert.equal(requests.length, 3);
  });
});

test('status 404 is final', async () => {
  await withServer((_, response) => response.writeHead(404).end(), async (url, requests) => {
    assert.match(await failureOf(() => download(`${url}/file`, quick)), /\/file: status 404/);
    assert.equal(requests.length, 1);
  });
});

test('an answer that breaks off is tried again', async () => {
  const handler = (request, response, count) => {
    response.writeHead(200, {'content-length': 7});
    if (count > 1) return response.end('content');
    response.write('con', () => request.socket.destroy());
  };
  await withServer(handler, async (url) => {
    assert.equal(String(await download(`${url}/file`, quick)), 'content');
  });
});

test('a server that falls silent is left', async () => {
  const handler = (_, response) => response.writeHead(200, {'content-length': 7}).write('con');
  await withServer(handler, async (url) => {
    const work = () => download(`${url}/file`, {...quick, silence: 50, attempts: 1});
    assert.match(await failureOf(work), /no answer in time|broke off|aborted/);
  });
});

test('nobody listens', async () => {
  const url = await closedPort();
  assert.match(await failureOf(() => download(`${url}/file`, quick)), /\/file: .*ECONNREFUSED/);
});

for (const declared of [true, false]) {
  test(`a file above the limit is refused, ${declared ? 'by its declared length' : 'while it arrives'}`, async () => {
    const handler = (_, response) => {
      response.writeHead(200, declared ? {'content-length': 1001} : {});
      response.write(Buffer.alloc(500));
      response.end(Buffer.alloc(501));
    };
    await withServer(handler, async (url, requests) => {
      assert.match(await failureOf(() => download(`${url}/file`, {...quick, limit: 1000})), /more than 1000 bytes/);
      assert.equal(requests.length, 1);
    });
  });
}

test('a failure does not show the query of a signed address', async () => {
  const handler = (request, response) => {
    if (request.url === '/start') return response.writeHead(302, {location: '/end?signature=secret'}).end();
    request.socket.destroy();
  };
  await withServer(handler, async (url) => {
    assert.doesNotMatch(await failureOf(() => download(`${url}/start`, quick)), /secret/);
  });
});

test('an address that cannot be read is told', async () => {
  await withServer((_, response) => response.writeHead(302, {location: 'http://['}).end(), async (url) => {
    assert.match(await failureOf(() => download(`${url}/start`, quick)), /\/start: a redirect leads to no address/);
  });
  await withServer((_, response) => response.writeHead(302, {location: 'ftp://host/file'}).end(), async (url) => {
    assert.match(await failureOf(() => download(`${url}/start`, quick)), /a redirect leads to ftp:/);
  });
});
