/** What can go wrong where: every point that was seen, with everything that the kernel or a peer can do there. */
import { type ErrnoName, errnoOf } from './errno.js';
import { type Fault, nameOfAct, nameOfPoint, type Plan, STARTS, type Start } from './fault.js';
import type { Act, Point, Side } from './interposer.js';

/** Milliseconds: short of every wait of the protocol, and long enough for others to go first. */
const DELAY = 300;
/** Milliseconds past the longest wait that the other is in: `WAITS.yours` of who takes over, `WAITS.owner` of who gives. */
const STOP = { giver: 10_500, taker: 5_500 };

const NO_DESCRIPTOR: ErrnoName[] = ['EMFILE', 'ENFILE', 'ENOMEM'];
const ON_PATH: ErrnoName[] = ['EACCES', 'ENOMEM', 'ENOSPC'];

/** What a call can fail with; a call that is not named here cannot, on descriptors that are what they should be. */
const ERRORS: Record<string, ErrnoName[]> = {
  accept4: [...NO_DESCRIPTOR, 'EAGAIN', 'EINTR'],
  bind: ['EACCES', 'ENOMEM', 'ENOSPC'],
  chmod: ['EACCES', 'ENOMEM'],
  clone: ['EAGAIN', 'ENOMEM'],
  connect: ['EACCES', 'EAGAIN', 'EINTR', 'ENOMEM'],
  dup3: ['EMFILE', 'EINTR'],
  fchmod: ['ENOMEM', 'EACCES'],
  'fcntl-duplicate': ['EMFILE'],
  'fcntl-lock': ['EAGAIN', 'EINTR', 'ENOMEM'],
  getsockname: ['ENOMEM'],
  getsockopt: ['ENOMEM'],
  listen: ['ENOMEM'],
  memfd_create: NO_DESCRIPTOR,
  'node-chmod': ['EACCES', 'ENOMEM'],
  'node-open': [...NO_DESCRIPTOR, 'EACCES', 'EINTR', 'ENOSPC'],
  'node-rename': ON_PATH,
  'node-unlink': ['EACCES', 'ENOMEM'],
  'node-write': ['ENOSPC', 'EINTR'],
  open: [...NO_DESCRIPTOR, 'EACCES', 'EINTR', 'ENOSPC'],
  pipe2: NO_DESCRIPTOR,
  poll: ['EINTR', 'ENOMEM'],
  recvmsg: ['EAGAIN', 'EINTR', 'ENOMEM'],
  sendmsg: ['EAGAIN', 'EINTR', 'EMFILE', 'ENOMEM', 'EPIPE', 'ETOOMANYREFS'],
  setsockopt: ['ENOMEM'],
  shutdown: ['ENOMEM'],
  socket: [...NO_DESCRIPTOR, 'EACCES'],
  socketpair: NO_DESCRIPTOR,
  unlink: ['EACCES', 'ENOMEM'],
};

/** What the kernel never does to packets, and a process that breaks the protocol might. */
const LIES: Act['action'][] = ['truncate', 'duplicate', 'reorder'];
const ON_PACKETS: Act['action'][] = ['cut', 'truncate', 'duplicate', 'postpone', 'reorder'];

/** Whether it is one fault, between two steps of the protocol. */
export function isAtStep({ faults }: Plan): boolean {
  return faults.length === 1 && faults.every(isStep);
}

function isStep({ call }: Point): boolean {
  return call.startsWith('step:');
}

/** Everything that can go wrong at a point. */
function faultsAt(point: Point, start: Start): Fault[] {
  // Back to the first process: it is the second that gives the service away.
  const givesAway = (start === 'rollback') === (point.side === 'new');
  const acts: Act[] = [
    { action: 'kill', value: 0 },
    { action: 'stop', value: givesAway ? STOP.giver : STOP.taker },
    { action: 'delay', value: DELAY },
    ...(isStep(point) ? [{ action: 'cut' as const, value: 0 }] : []),
    ...(ERRORS[point.call] ?? []).map((name) => ({ action: 'errno' as const, value: errnoOf(name) })),
    ...(point.call === 'close' ? [{ action: 'interrupt' as const, value: 0 }] : []),
    ...(point.call === 'sendmsg' ? ON_PACKETS.map((action) => ({ action, value: DELAY })) : []),
  ];
  return acts.map((act) => ({ ...point, ...act }));
}

/** Every single fault, and as many different pairs as are asked for. */
export function catalogue(
  start: Start,
  points: readonly Point[],
  pairs: number,
  random: () => number,
): { singles: Plan[]; pairs: Plan[] } {
  const faults = points.flatMap((point) => faultsAt(point, start));
  const pick = (): Fault => faults[Math.floor(random() * faults.length)]!;
  const chosen = new Map<string, Plan>();
  while (faults.length > 2 && chosen.size < pairs) {
    const [a, b] = [pick(), pick()];
    if (a.side === b.side && (nameOfPoint(a) === nameOfPoint(b) || areLiesOfTheDead(a, b))) continue;
    chosen.set(JSON.stringify([a, b]), { start, faults: [a, b] });
  }
  return {
    singles: faults.map((fault) => ({ start, faults: [fault] })),
    pairs: [...chosen.values()],
  };
}

/** A process that breaks the protocol and then dies: whoever does not believe it is right, and has nobody to go back to. */
function areLiesOfTheDead(...faults: [Fault, Fault]): boolean {
  const actions = faults.map(({ action }) => action);
  return actions.includes('kill') && actions.some((action) => LIES.includes(action));
}

/** The plan that bears this name; undefined if it is no name of a plan. */
export function planNamed(name: string): Plan | undefined {
  const [word, ...rest] = name.split('/');
  const start = STARTS.find((each) => each === word);
  const faults = rest
    .join('/')
    .split('+')
    .map((each) => start && faultNamed(each, start));
  if (start === undefined || !faults.every((fault) => fault !== undefined)) return undefined;
  return { start, faults };
}

function faultNamed(name: string, start: Start): Fault | undefined {
  const [, side, call, number, act] = /^(old|new):(.+)#(\d+)=(\w+)$/.exec(name) ?? [];
  if (call === undefined) return undefined;
  const point = { side: side as Side, call, number: Number(number) };
  return faultsAt(point, start).find((fault) => nameOfAct(fault) === act);
}
