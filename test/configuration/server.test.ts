import { describe, expect, test } from 'vitest';
import { complaints, problemsOf, resolve, serverOf } from './resolve.js';

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
      'controlPath and a UNIX socket in bind are the same path, "/tmp/x"; give each its own.',
      'the lock file beside controlPath and pidfilePath are the same path, "/tmp/x.lock"; give each its own.',
    ]);
  });

  describe.each([
    ['controlPath', '/tmp/x.lock', 'the lock file beside controlPath'],
    ['controlPath', '/tmp/x.next', 'the temporary socket beside controlPath'],
    ['controlPath', '/tmp/x.owner', 'the temporary socket beside controlPath'],
    ['pidfilePath', '/tmp/x.next', 'the temporary file beside pidfilePath'],
    ['pidfilePath', '/tmp/x.owner', 'the temporary file beside pidfilePath'],
    ['bind', '/tmp/x.uninterruptible-lock', 'the lock file beside a UNIX socket in bind'],
  ])('what %s makes at %s', (option, path, what) => {
    const options: object = { [option]: option === 'bind' ? 'unix:///tmp/x' : '/tmp/x' };

    test.each(['controlPath', 'pidfilePath', 'logPath'].filter((other) => other !== option))(
      'is in nobody’s place: not in that of %s',
      (other) => {
        expect(complaints({ ...options, [other]: path })).toEqual([
          `${what} and ${other} are the same path, "${path}"; give each its own.`,
        ]);
      },
    );

    test('nor in that of a UNIX socket, whichever server it is of', () => {
      const sentence = `${what} and a UNIX socket in bind are the same path, "${path}"; give each its own.`;
      const other = { bind: [`unix://${path}`, `unix:@${path}`] };
      expect(problemsOf([{ bindPort: 0, ...options, ...other }, { bind: 'unix:///tmp/x' }])).toContain(
        sentence,
      );
      expect(problemsOf([{ ...(option === 'bind' ? {} : { bindPort: 0 }), ...options }, other])).toEqual([
        sentence,
      ]);
    });
  });

  test('beside different paths the same endings are fine', () => {
    expect(
      complaints({
        bind: ['unix:///tmp/a', 'unix:///tmp/d.lock'],
        controlPath: '/tmp/b',
        pidfilePath: '/tmp/c',
        logPath: '/tmp/c.lock',
      }),
    ).toEqual([]);
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
