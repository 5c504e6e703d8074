'use strict';

const assert = require('node:assert/strict');
const childProcess = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const {records, withDirectory} = require('./support.js');

/** Runs a phase as the runner does: node with the script alone, and what it needs in the environment. */
function startPhase(phase, directory, environment) {
  const child = childProcess.spawn(process.execPath, [path.join(__dirname, `../${phase}.js`)], {
    cwd: directory,
    env: {PATH: process.env.PATH, GITHUB_WORKSPACE: directory, GITHUB_STATE: path.join(directory, 'state'), ...environment},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = {text: ''};
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output.text += chunk));
  const ended = new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({code, signal, text: output.text}));
  });
  return {child, ended, output};
}

const runPhase = (phase, directory, environment) => startPhase(phase, directory, environment).ended;

function script(directory, text) {
  const file = path.join(directory, 'program');
  fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, {mode: 0o755});
  return {'INPUT_BINARY-PATH': file};
}

const state = (directory) => records(fs.readFileSync(path.join(directory, 'state'), 'utf8'));

for (const phase of ['main', 'post']) {
  for (const code of [0, 1, 3, 64]) {
    test(`${phase} runs the program and ends with its code, ${code}`, async () => {
      await withDirectory(async (directory) => {
        const given = script(directory, `echo "$@"; echo problem >&2; exit ${code}`);
        const end = await runPhase(phase, directory, given);
        assert.equal(end.code, code);
        assert.match(end.text, new RegExp(`action ${phase}`));
        assert.match(end.text, /problem/);
        if (phase === 'main') assert.deepEqual(state(directory), {program: given['INPUT_BINARY-PATH']});
      });
    });
  }
}

for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]]) {
  test(`${signal} reaches the program, once, and its end is awaited`, async () => {
    await withDirectory(async (directory) => {
      const name = signal.slice(3);
      const given = script(directory, `
        trap 'echo got ${name}; kill $waiting; exit 7' ${name}
        sleep 5 & waiting=$!
        echo ready; wait`);
      const {child, ended} = startPhase('main', directory, given);
      child.stdout.on('data', (chunk) => {
        if (String(chunk).includes('ready')) child.kill(signal);
      });
      const end = await ended;
      assert.equal(end.code, 7);
      assert.deepEqual(end.text.match(/got/g), ['got']);
    });
  });

  test(`a program that ${signal} ends gives code ${128 + number}`, async () => {
    await withDirectory(async (directory) => {
      const end = await runPhase('post', directory, script(directory, `kill -${signal.slice(3)} $$`));
      assert.equal(end.code, 128 + number);
    });
  });
}

test('a program that cannot be started is an error of the step', async () => {
  await withDirectory(async (directory) => {
    const file = path.join(directory, 'program');
    fs.writeFileSync(file, '#!/no/such/interpreter\n', {mode: 0o755});
    const end = await runPhase('main', directory, {'INPUT_BINARY-PATH': file});
    assert.equal(end.code, 1);
    assert.match(end.text, /^::error title=Holdfast::.*program cannot be started/m);
  });
});

test('a missing program fails the step with one line; the post phase adds none', async () => {
  await withDirectory(async (directory) => {
    const given = {'INPUT_BINARY-PATH': 'no/such\nfile'};
    const end = await runPhase('main', directory, given);
    assert.equal(end.code, 1);
    assert.match(end.text, /^::error title=Holdfast::Input binary-path: .*no\/such%0Afile .*\n$/);
    const post = await runPhase('post', directory, {...given, STATE_unusable: state(directory).unusable});
    assert.equal(post.code, 0);
    assert.match(post.text, /nothing to save/);
  });
});

test('a failing network is a warning, and an error only if that is asked for', async () => {
  await withDirectory(async (directory) => {
    // A copy of the action whose list has a program, in front of a server that is down.
    for (const name of ['main.js', 'phase.js', 'program.js', 'download.js', 'runner.js']) {
      fs.copyFileSync(path.join(__dirname, '..', name), path.join(directory, name));
    }
    const asset = `holdfast-${process.platform}-${process.arch}`;
    fs.writeFileSync(path.join(directory, 'checksums.txt'), `${'0'.repeat(64)}  v1/${asset}\n`);
    const text = `
      const program = require('./program.js');
      const find = program.findProgram;
      const port = 'http://127.0.0.1:9';
      program.findProgram = (environment) => find(environment, {fallback: port, network: {attempts: 1}});
      require('./phase.js').start('main');`;
    fs.writeFileSync(path.join(directory, 'main.js'), text);
    const environment = {PATH: process.env.PATH, GITHUB_ACTION_REPOSITORY: 'owner/holdfast', GITHUB_SERVER_URL: 'http://127.0.0.1:9'};
    const run = (more) => childProcess.spawnSync(process.execPath, [path.join(directory, 'main.js')], {
      env: {...environment, ...more}, encoding: 'utf8',
    });
    const quiet = run({});
    assert.equal(quiet.status, 0);
    assert.match(quiet.stdout, /^::warning title=Holdfast::Holdfast could not be downloaded/m);
    const strict = run({'INPUT_FAIL-ON-ERROR': 'true'});
    assert.equal(strict.status, 1);
    assert.match(strict.stdout, /^::error title=Holdfast::Holdfast could not be downloaded/m);
  });
});
