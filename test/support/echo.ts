/** Generations of test/fixtures/echo.mjs, which costs little: for tests under load. */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Generations, type StartOptions } from './generations.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/echo.mjs', import.meta.url));

/** What the fixture does; each generation reads it anew. */
export interface EchoVersion {
  /** Options of each server; one on 127.0.0.1, port 0, unless given. */
  servers?: Record<string, unknown>[];
  /** Milliseconds each answer takes. */
  delay?: number;
  /**
   * Handlers end their connection when `context.signal` says so, instead of leaving that to the client. A line `all told`
   * says for how many milliseconds of CPU the longest turn of the loop held the others up meanwhile.
   */
  obedient?: boolean;
  /** A file that says who `opened` (accepted) and `closed` which connection, by its remote port. */
  peers?: string;
  /** Kills itself when it has accepted so many connections. */
  dieAfter?: number;
}

export class EchoGenerations extends Generations {
  /** Starts the first generation and waits until it serves. */
  static async serve(version: EchoVersion = {}, options: StartOptions = {}): Promise<EchoGenerations> {
    const generations = new EchoGenerations();
    generations.deploy(version);
    generations.launch(options);
    await generations.line('serving');
    return generations;
  }

  override deploy(version: EchoVersion): void {
    super.deploy(version);
  }

  override launch(options: StartOptions = {}): ChildProcess {
    const command = [process.execPath, ...(options.execArgv ?? []), FIXTURE, this.optionsPath] as const;
    return super.launch({ command: [...command], ...options });
  }
}
