'use strict';

// What the shims need of the runner's contract: inputs, state and annotations.

const crypto = require('node:crypto');
const fs = require('node:fs');

/** An input without white space at its ends; empty if it is not set. */
function input(name, environment = process.env) {
  return (environment[`INPUT_${name.toUpperCase()}`] ?? '').trim();
}

/** Keeps a value for the post phase of this step. */
function keep(name, value) {
  const file = process.env.GITHUB_STATE;
  if (!file) return;
  // Unguessable, so that no value can end itself and go on as another record.
  const delimiter = `holdfast-${crypto.randomUUID()}`;
  fs.appendFileSync(file, `${name}<<${delimiter}\n${value}\n${delimiter}\n`);
}

/**
 * Prints a line that the runner shows on the page of the run.
 * @param {'notice' | 'warning' | 'error'} level
 */
function annotate(level, message) {
  const escaped = message.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  console.log(`::${level} title=Holdfast::${escaped}`);
}

module.exports = {annotate, input, keep};
