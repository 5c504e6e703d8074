'use strict';

// One phase of the action: finds the program, runs it, and ends as it ends. All else is done by the program itself.
// Nothing but Node's own modules, from Node 18 on.

const childProcess = require('node:child_process');
const os = require('node:os');

const {findProgram, DownloadFailure} = require('./program.js');
const runner = require('./runner.js');

/**
 * Runs a phase and sets the exit code of this process.
 * @param {'main' | 'post'} phase
 */
async function start(phase) {
  if (phase === 'post' && process.env.STATE_unusable) {
    console.log('Holdfast did not start in this job, so there is nothing to save.');
    return;
  }
  let program;
  try {
    program = await findProgram(process.env);
  } catch (error) {
    if (phase === 'main') runner.keep('unusable', 'true');
    // A network that fails is no reason to stop the job. A wrong path or a wrong checksum is.
    const isFatal = !(error instanceof DownloadFailure) || runner.input('fail-on-error').toLowerCase() === 'true';
    runner.annotate(isFatal ? 'error' : 'warning', error.message);
    if (isFatal) process.exitCode = 1;
    return;
  }
  if (phase === 'main') runner.keep('program', program);
  process.exitCode = await run(program, ['action', phase]);
}

/**
 * Runs the program with this process's streams.
 *
 * The runner sends its signals to this process alone, so they are passed on. A terminal sends Ctrl-C to the whole process
 * group: in a group of its own, the program gets it once and not twice.
 * @returns {Promise<number>} the exit code: 128 + n if signal n ended the program
 */
function run(program, args) {
  return new Promise((resolve) => {
    let child;
    const forward = (signal) => child.kill(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    // Before the program is there: a signal must find it with somebody who passes signals on, from its start.
    for (const signal of signals) process.on(signal, forward);
    child = childProcess.spawn(program, args, {stdio: 'inherit', detached: true});
    const end = (code) => {
      for (const signal of signals) process.removeListener(signal, forward);
      resolve(code);
    };
    child.once('error', (error) => {
      runner.annotate('error', `${program} cannot be started: ${error.message}`);
      end(1);
    });
    child.once('exit', (code, signal) => end(code ?? 128 + os.constants.signals[signal]));
  });
}

module.exports = {start};
