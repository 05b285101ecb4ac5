import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Binding, ControlSocket, Packet } from '../../src/binding.js';
import { type Notification, NotifySocket } from '../../src/supervise/notify-socket.js';

let directory: string;
let packets: (() => Packet | null) | undefined;
let closedDescriptors: number;
let socket: NotifySocket;
const heard: Notification[] = [];

/** All of the addon that is needed; what is received comes from `packets`. */
const binding = {
  bindDatagram: () => ({}),
  ControlSocket: class {
    watch(): void {}
    ref(): void {}
    close(): void {}
    receive(): Packet | null {
      return packets?.() ?? null;
    }
  } as unknown as new () => ControlSocket,
} as unknown as Binding;

function packet(text: string, more: Partial<Packet> = {}): Packet {
  const sender = { pid: 7, uid: process.geteuid?.() ?? 0, gid: 0 };
  const facts = { dataTruncated: false, descriptorsTruncated: false, descriptors: [], sender };
  return { kind: 'packet', data: Buffer.from(text), ...facts, ...more };
}

function say(...said: Packet[]): void {
  packets = () => said.shift() ?? null;
  socket.read();
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'notify-'));
  mkdirSync(join(directory, 'run'), { mode: 0o700 });
  packets = undefined;
  heard.length = closedDescriptors = 0;
  const environment = { XDG_RUNTIME_DIR: join(directory, 'run') };
  socket = new NotifySocket(binding, environment, (notification) => heard.push(notification));
});
afterEach(() => {
  socket.close();
  rmSync(directory, { recursive: true });
});

describe('what comes to the socket of a supervisor', () => {
  test('is heard with its sender, whatever stands in it', () => {
    say(packet('MAINPID=8\nREADY=1\n\n=x\nnonsense\nSTATUS=a=b'));
    expect(heard.map(({ sender, fields }) => [sender, [...fields]])).toEqual([
      [
        7,
        [
          ['MAINPID', '8'],
          ['READY', '1'],
          ['STATUS', 'a=b'],
        ],
      ],
    ]);
  });

  test.each<[string, Partial<Packet>]>([
    ['from another user', { sender: { pid: 7, uid: 4_242, gid: 0 } }],
    ['that was cut', { dataTruncated: true }],
  ])('%s is not heard', (_what, more) => {
    say(packet('STOPPING=1', more));
    expect(heard).toEqual([]);
  });

  test('leaves no descriptor open', () => {
    const descriptor = { close: () => closedDescriptors++ } as unknown as Packet['descriptors'][number];
    say(
      packet('FDSTORE=1', { descriptors: [descriptor, descriptor] }),
      packet('FDSTORE=1', { descriptors: [descriptor], dataTruncated: true }),
    );
    expect(closedDescriptors).toBe(3);
  });

  test('without end leaves signals their turn', () => {
    packets = () => packet('WATCHDOG=1');
    socket.read();
    expect(heard.length).toBeLessThan(10_000);
  });

  test('is not heard any more once it is closed, by what was heard', () => {
    const closing = new NotifySocket(binding, { XDG_RUNTIME_DIR: join(directory, 'run') }, (notification) => {
      heard.push(notification);
      closing.close();
    });
    packets = () => packet('STOPPING=1');
    closing.read();
    expect(heard).toHaveLength(1);
    expect(existsSync(closing.path)).toBe(false);
  });
});
