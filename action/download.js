'use strict';

// A file from a release, within bounds.

const defaults = {
  /** Bytes. */
  limit: 256 * 1024 * 1024,
  redirects: 5,
  attempts: 3,
  /** Milliseconds without a sign of life. */
  silence: 30_000,
  /** Milliseconds before the second attempt; then twice as long. */
  pause: 1_000,
};

/** There was no answer, or not the file. */
class DownloadFailure extends Error {}

/**
 * Reads a file whole. Redirects are followed, but never from https to http.
 * @param {string} url
 * @returns {Promise<Buffer>}
 * @throws {DownloadFailure}
 */
async function download(url, options = {}) {
  const settings = {...defaults, ...options};
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await follow(url, settings);
    } catch (error) {
      if (!error.isTemporary || attempt >= settings.attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, settings.pause * 2 ** (attempt - 1)));
    }
  }
}

async function follow(start, settings) {
  let url = start;
  for (let hop = 0; hop <= settings.redirects; hop += 1) {
    const {status, location, body} = await get(url, settings);
    if (body) return body;
    if (!location) throw failure(start, `status ${status}`, status === 429 || status >= 500);
    url = redirected(start, url, location);
  }
  throw failure(start, `more than ${settings.redirects} redirects`);
}

function redirected(start, url, location) {
  let next;
  try {
    next = new URL(location, url);
  } catch {
    throw failure(start, 'a redirect leads to no address');
  }
  const allowed = url.startsWith('https:') ? ['https:'] : ['https:', 'http:'];
  if (!allowed.includes(next.protocol)) throw failure(start, `a redirect leads to ${next.protocol}`);
  return next.href;
}

/** One request. Gives back the body of a 200, else the status and where to look instead. */
function get(url, settings) {
  return new Promise((resolve, reject) => {
    const fail = (reason) => reject(failure(url, reason, true));
    // Loaded here: who has the program already needs neither, and they are a quarter of the time until it runs.
    const client = require(url.startsWith('https:') ? 'node:https' : 'node:http');
    // The proxy of the machine is used from Node 24.5 on; older ones leave the option alone.
    const agent = new client.Agent({proxyEnv: process.env});
    const options = {agent, headers: {'user-agent': 'holdfast-action'}, timeout: settings.silence};
    const request = client.get(url, options);
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error) => fail(error.message || error.code));
    request.on('response', (response) => {
      response.on('error', (error) => fail(error.message));
      const {statusCode: status, headers} = response;
      if (status !== 200) {
        response.resume();
        return resolve({status, location: status >= 300 && status < 400 ? headers.location : undefined});
      }
      const tooLarge = () => {
        reject(failure(url, `more than ${settings.limit} bytes`));
        request.destroy();
      };
      if (Number(headers['content-length']) > settings.limit) return tooLarge();
      const chunks = [];
      let size = 0;
      response.on('data', (chunk) => {
        size += chunk.length;
        if (size > settings.limit) return tooLarge();
        chunks.push(chunk);
      });
      response.on('end', () => (response.complete ? resolve({status, body: Buffer.concat(chunks)}) : fail('the answer broke off')));
    });
  });
}

/** Addresses lead to signed ones: what is said names the first alone, without its query. */
function failure(url, reason, isTemporary = false) {
  return Object.assign(new DownloadFailure(`${String(url).split('?')[0]}: ${reason}`), {isTemporary});
}

module.exports = {DownloadFailure, download};
