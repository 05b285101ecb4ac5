/** Where this process will be found as the owner, and where its predecessor, if it has one, is to be found. */
import { basename } from 'node:path';
import type { Binding } from '../binding.js';
import { createPrivateControlPath } from '../handover/control-directory.js';
import { currentEnvironment } from '../process/environment.js';
import { NamedSeat } from './named-seat.js';
import type { Seat } from './seat.js';
import type { Service } from './service.js';
import { UnnamedSeat } from './unnamed-seat.js';

interface Seats {
  seat: Seat;
  /** Where the predecessor looks for its owner, if that is another place. */
  former: Seat | undefined;
}

/** Opens the seats, for one attempt to become the owner. Throws CONTROL_PATH_UNUSABLE, CONTROL_PATH_TOO_LONG or HANDOVER_UNAVAILABLE. */
export type Home = () => Seats;

/**
 * The configured path, else the one we were started with, else a private one. Where no directory will do, whatever only
 * children can find; and undefined where that is impossible too: a server that cannot hand over still serves.
 */
export function homeOf(service: Service, binding: Binding): Home | undefined {
  const { configuration, options, log } = service;
  const place = options.inherited?.place;
  const startedAt = place !== undefined && 'controlPath' in place ? place.controlPath : undefined;
  const startedWith = place !== undefined && 'lock' in place ? place : undefined;

  const former = (home: string): Seat | undefined => {
    if (startedWith !== undefined) return UnnamedSeat.inherited(binding, startedWith);
    if (startedAt === undefined || startedAt === home) return undefined;
    return new NamedSeat(binding, startedAt, false);
  };
  const at = (path: string): Home => {
    return () => {
      const seat = new NamedSeat(binding, path, path === configuration.controlPath);
      try {
        return { seat, former: former(path) };
      } catch (error) {
        seat.leave();
        throw error;
      }
    };
  };
  const named = configuration.controlPath ?? startedAt;
  if (named !== undefined) return at(named);
  const made = createPrivateControlPath(currentEnvironment(), (path) => NamedSeat.tryOut(binding, path));
  if ('path' in made) return at(made.path);

  const withoutPath = (): void => {
    log.warn('no control path: only processes that this one starts can take over; set controlPath', {
      reason: made.unusable,
    });
    const runner = runnerOf(configuration.startCommand);
    if (runner === undefined) return;
    log.warn(
      `${runner} passes no descriptors on, so every restart will fail: let startCommand start node itself, or set controlPath`,
    );
  };
  if (startedWith !== undefined) {
    withoutPath();
    return () => ({ seat: UnnamedSeat.inherited(binding, startedWith), former: undefined });
  }
  try {
    // Nobody else can be faster: this is the only attempt.
    const seat = UnnamedSeat.create(binding);
    withoutPath();
    return () => ({ seat, former: undefined });
  } catch (error) {
    const why = (error as Error).message;
    service.unavailable = `no directory for the control socket (${made.unusable}), and no file without a name (${why}); set controlPath`;
    return undefined;
  }
}

/** Node makes what it inherits close-on-exec as it starts, and these are programs in Node. */
function runnerOf(startCommand: string | readonly string[] | null): string | undefined {
  const words = typeof startCommand === 'string' ? startCommand.trim().split(/\s+/) : (startCommand ?? []);
  const first = words.find((word) => word !== 'exec') ?? '';
  return ['npm', 'npx', 'pnpm', 'yarn'].find((runner) => basename(first) === runner);
}
