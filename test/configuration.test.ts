import { describe, expect, test } from 'vitest';
import {
  amendOptions,
  configurationDefaults,
  environmentNames,
  resolveConfiguration,
  type ServerOptions,
} from '../src/configuration.js';
import { ConfigurationError } from '../src/errors.js';
import { complaints, context, problemsOf, processOf, resolve } from './configuration/resolve.js';

/** Keys of an object of problems that name the option or its variable. */
function about(sentences: readonly string[], label: string): readonly string[] {
  return sentences.filter((sentence) => sentence.startsWith(label));
}

describe('the whole', () => {
  test('everything has a default but where to listen', () => {
    const resolved = resolve({ bindPort: 3000 });
    expect(resolved).toEqual({
      process: {
        startCommand: null,
        workingDirectory: process.cwd(),
        controlPath: null,
        pidfilePath: null,
        logPath: null,
        logLevel: configurationDefaults.logLevel,
        logger: null,
        restartSignal: configurationDefaults.restartSignal,
        readyTimeout: configurationDefaults.readyTimeout,
        drainTimeout: null,
        rollbackWindow: configurationDefaults.rollbackWindow,
        maxDraining: configurationDefaults.maxDraining,
        shutdownDelay: configurationDefaults.shutdownDelay,
      },
      servers: [
        {
          listeners: [
            expect.objectContaining({ requested: `tcp://${configurationDefaults.bindAddress}:3000` }),
          ],
          tls: null,
          allowedNetworks: null,
          maxConnections: null,
          http: null,
        },
      ],
    });
  });

  test('the defaults are those of the documentation', () => {
    expect(configurationDefaults).toMatchObject({
      bindAddress: '0.0.0.0',
      logLevel: 'info',
      tlsVersion: 'TLSv1_2',
      verifyClientTlsCertificate: false,
      restartSignal: 'SIGUSR1',
      readyTimeout: 60_000,
      drainTimeout: null,
      rollbackWindow: 0,
      maxDraining: null,
    });
    expect(Object.isFrozen(configurationDefaults)).toBe(true);
    expect(Object.isFrozen(environmentNames)).toBe(true);
  });

  test('the result cannot be changed, and does not change with the options', () => {
    const options = { bind: ['tcp://a:1'], startCommand: ['node', 'x'], allowedNetworks: ['::1'] };
    const { process: ofProcess, servers, ...rest } = resolve(options);
    options.bind.push('x');
    options.startCommand.push('x');
    options.allowedNetworks.push('x');
    const [server] = servers;
    expect(rest).toEqual({});
    expect(server?.listeners).toHaveLength(1);
    expect(ofProcess.startCommand).toEqual(['node', 'x']);
    expect(server?.allowedNetworks).toEqual(['::1']);
    for (const part of [
      ofProcess,
      servers,
      server,
      server?.listeners,
      server?.allowedNetworks,
      ofProcess.startCommand,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.isFrozen(options.startCommand)).toBe(false);
  });

  test('every problem is reported at once, by one error with a code', () => {
    const options = { bind: 3, prot: 1, logLevel: 'loud', readyTimeout: '30', maxConnections: 0 };
    const thrown = (): unknown =>
      resolveConfiguration([options as object], { DRAIN_TIMEOUT: '30' }, { ...context, mode: 'run' });
    expect(thrown).toThrow(ConfigurationError);
    expect(thrown).toThrow(expect.objectContaining({ code: 'UNINTERRUPTIBLE_CONFIGURATION_INVALID' }));
    expect(problemsOf(options, { DRAIN_TIMEOUT: '30' }, { mode: 'run' })).toHaveLength(7);
  });

  test.each([[null], [3], ['x'], [[]], [undefined]])('options must be an object: %j', (options) => {
    expect(problemsOf([options])[0]).toMatch(/^The options must be an object, not .+\.$/);
  });

  test('an empty or blank variable, and an undefined option, count as not given', () => {
    const blank = Object.fromEntries(Object.values(environmentNames).map((name) => [name, ' \r\n']));
    const empty = Object.fromEntries(Object.values(environmentNames).map((name) => [name, '']));
    const unset = Object.fromEntries(Object.keys(configurationDefaults).map((name) => [name, undefined]));
    const expected = resolve({ bind: 'tcp://a:1' });
    for (const environment of [blank, empty]) {
      expect(resolve({ ...unset, bind: 'tcp://a:1' }, environment)).toEqual(expected);
    }
  });

  test('a getter is asked once', () => {
    let asked = 0;
    const options = {
      get bindPort() {
        return ++asked;
      },
    };
    expect(resolve(options).servers[0]?.listeners[0]?.requested).toBe('tcp://0.0.0.0:1');
  });
});

describe('unknown options', () => {
  test.each([
    ['startComand', 'startCommand'],
    ['start_command', 'startCommand'],
    ['tls_certificate', 'tlsCertificate'],
    ['pidFilePath', 'pidfilePath'],
    ['pidfile', 'pidfilePath'],
    ['port', 'bindPort'],
    ['PORT', 'bindPort'],
    ['binding', 'bind'],
    ['tlsKeyPath', 'tlsKey'],
    ['drainTimout', 'drainTimeout'],
  ])('%s: did you mean %s?', (key, proposal) => {
    expect(complaints({ [key]: 1 })).toEqual([`There is no option "${key}"; did you mean ${proposal}?`]);
  });

  test.each([['colour'], [''], ['x'.repeat(1000)], ['__proto__x'], ['constructor'], ['toString']])(
    '%s: nothing is near, so all are named',
    (key) => {
      const [sentence = ''] = complaints({ [key]: undefined });
      expect(sentence).toMatch(/^There is no option ".*"; known are startCommand, bind, .*, readiness\.$/);
    },
  );

  test('of several servers, the server is named', () => {
    expect(problemsOf([{ bindPort: 0 }, { bindPort: 0, bnid: 1 }])).toEqual([
      'There is no option "bnid" of server 2; did you mean bind?',
    ]);
  });
});

describe('several servers', () => {
  test('there must be one', () => {
    expect(problemsOf([])).toEqual(['There must be at least one server.']);
  });

  test('each has its own listeners and limits; the process is one', () => {
    const { process: ofProcess, servers } = resolve([
      { bind: 'tcp://a:1', maxConnections: 5 },
      { bind: 'unix:@b', readyTimeout: 5, startCommand: 'node x' },
    ]);
    expect(servers.map(({ listeners, maxConnections }) => [listeners[0]?.requested, maxConnections])).toEqual(
      [
        ['tcp://a:1', 5],
        ['unix:@b', null],
      ],
    );
    expect(ofProcess).toMatchObject({ readyTimeout: 5, startCommand: 'node x' });
  });

  test('two may say the same, but not contradict each other', () => {
    const logger = console;
    const same = { startCommand: ['a', 'b'], readyTimeout: 5, logger, controlPath: null };
    const [one, other] = [
      { bindPort: 0, ...same },
      { bindPort: 0, ...same, startCommand: ['a', 'b'] },
    ];
    expect(problemsOf([{ bindPort: 0 }, one, other])).toEqual([]);
    expect(
      problemsOf([{ bindPort: 0 }, one, { ...other, readyTimeout: 6, startCommand: ['a', 'c'] }]),
    ).toEqual([
      'startCommand belongs to the whole process and differs between server 2 and server 3; give it once.',
      'readyTimeout belongs to the whole process and differs between server 2 and server 3; give it once.',
    ]);
    expect(problemsOf([one, { ...other, startCommand: ['a'] }])).toHaveLength(1);
    expect(problemsOf([one, { ...other, startCommand: 'a b' }])).toHaveLength(1);
    expect(problemsOf([one, { ...other, logger: null }])).toHaveLength(1);
  });

  test.each([
    ['startCommand', 'a', 'b'],
    ['workingDirectory', '/', '/tmp'],
    ['controlPath', '/tmp/a', '/tmp/b'],
    ['pidfilePath', '/tmp/a', '/tmp/b'],
    ['logPath', '/tmp/a', '/tmp/b'],
    ['logLevel', 'info', 'warn'],
    ['logger', console, null],
    ['restartSignal', 'SIGUSR1', null],
    ['readyTimeout', 1, 2],
    ['drainTimeout', 1, 2],
    ['rollbackWindow', 1, 2],
  ])('%s belongs to the process', (option, first, second) => {
    expect(problemsOf([{ bindPort: 0 }, { bindPort: 0, [option]: first }])).toEqual([]);
    expect(
      problemsOf([
        { bindPort: 0, [option]: first },
        { bindPort: 0, [option]: second },
      ]),
    ).toEqual([
      `${option} belongs to the whole process and differs between server 1 and server 2; give it once.`,
    ]);
  });

  test('of a server, the place is named; of the process or the environment it is not', () => {
    const sentences = problemsOf(
      [
        { bindPort: 0, maxConnections: 0 },
        { bind: 'x', maxConnections: 0, readyTimeout: 0 },
      ],
      { ALLOWED_NETWORKS: 'x' },
    );
    expect(about(sentences, 'maxConnections of server')).toHaveLength(2);
    expect(about(sentences, 'bind of server 2: "x"')).toHaveLength(1);
    expect(about(sentences, 'readyTimeout must')).toHaveLength(1);
    expect(about(sentences, 'ALLOWED_NETWORKS (allowedNetworks): "x"')).toHaveLength(1);
    expect(sentences).toHaveLength(5);
  });
});

describe('amendOptions', () => {
  // As other libraries than the language make them.
  const thenable = { then: (): void => undefined };

  test('a function changes the draft, an object is written into it', () => {
    const draft: ServerOptions = { bindPort: 1 };
    amendOptions(draft, (options) => {
      options.bindAddress = 'a';
    });
    amendOptions(draft, { bindPort: 2, logLevel: undefined });
    amendOptions(draft, (options) => (options.readyTimeout = 5));
    expect(draft).toEqual({ bindAddress: 'a', bindPort: 2, logLevel: undefined, readyTimeout: 5 });
  });

  test('an object that the function returns is written into the draft as well', () => {
    const draft: ServerOptions = { bindPort: 1, drainTimeout: 5 };
    amendOptions(draft, () => ({ bindPort: 2, readyTimeout: 5 }));
    expect(draft).toEqual({ bindPort: 2, drainTimeout: 5, readyTimeout: 5 });
    amendOptions(draft, (options) => {
      options.rollbackWindow = 1;
      return { ...options, bindPort: 3 };
    });
    expect(draft).toEqual({ bindPort: 3, drainTimeout: 5, readyTimeout: 5, rollbackWindow: 1 });
  });

  test('what the function has just written is no object of options', () => {
    const draft: ServerOptions = {};
    amendOptions(draft, (options) => (options.logger = console));
    amendOptions(draft, (options) => (options.bind = ['tcp://a:1']));
    amendOptions(draft, (options) => Object.assign(options, { readyTimeout: 5 }));
    expect(draft).toEqual({ logger: console, bind: ['tcp://a:1'], readyTimeout: 5 });
  });

  test('an array that it returns is refused; a value that is no object says nothing', () => {
    const draft: ServerOptions = {};
    expect(() => amendOptions(draft, () => ['tcp://a:1'])).toThrow(
      'Invalid configuration: configure() takes a function that returns nothing or an object of options, not an array.',
    );
    for (const value of [undefined, null, true, 3, 'x']) amendOptions(draft, () => value);
    expect(draft).toEqual({});
  });

  test.each([[undefined], [null], ['x'], [3], [[]]])('anything else is refused: %j', (change) => {
    expect(() => amendOptions({}, change as unknown as ServerOptions)).toThrow(
      /^Invalid configuration: configure\(\) takes an object of options or a function, not .+\.$/,
    );
  });

  test('an asynchronous function would come too late', () => {
    const change = async (): Promise<void> => {
      throw new Error('must not become an unhandled rejection');
    };
    const sentence =
      'Invalid configuration: configure() takes a function that is not async: await what you need before the call.';
    expect(() => amendOptions({}, change as () => void)).toThrow(sentence);
    const later: () => unknown = () => Promise.resolve({ bindPort: 1 });
    expect(() => amendOptions({}, later)).toThrow(sentence);
    expect(() => amendOptions({}, () => thenable)).toThrow(sentence);
  });

  test('so would the promise of an object', () => {
    for (const promise of [Promise.resolve({ bindPort: 1 }), Promise.reject(new Error('mine')), thenable]) {
      expect(() => amendOptions({}, promise as ServerOptions)).toThrow(
        'Invalid configuration: configure() takes an object of options, not a promise of one: await what you need before the call.',
      );
    }
  });

  test('what the function throws is not changed', () => {
    const error = new Error('mine');
    const change = (): void => {
      throw error;
    };
    expect(() => amendOptions({}, change)).toThrow(error);
  });
});

test('an option of the process is read from the environment only if no server gives it', () => {
  expect(processOf({}, { READY_TIMEOUT: '5s' }).readyTimeout).toBe(5000);
  expect(
    resolve([{ bindPort: 0 }, { bindPort: 0, readyTimeout: 7 }], { READY_TIMEOUT: '5s' }).process
      .readyTimeout,
  ).toBe(7);
});
