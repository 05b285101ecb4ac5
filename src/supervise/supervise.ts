/**
 * A parent that stays while generations come and go: pid 1 of a container, or what a supervisor that watches one pid
 * watches. It starts a command once, follows the main process by what that announces, passes signals on to it, waits for
 * orphans, and ends when the service has ended, with its exit code. It never starts anything again: a crash loop must stay
 * visible to whoever runs us.
 */
import type { Binding } from '../binding.js';
import type { Environment } from '../process/environment.js';
import { supervisedEnvironment } from '../process/environment.js';
import { KEEPER } from '../process/keeper.js';
import { isStopSignal, watchSignals } from '../process/signals.js';
import { exitCodeOf, startSupervised } from '../process/supervised.js';
import { Generations } from './generations.js';
import { type Notification, NotifySocket } from './notify-socket.js';
import { type Relay, relayTo } from './relay.js';

/**
 * How long an announcement may take when the main process has ended and other processes are still there: the one before
 * asks for the owner lock for a second before it serves again.
 */
const GRACE_MILLISECONDS = 3_000;
/**
 * The same while a restart is under way: the new process may still be getting ready, and the sockets are its own already.
 * It ends by itself at its `readyTimeout`, of which this is the default.
 */
const GRACE_OF_RESTART_MILLISECONDS = 60_000;
/** How often a main process is looked at whose end nobody tells us, because it is another's child. */
const POLL_MILLISECONDS = 1_000;
/** Of a service whose end nobody saw. */
const UNKNOWN = 1;

export interface SuperviseOptions {
  binding: Binding;
  environment: Environment;
  /** Told what an operator should know, in sentences. */
  say: (sentence: string) => void;
}

/** Resolves with the exit code of the last generation, 128 + n if signal n ended it. Rejects if nothing could be started. */
export function supervise(command: readonly string[], options: SuperviseOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    new Supervision(options, resolve).begin(command).catch(reject);
  });
}

class Supervision {
  readonly #options: SuperviseOptions;
  readonly #onEnd: (exitCode: number) => void;
  readonly #socket: NotifySocket;
  readonly #relay: Relay | undefined;
  /** Of an instant after the start on. */
  #generations: Generations | undefined;
  /** The pid libuv waits for, or 0 when it has. */
  #started = 0;
  /** The main process can take every signal. */
  #ready = false;
  /** A restart has begun, and not ended. */
  #restarting = false;
  /** A stop was passed on: whoever becomes the main process meanwhile has not heard of it. */
  #stop: NodeJS.Signals | undefined;
  /** Signals for which there is nobody yet. */
  readonly #held = new Set<NodeJS.Signals>();
  /** How the main process ended. */
  #mainCode: number | undefined;
  /** How the last one ended that is no generation: a wrapper (npm, sh), which waits for the main process itself, ends as that did. */
  #wrapperCode: number | undefined;
  #grace: NodeJS.Timeout | undefined;
  #graceIsOver = false;
  #poll: NodeJS.Timeout | undefined;
  #over = false;

  constructor(options: SuperviseOptions, onEnd: (exitCode: number) => void) {
    const { binding, environment, say } = options;
    this.#options = options;
    this.#onEnd = onEnd;
    if (Number(environment['LISTEN_FDS']) > 0) {
      say('sockets of a service manager are not passed on; let it start the server itself');
    }
    this.#socket = new NotifySocket(binding, environment, (heard) => this.#hear(heard));
    this.#relay = relayTo(binding, environment, (error) => {
      say(`the service manager could not be told: ${error.message}`);
    });
  }

  async begin(command: readonly string[]): Promise<void> {
    const { binding, environment } = this.#options;
    try {
      if (process.pid !== 1) binding.becomeSubreaper();
      watchSignals(
        binding,
        (signal) => {
          // A main process that has just given the service away would not take it.
          this.#socket.read();
          this.#pass(signal);
        },
        () => this.#look(),
      );
      const { pid, exited } = await startSupervised(
        command,
        supervisedEnvironment(environment, this.#socket.path),
      );
      this.#started = pid;
      this.#generations = new Generations(pid);
      void exited.then((exit) => {
        this.#started = 0;
        this.#waitedFor(pid, exitCodeOf(exit));
        this.#look();
      });
    } catch (error) {
      this.#close();
      throw error;
    }
    this.#release();
    this.#look();
  }

  #hear({ sender, fields }: Notification): void {
    const generations = this.#generations;
    if (generations === undefined) return;
    const keeper = Number(fields.get(KEEPER));
    if (Number.isInteger(keeper)) generations.keptBy(keeper, sender);
    const pid = Number(fields.get('MAINPID'));
    const isAnother = Number.isInteger(pid) && generations.announce(pid, sender);
    if (!generations.speaks(sender)) return;
    if (isAnother) {
      this.#mainCode = undefined;
      clearTimeout(this.#grace);
      this.#grace = undefined;
      this.#graceIsOver = false;
      if (this.#stop !== undefined) generations.main.signal(this.#stop);
    }
    if (fields.get('RELOADING') === '1') this.#restarting = true;
    if (fields.get('READY') === '1') {
      this.#ready = true;
      this.#restarting = false;
    }
    // Whoever waits for it says the same, or better; but that may be the one before, whose child it is.
    if (sender === generations.main.pid && fields.get('EXIT_STATUS') === '0') this.#mainCode ??= 0;
    this.#relay?.(fields);
    if (this.#ready) this.#release();
    this.#look();
  }

  /** Everything that kills a process without a handler waits until it says that it is ready. */
  #pass(signal: NodeJS.Signals): void {
    const generations = this.#generations;
    const isStop = isStopSignal(signal);
    if (this.#over) return;
    if (generations === undefined || (!this.#ready && !isStop)) {
      this.#held.add(signal);
      return;
    }
    if (isStop) this.#stop = signal;
    if (generations.main.signal(signal)) return;
    // Nobody serves; a stop is meant for those who drain as well.
    const { earlier } = generations;
    if (isStop && earlier.length > 0) for (const generation of earlier) generation.signal(signal);
    else this.#held.add(signal);
  }

  #release(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const signal of held) this.#pass(signal);
  }

  /** Waits for whoever has ended, then decides whether the service has. */
  #look(): void {
    const generations = this.#generations;
    if (this.#over || generations === undefined) return;
    const hasChildren = this.#reap();
    const { main } = generations;
    if (main.alive) {
      // A child of ours tells of its end by a signal.
      this.#pollIf(!main.isOurChild);
      return;
    }
    // Libuv has it, and tells in a moment.
    if (main.pid === this.#started) return;
    const { earlier } = generations;
    if (earlier.length === 0 && (this.#graceIsOver || !hasChildren)) {
      // What it said last may be how it ended, or who is the main process now; then this was looked at again.
      this.#socket.read();
      if (generations.main === main) this.#end();
      return;
    }
    this.#pollIf(true);
    this.#grace ??= setTimeout(
      () => {
        this.#graceIsOver = true;
        this.#sayWhoIsWaitedFor();
        this.#look();
      },
      this.#restarting ? GRACE_OF_RESTART_MILLISECONDS : GRACE_MILLISECONDS,
    );
  }

  /** The main process has ended, and nobody has said that it serves instead. */
  #sayWhoIsWaitedFor(): void {
    const pids = this.#generations?.earlier.map(({ pid }) => pid) ?? [];
    if (pids.length === 0) return;
    this.#options.say(`the service has ended; waiting for what still drains (pid ${pids.join(', ')})`);
  }

  /** Whether there are children left. */
  #reap(): boolean {
    for (;;) {
      const result = this.#options.binding.reapChild(this.#started);
      if (result.kind === 'no-child') return false;
      if (result.kind !== 'reaped') return true;
      this.#waitedFor(result.pid, result.signal === 0 ? result.exitCode : 128 + result.signal);
    }
  }

  #waitedFor(pid: number, exitCode: number): void {
    if (pid === this.#generations?.main.pid) this.#mainCode = exitCode;
    else if (this.#generations?.includes(pid) !== true) this.#wrapperCode = exitCode;
  }

  #pollIf(needed: boolean): void {
    if (needed) {
      this.#poll ??= setInterval(() => this.#look(), POLL_MILLISECONDS);
      return;
    }
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #end(): void {
    if (this.#over) return;
    this.#close();
    this.#onEnd(this.#mainCode ?? this.#wrapperCode ?? UNKNOWN);
  }

  #close(): void {
    this.#over = true;
    clearTimeout(this.#grace);
    this.#pollIf(false);
    this.#socket.close();
  }
}
