import { describe, expect, test } from 'vitest';
import {
  amendOptions,
  configurationDefaults,
  environmentNames,
  resolveConfiguration,
  type ServerOptions,
} from '../src/configuration.js';
import { ConfigurationError } from '../src/errors.js';
import { complaints, context, problemsOf, processOf, resolve, serverOf } from './configuration/resolve.js';

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
      },
      servers: [
        {
          listeners: [
            expect.objectContaining({ requested: `tcp://${configurationDefaults.bindAddress}:3000` }),
          ],
          tls: null,
          allowedNetworks: null,
          maxConnections: null,
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
      expect(sentence).toMatch(
        /^There is no option ".*"; known are startCommand, bind, .*, rollbackWindow\.$/,
      );
    },
  );

  test('of several servers, the server is named', () => {
    expect(problemsOf([{ bindPort: 0 }, { bindPort: 0, bnid: 1 }])).toEqual([
      'There is no option "bnid" of server 2; did you mean bind?',
    ]);
  });
});

describe('where to listen', () => {
  const requested = (options: object, environment = {}): unknown =>
    resolve(options, environment).servers[0]?.listeners.map((listener) => listener.requested);

  test('bind is one address or several', () => {
    expect(requested({ bind: 'unix:///run/app.sock' })).toEqual(['unix:///run/app.sock']);
    expect(requested({ bind: ['tcp://a:1', 'unix:@b'] })).toEqual(['tcp://a:1', 'unix:@b']);
  });

  test.each([[3], [null], [{}], [true]])('bind of another type is refused: %j', (bind) => {
    expect(complaints({ bind })[0]).toMatch(
      /^bind must be an address such as tcp:\/\/0\.0\.0\.0:3000, or an array of them, not .+\.$/,
    );
    expect(complaints({ bind: ['tcp://a:1', bind] })).toHaveLength(1);
  });

  test('each address that is none is named', () => {
    expect(complaints({ bind: ['tcp://a', 'tcp://b:1', 'http://c'] })).toEqual([
      'bind: "tcp://a" is not an address to listen on: the port is missing; accepted is tcp://host:port.',
      'bind: "http://c" is not an address to listen on: accepted are tcp://host:port, tcp://[::1]:port, unix:///path or unix:@abstract.',
    ]);
    expect(complaints({ bind: [] })).toEqual(['bind must name at least one address.']);
  });

  test('bindAddress and bindPort make an address', () => {
    expect(requested({ bindPort: 0 })).toEqual(['tcp://0.0.0.0:0']);
    expect(requested({ bindPort: 65_535, bindAddress: '127.0.0.1' })).toEqual(['tcp://127.0.0.1:65535']);
    expect(requested({ bindPort: 1, bindAddress: 'LocalHost' })).toEqual(['tcp://localhost:1']);
    expect(requested({ bindPort: 1, bindAddress: '::1' })).toEqual(['tcp://[::1]:1']);
    expect(requested({ bindPort: 1, bindAddress: '[0::1]' })).toEqual(['tcp://[::1]:1']);
    expect(requested({ bindPort: 1, bindAddress: 'fe80::1%eth0' })).toEqual(['tcp://[fe80::1%25eth0]:1']);
  });

  test('PORT is the port if neither bindPort nor bind says', () => {
    expect(requested({}, { PORT: '3000' })).toEqual(['tcp://0.0.0.0:3000']);
    expect(requested({ bindAddress: '::' }, { PORT: '0' })).toEqual(['tcp://[::]:0']);
    expect(requested({ bindPort: 1 }, { PORT: '3000' })).toEqual(['tcp://0.0.0.0:1']);
    expect(requested({ bindPort: 1 }, { PORT: 'nonsense' })).toEqual(['tcp://0.0.0.0:1']);
    expect(requested({ bind: 'tcp://a:1' }, { PORT: 'nonsense' })).toEqual(['tcp://a:1']);
  });

  test('something must say', () => {
    expect(problemsOf({})).toEqual([
      'bind or bindPort is required: give an address such as tcp://0.0.0.0:3000, or a port, or set the environment variable PORT.',
    ]);
    expect(problemsOf([{ bindAddress: 'a' }, { bindPort: 1 }])).toEqual([
      'bind or bindPort of server 1 is required: give an address such as tcp://0.0.0.0:3000, or a port, or set the environment variable PORT.',
    ]);
  });

  test('bind and the two others exclude each other', () => {
    expect(complaints({ bind: 'tcp://a:1', bindAddress: 'a', bindPort: 1 })).toEqual([
      'bindAddress and bind exclude each other; put host and port into bind.',
      'bindPort and bind exclude each other; put host and port into bind.',
    ]);
  });

  test.each([['3000'], [-1], [65_536], [1.5], [Number.NaN], [null], [true]])(
    'bindPort %j is refused',
    (bindPort) => {
      expect(problemsOf({ bindPort })[0]).toMatch(
        /^bindPort must be a whole number from 0 to 65535, not .+\.$/,
      );
    },
  );

  test.each([['http'], ['65536'], ['-1'], ['3000.5'], ['0x10'], ['/run/app.sock']])(
    'PORT=%s is refused',
    (PORT) => {
      expect(problemsOf({}, { PORT })).toEqual([
        `PORT (bindPort) must be a whole number from 0 to 65535, not "${PORT}".`,
      ]);
    },
  );

  test.each([
    [''],
    ['a:80'],
    ['a/b'],
    ['a?name=x'],
    ['::1]:80?name=x'],
    ['[::1]:80'],
    ['a#b'],
    ['me@a'],
    ['*'],
    ['127.1'],
  ])('bindAddress %s is refused', (bindAddress) => {
    expect(complaints({ bindAddress })).toEqual([
      `bindAddress must be an IP address or a host name, not "${bindAddress}".`,
    ]);
  });

  test('bindAddress: what else is wrong is said too', () => {
    expect(complaints({ bindAddress: '/run/app.sock' })).toEqual([
      'bindAddress must be an IP address or a host name, not "/run/app.sock"; a UNIX socket is given as bind: unix:///path.',
    ]);
    expect(complaints({ bindAddress: 7 })).toEqual([
      'bindAddress must be an IP address or a host name, not 7.',
    ]);
    expect(problemsOf({ bindAddress: '', bindPort: 'x' })).toHaveLength(2);
  });
});

describe('duplicates', () => {
  test('an address is given once, whatever its name', () => {
    expect(
      complaints({ bind: ['tcp://a:1', 'TCP://A:01?name=x', 'unix:///a', 'unix:////a?mode=0600'] }),
    ).toEqual([
      'tcp://a:1 is given twice; one listener is enough.',
      'unix:///a is given twice; one listener is enough.',
    ]);
  });

  test('also by several servers, and by PORT', () => {
    expect(problemsOf([{ bind: 'tcp://a:1' }, { bind: ['tcp://b:1', 'tcp://a:1'] }])).toEqual([
      'tcp://a:1 is given for server 1 and server 2; a client can only reach one.',
    ]);
    expect(problemsOf([{}, {}], { PORT: '3000' })).toEqual([
      'tcp://0.0.0.0:3000 is given for server 1 and server 2; a client can only reach one.',
    ]);
  });

  test('several ports chosen by the kernel are fine', () => {
    expect(problemsOf([{ bind: ['tcp://a:0', 'tcp://a:0'] }, { bind: 'tcp://a:0' }])).toEqual([]);
    expect(problemsOf({ bind: ['unix:@a', 'unix:///@a', 'tcp://a:1', 'tcp://a:2'] })).toEqual([]);
  });

  test('two files cannot be in one place', () => {
    expect(complaints({ pidfilePath: '/tmp/x', logPath: '/tmp/../tmp/x' })).toEqual([
      'pidfilePath and logPath are the same path, "/tmp/x"; give each its own.',
    ]);
    expect(
      complaints({ bind: ['unix:///tmp/x', 'unix:@x'], controlPath: '/tmp/x', pidfilePath: '/tmp/x.lock' }),
    ).toEqual([
      'the lock file beside controlPath and pidfilePath are the same path, "/tmp/x.lock"; give each its own.',
      'controlPath and a UNIX socket in bind are the same path, "/tmp/x"; give each its own.',
    ]);
  });
});

describe('allowedNetworks', () => {
  test('an array in code, commas in the environment; code wins', () => {
    expect(serverOf({ allowedNetworks: ['10.0.0.0/8', '::1'] }).allowedNetworks).toEqual([
      '10.0.0.0/8',
      '::1',
    ]);
    const environment = { ALLOWED_NETWORKS: ' 127.0.0.1/8, ::1 ' };
    expect(serverOf({}, environment).allowedNetworks).toEqual(['127.0.0.1/8', '::1']);
    expect(serverOf({ allowedNetworks: ['::2'] }, environment).allowedNetworks).toEqual(['::2']);
    expect(serverOf({ allowedNetworks: null }, environment).allowedNetworks).toBeNull();
  });

  test.each([['10.0.0.0/8'], [3], [{}], [[3]], [true]])('another type is refused: %j', (allowedNetworks) => {
    expect(complaints({ allowedNetworks })[0]).toMatch(
      /^allowedNetworks must be an array of networks such as \['10\.0\.0\.0\/8', '::1'\], not .+\.$/,
    );
  });

  test('each network that is none is named', () => {
    expect(complaints({ allowedNetworks: ['10.0.0.0/33', '::1', 'a'] })).toEqual([
      'allowedNetworks: "10.0.0.0/33" is not a network: after the slash stands a whole number from 0 to 32.',
      'allowedNetworks: "a" is not a network: accepted are CIDRs such as 10.0.0.0/8 or 2001:db8::/32, and bare IP addresses.',
    ]);
    expect(complaints({}, { ALLOWED_NETWORKS: '::1,' })[0]).toMatch(
      /^ALLOWED_NETWORKS \(allowedNetworks\): "" is not a network/,
    );
  });

  test('none at all would be nobody, which nobody means', () => {
    expect(complaints({ allowedNetworks: [] })).toEqual([
      'allowedNetworks must name at least one network; leave it out to allow all.',
    ]);
  });

  test('it needs a TCP listener', () => {
    const needs = 'needs a TCP listener: clients of UNIX sockets have no address.';
    const bind = 'unix:@a';
    const environment = { ALLOWED_NETWORKS: '::1' };
    expect(complaints({ bind, allowedNetworks: ['::1'] })).toEqual([`allowedNetworks ${needs}`]);
    expect(complaints({ bind }, environment)).toEqual([`ALLOWED_NETWORKS (allowedNetworks) ${needs}`]);
    expect(complaints({ bind: [bind, 'tcp://a:1'], allowedNetworks: ['::1'] })).toEqual([]);
    const { servers } = resolve([{ bind }, { bindPort: 1 }], environment);
    expect(servers.map((server) => server.allowedNetworks)).toEqual([null, ['::1']]);
    expect(problemsOf([{ bind, allowedNetworks: ['::1'] }, { bindPort: 1 }])).toEqual([
      `allowedNetworks of server 1 ${needs}`,
    ]);
    expect(problemsOf([{ bind }, { bind: 'nonsense' }], environment)).toHaveLength(1);
  });
});

describe('maxConnections', () => {
  test('a whole number, or none', () => {
    expect(serverOf({ maxConnections: 1 }).maxConnections).toBe(1);
    expect(serverOf({ maxConnections: null }).maxConnections).toBeNull();
  });

  test.each([[0], [-1], [1.5], [Number.POSITIVE_INFINITY], ['10'], [true], [10n]])(
    '%s is refused',
    (maxConnections) => {
      expect(complaints({ maxConnections })[0]).toMatch(
        /^maxConnections must be a whole number of 1 or more, or null, not .+\.$/,
      );
    },
  );
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
  test('a function changes the draft, an object is written into it', () => {
    const draft: ServerOptions = { bindPort: 1 };
    amendOptions(draft, (options) => {
      options.bindAddress = 'a';
    });
    amendOptions(draft, { bindPort: 2, logLevel: undefined });
    amendOptions(draft, (options) => (options.readyTimeout = 5));
    expect(draft).toEqual({ bindAddress: 'a', bindPort: 2, logLevel: undefined, readyTimeout: 5 });
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
    expect(() => amendOptions({}, change as () => void)).toThrow(
      'Invalid configuration: configure() takes a function that is not async: await what you need before the call.',
    );
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
