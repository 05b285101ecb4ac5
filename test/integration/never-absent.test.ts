/** G4: the control path and the pid file lead to the owner at every instant, however often it changes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Binding, loadBinding } from '../../src/binding.js';
import { Channel } from '../../src/handover/channel.js';
import { EchoGenerations } from '../support/echo.js';
import { DEADLINE } from '../support/generations.js';
import { isAlive } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const RESTARTS = 50;
/** Looks at the pid file between two turns of the loop; one costs some 50 µs. */
const LOOKS = 20;

let generations: EchoGenerations;

beforeEach(() => {
  generations = new EchoGenerations();
});

afterEach(async () => generations.end());

/** What the control path said, over a connection of its own. Throws where nobody listens: ENOENT, ECONNREFUSED. */
async function ask(binding: Binding): Promise<string> {
  const channel = Channel.connect(binding, generations.controlPath);
  try {
    channel.send({ type: 'status' });
    const { message } = await channel.receive(DEADLINE);
    return message.type;
  } finally {
    channel.close();
  }
}

/** Throws where there is no pid file, or it is half written, or it names nobody or somebody who has left. */
function look(pidfilePath: string): void {
  const content = readFileSync(pidfilePath, 'utf8');
  if (!/^[1-9]\d*\n$/.test(content)) throw new Error(`the pid file says ${JSON.stringify(content)}`);
  // Who was named may have left since, but then another is named by now.
  if (!isAlive(Number(content)) && readFileSync(pidfilePath, 'utf8') === content) {
    throw new Error(`the pid file names ${content.trim()}, which has left`);
  }
}

test(
  'G4: through 50 restarts the control path answers and the pid file names a living process, at every instant',
  requirement('addon', 'proc'),
  async () => {
    const loaded = loadBinding();
    if (!('binding' in loaded)) throw new Error(loaded.unavailable);
    const { controlPath } = generations;
    const pidfilePath = join(generations.directory, 'pid');
    generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, pidfilePath }] });
    generations.launch();
    await generations.line('serving');

    const over = new AbortController();
    const answers = new Set<string>();
    const watch = async (): Promise<void> => {
      while (!over.signal.aborted) {
        for (let looks = 0; looks < LOOKS; looks += 1) look(pidfilePath);
        answers.add(await ask(loaded.binding));
      }
    };
    const restart = async (): Promise<void> => {
      for (let restarts = 0; restarts < RESTARTS; restarts += 1) await generations.restart();
    };
    await Promise.all([watch(), restart().finally(() => over.abort())]);
    // Whoever had come in by the old socket when it was replaced is told to connect again; nobody is hung up on.
    answers.delete('moved');
    expect([...answers]).toEqual(['status']);
  },
);
