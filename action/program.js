'use strict';

// Where the program is: what `binary-path` names, what the action brings along, or what it downloads.

const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const {download, DownloadFailure} = require('./download.js');
const {input} = require('./runner.js');

/**
 * Finds a program that can be run.
 * @param {NodeJS.ProcessEnv} environment
 * @param {{directory?: string, platform?: string, arch?: string, fallback?: string, network?: object}} [options] for tests:
 *   where the action lies, the machine, the server that has every public action, and what `download` takes
 * @returns {Promise<string>} its path
 * @throws {DownloadFailure} if the network is to blame; any other error if the job's author is
 */
async function findProgram(environment, options = {}) {
  const {directory = __dirname, platform = process.platform, arch = process.arch} = options;

  const given = input('binary-path', environment);
  if (given) return runnable(path.resolve(environment.GITHUB_WORKSPACE || '.', given), 'Input binary-path');

  const asset = `holdfast-${platform}-${arch}`;
  const bundled = path.join(directory, 'bin', asset);
  if (fs.existsSync(bundled)) return runnable(bundled, 'The program of the action');

  return released(pinned(path.join(directory, 'checksums.txt'), asset), environment, options);
}

/** @throws if the path is no file that this user may run */
function runnable(file, what) {
  let status;
  try {
    status = fs.statSync(file);
  } catch (error) {
    throw new Error(`${what}: ${file} cannot be used: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`);
  }
  if (!status.isFile()) throw new Error(`${what}: ${file} is no file`);
  try {
    fs.accessSync(file, fs.constants.X_OK);
  } catch {
    throw new Error(`${what}: ${file} is not executable; chmod +x it`);
  }
  return file;
}

/** The line of the list for an asset. The list names the tag: the action itself may be used by a commit or a branch. */
function pinned(file, asset) {
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const match = /^([0-9a-f]{64}) {2}([^\s/]+)\/([^\s/]+)$/.exec(line);
    if (match && match[3] === asset) return {digest: match[1], tag: match[2], asset};
  }
  throw new Error(
    `There is no ${asset} among the programs of this version of the action. Use a released version, or build holdfast and name it with binary-path.`);
}

/** The program of a release, from an earlier download if there is one. */
async function released(release, environment, options) {
  const {digest, tag, asset} = release;
  const places = [environment.RUNNER_TOOL_CACHE, environment.RUNNER_TEMP].filter(Boolean)
    .map((place) => path.join(place, 'holdfast', tag, asset));
  // What this step ran before comes first.
  for (const file of [environment.STATE_program, ...places]) {
    // Anything in the job may have written there in the meantime.
    if (file && await digestOf(file) === digest) return file;
  }
  const content = await fetched(release, environment, options);
  const failures = [];
  for (const file of places.length > 0 ? places : [path.join(os.tmpdir(), 'holdfast', tag, asset)]) {
    try {
      return store(content, file);
    } catch (error) {
      failures.push(error.message);
    }
  }
  throw new Error(`The program was downloaded and can be stored nowhere: ${failures.join('; ')}`);
}

/** Downloads from the server that runs the workflow; from github.com where that one has no such release. */
async function fetched({digest, tag, asset}, environment, {fallback = 'https://github.com', network}) {
  const repository = environment.GITHUB_ACTION_REPOSITORY;
  if (!repository) {
    throw new Error('An action of a local path downloads no program: name one with binary-path.');
  }
  const server = (environment.GITHUB_SERVER_URL || fallback).replace(/\/+$/, '');
  const failures = [];
  for (const origin of new Set([server, fallback])) {
    const url = `${origin}/${repository}/releases/download/${encodeURIComponent(tag)}/${asset}`;
    let content;
    try {
      content = await download(url, network);
    } catch (error) {
      if (!(error instanceof DownloadFailure)) throw error;
      failures.push(error.message);
      continue;
    }
    const found = crypto.createHash('sha256').update(content).digest('hex');
    if (found !== digest) {
      throw new Error(`${url} is not what was released: its SHA-256 is ${found}, and must be ${digest}.`);
    }
    return content;
  }
  throw new DownloadFailure(`Holdfast could not be downloaded, so nothing is restored or saved: ${failures.join('; ')}`);
}

/** The SHA-256 of a file; nothing if it cannot be read. */
async function digestOf(file) {
  const hash = crypto.createHash('sha256');
  try {
    for await (const chunk of fs.createReadStream(file)) hash.update(chunk);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}

/** Writes under another name first, so that two jobs on one machine never see half a file. */
function store(content, file) {
  fs.mkdirSync(path.dirname(file), {recursive: true});
  const temporary = `${file}.${crypto.randomUUID()}`;
  try {
    fs.writeFileSync(temporary, content, {mode: 0o755, flag: 'wx'});
    fs.renameSync(temporary, file);
  } catch (error) {
    fs.rmSync(temporary, {force: true});
    throw error;
  }
  return file;
}

module.exports = {DownloadFailure, findProgram};
