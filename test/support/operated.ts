/** The one server that a test of the command is about, and the command, told of its control path. Ended with the test. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Ran, type RunOptions, uninterruptible } from './command.js';
import { Conversation } from './conversation.js';
import { FakeOwner, type Script } from './fake-owner.js';
import { Generations, type Version } from './generations.js';

/** Each leaves a server as it is when it cannot be asked. */
export const COMMANDS: readonly string[] = ['status', 'listeners', 'restart', 'rollback', 'stop', 'doctor'];
/** A user who is not ours. */
export const NOBODY = 65_534;

let generations: Generations | undefined;

/** A server that does not serve. */
export function nobody(): Generations {
  const made = new Generations();
  generations = made;
  onTestFinished(async () => {
    generations = undefined;
    await made.end();
  });
  return made;
}

/** One that serves. */
export function start(version: Version = {}): Promise<Generations> {
  return serving(nobody(), version);
}

/** One that serves with these options, beside the path and the address that all have. */
export function startWith(options: Record<string, unknown>, version: Version = {}): Promise<Generations> {
  const server = nobody();
  const { controlPath } = server;
  return serving(server, { servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, ...options }], ...version });
}

/** Where `startWithPidFile` has it. */
export function pidFileOf({ directory }: Generations): string {
  return join(directory, 'pid');
}

/** One that serves, and has a pid file. */
export function startWithPidFile(options: Record<string, unknown> = {}): Promise<Generations> {
  const server = nobody();
  const { controlPath } = server;
  const own = { bind: 'tcp://127.0.0.1:0', controlPath, pidfilePath: pidFileOf(server) };
  return serving(server, { servers: [{ ...own, ...options }] });
}

/** One that was restarted, and whose process before drains because of one connection. */
export async function startDraining(): Promise<{ server: Generations; old: number; held: Conversation }> {
  const server = await start({ stay: true });
  const old = server.owner;
  const held = await Conversation.open(server.port());
  await server.restart();
  return { server, old, held };
}

async function serving(server: Generations, version: Version): Promise<Generations> {
  server.deploy(version);
  server.launch();
  await server.line('serving');
  return server;
}

/** A server that says what it is told to; nobody else is there. */
export function startFake(scripts: readonly Script[]): void {
  const fake = new FakeOwner(nobody().controlPath, scripts);
  onTestFinished(() => fake.close());
}

/** The command with these words, and the control path of the server. */
export function run(words: string, options?: RunOptions): Promise<Ran> {
  return uninterruptible([...words.split(' '), '--control', generations?.controlPath ?? ''], options);
}
