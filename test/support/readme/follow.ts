/** Follows the README: its files in a folder that has the package, its commands in a shell, what they print compared. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MarkedProcesses } from '../marked-processes.js';
import { environmentOfNode, type Installation } from '../packed.js';
import { fits, parseSteps, type Section, type Step } from './blocks.js';
import { type Printed, Shell } from './shell.js';

/** Programs that a new machine may lack, as far as the documents need them. */
const COMMANDS = ['nc', 'curl'];
const DEADLINE = 15_000;
/** Of the servers that are started in the background. */
const LOG = 'server.log';

/**
 * Commands that a reader would give again, because they only look: until the output fits. A client may look again too,
 * since another version may answer in a moment; but whenever it asks it must be answered.
 */
const LOOKS = /^(?:grep|cat) |\| openssl s_client /;
const ASKS = '| nc ';
/** Until somebody types the next command, the restart is over, and the pid file names the new process. */
const RESTARTS = /^kill -USR1 \$\(cat (?<pidFile>\S+)\)$/;

export class Reader {
  readonly processes: MarkedProcesses = new MarkedProcesses();
  readonly #installation: Installation;
  readonly #environment: Record<string, string>;

  constructor(installation: Installation) {
    this.#installation = installation;
    const bin = installation.path('bin');
    mkdirSync(bin);
    for (const name of COMMANDS) {
      const program = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
      writeFileSync(`${bin}/${name}`, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
      chmodSync(`${bin}/${name}`, 0o755);
    }
    const { PATH } = environmentOfNode();
    this.#environment = { ...this.processes.environment, PATH: `${bin}${delimiter}${PATH}` };
  }

  /** Opens a shell as a reader has it, in the folder of the files. */
  shell(): Shell {
    return new Shell(this.#installation.directory, this.#environment);
  }

  /** Gives the commands of a section, one after another; rejects at the first that does not print what stands there. */
  async follow(section: Section): Promise<void> {
    // The shell may take the next command before it has emptied the log of a server in the background: a look at what another
    // section left there would find what it looks for.
    rmSync(this.#installation.path(LOG), { force: true });
    const shell = this.shell();
    try {
      for (const block of section.blocks) {
        if (block.language !== 'console') continue;
        for (const step of parseSteps(block)) await carryOut(shell, step);
      }
    } finally {
      await shell.end();
    }
  }

  /** Resolves when everything that was started has ended by itself. */
  async allGone(): Promise<void> {
    const deadline = performance.now() + DEADLINE;
    while (this.processes.alive().length > 0) {
      if (performance.now() > deadline) {
        throw new Error(`still running: ${this.processes.alive().join(', ')}`);
      }
      await delay(20);
    }
  }
}

async function carryOut(shell: Shell, step: Step): Promise<void> {
  const { pidFile } = RESTARTS.exec(step.command)?.groups ?? {};
  const before = pidFile === undefined ? undefined : (await shell.run(`cat ${pidFile}`)).output;
  const patience = performance.now() + DEADLINE;
  for (;;) {
    const printed = await shell.run(step.command);
    if (printed.status === 0 && fits(step, printed.output)) break;
    const again =
      LOOKS.test(step.command) ||
      (step.command.includes(ASKS) && printed.status === 0 && printed.output !== '');
    if (!again || performance.now() > patience) throw new Error(difference(step, printed));
    await delay(50);
  }
  while (pidFile !== undefined && (await shell.run(`cat ${pidFile}`)).output === before) {
    if (performance.now() > patience) throw new Error(`line ${step.line}: nothing has restarted`);
    await delay(50);
  }
}

function difference({ command, expected, open, line }: Step, { output, status }: Printed): string {
  return [
    `line ${line}: ${command}`,
    `ends with ${status} and prints:\n${output}`,
    `instead of:\n${expected}${open ? '\n…' : ''}`,
  ].join('\n');
}

/** The ports the README names are fixed: says which of them somebody else has. */
export async function portsTaken(ports: readonly number[]): Promise<number[]> {
  const taken = await Promise.all(
    ports.map(async (port) => {
      const socket = connect(port, '127.0.0.1');
      const connected = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      socket.destroy();
      return connected ? port : undefined;
    }),
  );
  return taken.filter((port) => port !== undefined);
}
