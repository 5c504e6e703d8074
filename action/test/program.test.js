'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const {DownloadFailure, findProgram} = require('../program.js');
const {closedPort, sha256, withDirectory, withServer} = require('./support.js');

const content = '#!/bin/sh\necho program\n';
const asset = 'holdfast-linux-x64';

/** An action whose list has one program; the body gets what findProgram takes, and more. */
async function withAction(body, {digest = sha256(content), answer} = {}) {
  const handler = (request, response) => {
    const [status, text] = answer ? answer(request) : [200, content];
    response.writeHead(status).end(text);
  };
  await withDirectory(async (directory) => {
    fs.writeFileSync(path.join(directory, 'checksums.txt'), `# comment\n${'0'.repeat(64)}  v1.2.3/other\n${digest}  v1.2.3/${asset}\n`);
    await withServer(handler, async (url, requests) => {
      const environment = {
        GITHUB_ACTION_REPOSITORY: 'owner/holdfast',
        GITHUB_ACTION_REF: 'v1',
        GITHUB_SERVER_URL: url,
        RUNNER_TOOL_CACHE: path.join(directory, 'tools'),
        RUNNER_TEMP: path.join(directory, 'temp'),
      };
      const options = {directory, platform: 'linux', arch: 'x64', fallback: url, network: {pause: 1}};
      await body({directory, environment, options, requests, url});
    });
  });
}

const executable = (file) => {
  fs.mkdirSync(path.dirname(file), {recursive: true});
  fs.writeFileSync(file, content, {mode: 0o755});
  return file;
};

test('binary-path comes first, relative to the workspace', async () => {
  await withAction(async ({directory, environment, options, requests}) => {
    const file = executable(path.join(directory, 'build/holdfast'));
    const given = {...environment, GITHUB_WORKSPACE: directory};
    assert.equal(await findProgram({...given, 'INPUT_BINARY-PATH': ' build/holdfast '}, options), file);
    assert.equal(await findProgram({...given, 'INPUT_BINARY-PATH': file}, options), file);
    assert.deepEqual(requests, []);
  });
});

test('binary-path that cannot be run is an error that names it', async () => {
  await withAction(async ({directory, environment, options, requests}) => {
    const file = path.join(directory, 'holdfast');
    const find = () => findProgram({...environment, 'INPUT_BINARY-PATH': file}, options);
    await assert.rejects(find, new RegExp(`Input binary-path: ${file} .*no such file`));
    fs.writeFileSync(file, content, {mode: 0o644});
    await assert.rejects(find, new RegExp(`${file} is not executable`));
    fs.rmSync(file);
    fs.mkdirSync(file);
    await assert.rejects(find, new RegExp(`${file} is no file`));
    assert.deepEqual(requests, []);
  });
});

test('a program that the action brings along is taken', async () => {
  await withAction(async ({directory, environment, options, requests}) => {
    const file = executable(path.join(directory, 'bin', asset));
    assert.equal(await findProgram(environment, options), file);
    fs.chmodSync(file, 0o644);
    await assert.rejects(findProgram(environment, options), /is not executable/);
    assert.deepEqual(requests, []);
  });
});

test('the program of the release is downloaded once, and kept for all jobs of the machine', async () => {
  await withAction(async ({directory, environment, options, requests}) => {
    const file = await findProgram(environment, options);
    assert.equal(file, path.join(directory, 'tools/holdfast/v1.2.3', asset));
    assert.equal(fs.readFileSync(file, 'utf8'), content);
    assert.equal(fs.statSync(file).mode & 0o777, 0o755);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), [asset]);
    assert.equal(await findProgram(environment, options), file);
    assert.deepEqual(requests, [`/owner/holdfast/releases/download/v1.2.3/${asset}`]);
  });
});

test('a program that was changed on the machine is not run', async () => {
  await withAction(async ({environment, options, requests}) => {
    const file = await findProgram(environment, options);
    fs.writeFileSync(file, 'evil');
    assert.equal(await findProgram({...environment, STATE_program: file}, options), file);
    assert.equal(fs.readFileSync(file, 'utf8'), content);
    assert.equal(requests.length, 2);
  });
});

test('without a tool cache the temporary directory has it; the post phase finds it by the state', async () => {
  await withAction(async ({directory, environment, options, requests}) => {
    fs.writeFileSync(environment.RUNNER_TOOL_CACHE, 'a file in the way');
    const file = await findProgram(environment, options);
    assert.equal(file, path.join(directory, 'temp/holdfast/v1.2.3', asset));
    const post = {...environment, RUNNER_TEMP: path.join(directory, 'other'), STATE_program: file};
    assert.equal(await findProgram(post, options), file);
    assert.equal(requests.length, 1);
  });
});

test('a wrong checksum is an error of its own, and nothing is kept', async () => {
  await withAction(async ({directory, environment, options, requests}) => {
    const failure = await findProgram(environment, options).catch((error) => error);
    assert(!(failure instanceof DownloadFailure));
    assert.match(failure.message, new RegExp(`SHA-256 is ${sha256(content)}, and must be ${'1'.repeat(64)}`));
    assert.equal(requests.length, 1);
    assert(!fs.existsSync(path.join(directory, 'tools')));
    assert(!fs.existsSync(path.join(directory, 'temp')));
  }, {digest: '1'.repeat(64)});
});

test('a server that has no such release is followed by the public one', async () => {
  await withServer((_, response) => response.writeHead(404).end(), async (own, asked) => {
    await withAction(async ({environment, options, requests}) => {
      await findProgram({...environment, GITHUB_SERVER_URL: `${own}/`}, options);
      assert.deepEqual(asked, [`/owner/holdfast/releases/download/v1.2.3/${asset}`]);
      assert.deepEqual(requests, asked);
    });
  });
});

test('a network that fails is told apart, with every address', async () => {
  const down = await closedPort();
  await withAction(async ({environment, options, url}) => {
    const failure = await findProgram({...environment, GITHUB_SERVER_URL: down}, options).catch((error) => error);
    assert(failure instanceof DownloadFailure);
    assert.match(failure.message, new RegExp(`${down}/owner/.*ECONNREFUSED.*${url}/owner/.*status 404`));
  }, {answer: () => [404, '']});
});

test('a machine without a program is told what to do', async () => {
  await withAction(async ({environment, options, requests}) => {
    for (const machine of [{platform: 'win32'}, {arch: 'riscv64'}]) {
      await assert.rejects(findProgram(environment, {...options, ...machine}), /no holdfast-.* binary-path/);
    }
    assert.deepEqual(requests, []);
  });
});

test('an action of a local path downloads nothing', async () => {
  await withAction(async ({environment, options, requests}) => {
    await assert.rejects(findProgram({...environment, GITHUB_ACTION_REPOSITORY: ''}, options), /local path.* binary-path/);
    assert.deepEqual(requests, []);
  });
});

test('the list of this version has only comments and lines of the one form', () => {
  const lines = fs.readFileSync(path.join(__dirname, '../checksums.txt'), 'utf8').trimEnd().split('\n');
  for (const line of lines) assert.match(line, /^#|^[0-9a-f]{64} {2}v[0-9.]+\/holdfast-(linux|darwin)-(x64|arm64)$/);
});
