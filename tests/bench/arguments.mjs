// SPDX-License-Identifier: MIT
// ./dev bench [SCENARIO...] [--rounds N] [--seconds N] [--peers P,P] [--json FILE]

import { PEERS } from './peers.mjs';

const number = (text, name) => {
  if (!/^[1-9]\d{0,3}$/.test(text ?? '')) throw new Error(`${name} wants a number`);
  return Number(text);
};

const OPTIONS = {
  '--rounds': (text) => ({ rounds: number(text, '--rounds') }),
  '--seconds': (text) => ({ seconds: number(text, '--seconds') }),
  '--peers': (text) => {
    const peers = (text ?? '').split(',');
    const unknown = peers.find((peer) => !(peer in PEERS));
    if (unknown !== undefined)
      throw new Error(`no peer "${unknown}"; there are ${Object.keys(PEERS).join(', ')}`);
    return { peers };
  },
};

// {scenarios, settings, json}, or {error}.
export function parseArguments(args, known) {
  const result = { scenarios: [], settings: {}, json: undefined };
  try {
    for (let i = 0; i < args.length; i++) {
      if (args[i] === '--json') {
        if ((result.json = args[++i]) === undefined) throw new Error('--json wants a file');
      } else if (args[i] in OPTIONS) {
        Object.assign(result.settings, OPTIONS[args[i]](args[++i]));
      } else if (known.includes(args[i])) {
        result.scenarios.push(args[i]);
      } else {
        throw new Error(
          `"${args[i]}" is neither an option nor a scenario; there are ${known.join(', ')}`,
        );
      }
    }
  } catch (error) {
    return { error: error.message };
  }
  if (result.scenarios.length === 0) result.scenarios = known;
  return result;
}
