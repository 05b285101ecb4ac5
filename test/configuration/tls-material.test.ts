import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encryptKey, makePair, type Pair, writeText } from '../support/certificates.js';
import { requirement } from '../support/requirements.js';
import { complaints, problemsOf, resolve, serverOf } from './resolve.js';

const unixOnly = 'unix:///tmp/app.sock';

describe('with TLS', requirement('openssl'), () => {
  const directory = mkdtempSync(join(tmpdir(), 'configuration-tls-'));
  let authority: Pair;
  let pair: Pair;
  let signed: Pair;
  let tls: { tlsKey: string; tlsCertificate: string };

  beforeAll(() => {
    authority = makePair(directory, 'authority', { isAuthority: true });
    pair = makePair(directory, 'server');
    signed = makePair(directory, 'signed', { authority });
    tls = { tlsKey: pair.key, tlsCertificate: pair.certificate };
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('PEM text and Buffers are taken as they are', () => {
    const expected = {
      key: pair.key,
      certificate: pair.certificate,
      minVersion: 'TLSv1.2',
      options: {},
      verifyClient: false,
      ca: null,
    };
    expect(serverOf(tls).tls).toEqual(expected);
    const buffers = {
      tlsKey: Buffer.from(pair.key),
      tlsCertificate: new Uint8Array(Buffer.from(pair.certificate)),
    };
    expect(serverOf(buffers).tls).toEqual(expected);
    expect(Object.isFrozen(serverOf(tls).tls)).toBe(true);
  });

  test('TLS_KEY and TLS_CERTIFICATE are paths, from the directory the process was started in', () => {
    const environment = { TLS_KEY: basename(pair.keyPath), TLS_CERTIFICATE: pair.certificatePath };
    const [server] = resolve({ bindPort: 0 }, environment, { startedIn: directory }).servers;
    expect(server?.tls?.key).toBe(pair.key);
    expect(server?.tls?.certificate).toBe(pair.certificate);
  });

  test('the file is named when what it holds is wrong', () => {
    const environment = { TLS_KEY: pair.certificatePath, TLS_CERTIFICATE: pair.certificatePath };
    expect(complaints({}, environment)).toEqual([
      `TLS_KEY (tlsKey), the file ${JSON.stringify(pair.certificatePath)}, holds a certificate and no private key; have the two been swapped?`,
    ]);
  });

  test('code wins over the environment', () => {
    expect(serverOf(tls, { TLS_KEY: '/no/such/key', TLS_CERTIFICATE: '/no/such/file' }).tls?.key).toBe(
      pair.key,
    );
  });

  test('a chain may stand in one file, the own certificate first', () => {
    const chain = signed.certificate + authority.certificate;
    expect(serverOf({ tlsKey: signed.key, tlsCertificate: chain }).tls?.certificate).toBe(chain);
    expect(
      complaints({ tlsKey: signed.key, tlsCertificate: authority.certificate + signed.certificate }),
    ).toEqual([
      "tlsCertificate must begin with the server's own certificate; the rest of its chain comes after it.",
    ]);
    expect(
      complaints({
        ...tls,
        tlsCertificate: `${pair.certificate}-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n`,
      }),
    ).toEqual(['tlsCertificate holds, as certificate 2, something that is no certificate.']);
  });

  test('key and certificate must belong together', () => {
    expect(complaints({ ...tls, tlsKey: signed.key })).toEqual([
      'tlsKey and tlsCertificate do not belong together.',
    ]);
  });

  test('an encrypted key needs its passphrase', () => {
    const tlsKey = encryptKey(directory, pair, 'open sesame');
    expect(serverOf({ ...tls, tlsKey, tlsOptions: { passphrase: 'open sesame' } }).tls?.key).toBe(tlsKey);
    expect(complaints({ ...tls, tlsKey })).toEqual([
      'tlsKey is encrypted: give its passphrase as tlsOptions.passphrase.',
    ]);
    expect(complaints({ ...tls, tlsKey, tlsOptions: { passphrase: 'wrong' } }).join()).toMatch(
      /^tlsKey cannot be read as a private key with tlsOptions\.passphrase \(\w+\)\.$/,
    );
  });

  test.each([
    ['TLSv1_1', 'TLSv1.1'],
    ['TLSv1_2', 'TLSv1.2'],
    ['TLSv1_3', 'TLSv1.3'],
    ['TLSv1.1', 'TLSv1.1'],
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.3', 'TLSv1.3'],
  ])('tlsVersion %s is %s to Node', (name, version) => {
    expect(serverOf({ ...tls, tlsVersion: name }).tls?.minVersion).toBe(version);
    expect(serverOf(tls, { TLS_VERSION: name }).tls?.minVersion).toBe(version);
    expect(serverOf({ ...tls, tlsVersion: name }, { TLS_VERSION: 'nonsense' }).tls?.minVersion).toBe(version);
  });

  test.each([['TLSv1'], ['tlsv1_2'], ['SSLv3'], [1.2], [['TLSv1_2']], [null]])(
    'tlsVersion %j is refused',
    (tlsVersion) => {
      expect(complaints({ ...tls, tlsVersion }).join()).toMatch(
        /^tlsVersion must be TLSv1_1, TLSv1_2 or TLSv1_3, not .+\.$/,
      );
    },
  );

  test('tlsOptions are handed through, in a copy', () => {
    const tlsOptions = { ALPNProtocols: ['echo'], honorCipherOrder: true };
    const { options } = serverOf({ ...tls, tlsOptions }).tls ?? {};
    expect(options).toEqual(tlsOptions);
    expect(options).not.toBe(tlsOptions);
    expect(Object.isFrozen(options)).toBe(true);
  });

  test.each([
    ['key', 'tlsKey'],
    ['cert', 'tlsCertificate'],
    ['pfx', 'tlsKey'],
    ['minVersion', 'tlsVersion'],
    ['secureProtocol', 'tlsVersion'],
    ['requestCert', 'verifyClientTlsCertificate'],
    ['rejectUnauthorized', 'verifyClientTlsCertificate'],
  ])('tlsOptions must not contain %s', (name, option) => {
    expect(complaints({ ...tls, tlsOptions: { [name]: false } })).toEqual([
      `tlsOptions must not contain ${name}: that is what ${option} is for.`,
    ]);
    expect(complaints({ ...tls, tlsOptions: { [name]: undefined } })).toEqual([]);
  });

  test.each([['x'], [3], [[]]])('tlsOptions of another type are refused: %j', (tlsOptions) => {
    expect(complaints({ ...tls, tlsOptions }).join()).toMatch(
      /^tlsOptions must be an object with options of tls\.createServer, not .+\.$/,
    );
  });

  test('what Node would refuse is refused at once', () => {
    expect(complaints({ ...tls, tlsOptions: { ciphers: 'nonsense' } }).join()).toMatch(
      /^Node refuses the TLS options: .*cipher.*\.$/i,
    );
    expect(complaints({ ...tls, tlsOptions: { maxVersion: 'TLSv9' } }).join()).toMatch(
      /^Node refuses the TLS options: /,
    );
    expect(complaints({ ...tls, tlsOptions: { maxVersion: 3 } }).join()).toMatch(
      /^Node refuses the TLS options: /,
    );
  });

  test('the highest version may not be lower than the lowest', () => {
    const tlsOptions = { maxVersion: 'TLSv1.2' };
    expect(complaints({ ...tls, tlsOptions })).toEqual([]);
    expect(complaints({ ...tls, tlsOptions, tlsVersion: 'TLSv1_3' })).toEqual([
      'tlsOptions.maxVersion is TLSv1.2, which is lower than tlsVersion (TLSv1.3).',
    ]);
    expect(complaints({ ...tls, tlsOptions: { maxVersion: 'TLSv1' } })).toHaveLength(1);
  });

  test('every server has a TLS of its own', () => {
    const other = { bind: 'tcp://127.0.0.1:0', tlsKey: signed.key, tlsCertificate: signed.certificate };
    const { servers } = resolve([{ bindPort: 0, ...tls }, other, { bind: unixOnly }]);
    expect(servers.map((server) => server.tls?.key)).toEqual([pair.key, signed.key, undefined]);
    expect(
      problemsOf([
        { bindPort: 0, ...tls, tlsVersion: 1 },
        { ...other, tlsKey: pair.key },
      ]),
    ).toEqual([
      'tlsVersion of server 1 must be TLSv1_1, TLSv1_2 or TLSv1_3, not 1.',
      'tlsKey of server 2 and tlsCertificate of server 2 do not belong together.',
    ]);
  });

  describe('verification of clients', () => {
    test('a CA implies it', () => {
      const { tls: result } = serverOf({ ...tls, clientTlsCertificateCa: authority.certificatePath });
      expect(result).toMatchObject({ verifyClient: true, ca: authority.certificate });
      const environment = { CLIENT_TLS_CERTIFICATE_CA: authority.certificatePath };
      expect(serverOf(tls, environment).tls).toMatchObject({ verifyClient: true, ca: authority.certificate });
      expect(serverOf({ ...tls, clientTlsCertificateCa: null }, environment).tls).toMatchObject({
        verifyClient: false,
        ca: null,
      });
    });

    test('it may be asked for as well', () => {
      const options = { ...tls, clientTlsCertificateCa: authority.certificatePath };
      expect(serverOf({ ...options, verifyClientTlsCertificate: true }).tls?.verifyClient).toBe(true);
      expect(serverOf(options, { VERIFY_CLIENT_TLS_CERTIFICATE: 'no' }).tls?.verifyClient).toBe(true);
      expect(serverOf(options, { VERIFY_CLIENT_TLS_CERTIFICATE: 'false' }).tls?.verifyClient).toBe(true);
    });

    test('without a CA it is refused', () => {
      expect(complaints({ ...tls, verifyClientTlsCertificate: true })).toEqual([
        'verifyClientTlsCertificate needs clientTlsCertificateCa: the public roots are never trusted with clients.',
      ]);
      expect(complaints(tls, { VERIFY_CLIENT_TLS_CERTIFICATE: 'true' })).toHaveLength(1);
      expect(complaints({ ...tls, tlsOptions: { ca: '' }, verifyClientTlsCertificate: true })).toHaveLength(
        1,
      );
      expect(serverOf(tls, { VERIFY_CLIENT_TLS_CERTIFICATE: 'FALSE' }).tls?.verifyClient).toBe(false);
      expect(serverOf(tls, { VERIFY_CLIENT_TLS_CERTIFICATE: '0' }).tls?.verifyClient).toBe(false);
    });

    test('the CA may be text in tlsOptions, but not in both places', () => {
      const tlsOptions = { ca: authority.certificate };
      expect(serverOf({ ...tls, tlsOptions, verifyClientTlsCertificate: true }).tls).toMatchObject({
        verifyClient: true,
        ca: null,
        options: tlsOptions,
      });
      expect(complaints({ ...tls, tlsOptions })).toEqual([
        'tlsOptions.ca has no effect without verifyClientTlsCertificate: true.',
      ]);
      expect(complaints({ ...tls, tlsOptions, clientTlsCertificateCa: authority.certificatePath })).toEqual([
        'clientTlsCertificateCa and tlsOptions.ca exclude each other; give one of them.',
      ]);
    });

    test('to ask for it and for the contrary is refused', () => {
      const sentence =
        /^clientTlsCertificateCa asks for verified clients and verifyClientTlsCertificate for the contrary; leave one of them out\.$/;
      const ca = authority.certificatePath;
      expect(
        complaints({ ...tls, clientTlsCertificateCa: ca, verifyClientTlsCertificate: false }).join(),
      ).toMatch(sentence);
      expect(
        complaints({ ...tls, verifyClientTlsCertificate: false }, { CLIENT_TLS_CERTIFICATE_CA: ca }),
      ).toHaveLength(1);
      const both = { CLIENT_TLS_CERTIFICATE_CA: ca, VERIFY_CLIENT_TLS_CERTIFICATE: 'false' };
      expect(complaints(tls, both)).toHaveLength(1);
    });

    test.each([['yes'], [1], [null]])(
      'verifyClientTlsCertificate must be a boolean: %j',
      (verifyClientTlsCertificate) => {
        expect(complaints({ ...tls, verifyClientTlsCertificate }).join()).toMatch(
          /^verifyClientTlsCertificate must be true or false, not .+\.$/,
        );
      },
    );

    test('the CA is the path of a readable PEM file', () => {
      expect(complaints({ ...tls, clientTlsCertificateCa: authority.certificate })).toEqual([
        'clientTlsCertificateCa must be a path, and this is PEM text: give that as tlsOptions.ca, with verifyClientTlsCertificate: true.',
      ]);
      expect(complaints({ ...tls, clientTlsCertificateCa: 3 })).toEqual([
        'clientTlsCertificateCa must be a path, not 3.',
      ]);
      expect(complaints({ ...tls, clientTlsCertificateCa: '/no/such/ca' })).toEqual([
        'clientTlsCertificateCa must be the path of a readable file, and "/no/such/ca" cannot be read (ENOENT).',
      ]);
      const path = writeText(directory, 'text.pem', 'no certificate');
      expect(complaints({ ...tls, clientTlsCertificateCa: path })).toEqual([
        `clientTlsCertificateCa, the file ${JSON.stringify(path)}, must be PEM text: it has no line that begins a certificate (-----BEGIN …-----).`,
      ]);
      const broken = writeText(
        directory,
        'broken.pem',
        '-----BEGIN CERTIFICATE-----\n=\n-----END CERTIFICATE-----\n',
      );
      expect(complaints({ ...tls, clientTlsCertificateCa: broken }).join()).toMatch(
        /holds, as certificate 1, something/,
      );
    });
  });
});
