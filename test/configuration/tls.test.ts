import { describe, expect, test } from 'vitest';
import { complaints, problemsOf, serverOf } from './resolve.js';

const unixOnly = 'unix:///tmp/app.sock';

describe('without TLS', () => {
  test('there is none by default', () => {
    expect(serverOf({}).tls).toBeNull();
    expect(serverOf({ tlsKey: null, tlsCertificate: undefined, tlsOptions: null }).tls).toBeNull();
    expect(serverOf({ tlsOptions: {} }).tls).toBeNull();
    expect(serverOf({ verifyClientTlsCertificate: false }).tls).toBeNull();
    expect(
      serverOf({}, { TLS_KEY: '', TLS_CERTIFICATE: ' ', VERIFY_CLIENT_TLS_CERTIFICATE: '0' }).tls,
    ).toBeNull();
  });

  test('an explicit null wins over the environment', () => {
    const environment = { TLS_KEY: '/no/such/file', TLS_CERTIFICATE: '/no/such/file' };
    expect(serverOf({ tlsKey: null, tlsCertificate: null }, environment).tls).toBeNull();
  });

  test.each([
    [{ tlsVersion: 'TLSv1_3' }, 'tlsVersion has no effect without tlsKey and tlsCertificate.'],
    [{ tlsOptions: { ciphers: 'x' } }, 'tlsOptions has no effect without tlsKey and tlsCertificate.'],
    [
      { tlsOptions: { ca: 'x' }, verifyClientTlsCertificate: true },
      'verifyClientTlsCertificate has no effect without tlsKey and tlsCertificate.',
    ],
  ])('what only makes sense with TLS is refused: %j', (options, sentence) => {
    expect(complaints(options)).toContain(sentence);
  });

  test('TLS_VERSION alone is no wish for TLS, but must be one of the names', () => {
    expect(complaints({}, { TLS_VERSION: 'TLSv1.3' })).toEqual([]);
    expect(complaints({}, { TLS_VERSION: '1.2' })).toEqual([
      'TLS_VERSION (tlsVersion) must be TLSv1_1, TLSv1_2 or TLSv1_3, not "1.2".',
    ]);
  });

  test('a wish for verified clients in the environment is never ignored', () => {
    expect(complaints({}, { VERIFY_CLIENT_TLS_CERTIFICATE: 'yes' })).toEqual([
      'VERIFY_CLIENT_TLS_CERTIFICATE (verifyClientTlsCertificate) needs clientTlsCertificateCa: the public roots are never trusted with clients.',
      'VERIFY_CLIENT_TLS_CERTIFICATE (verifyClientTlsCertificate) has no effect without tlsKey and tlsCertificate.',
    ]);
  });
});

describe('keys and certificates that are none', () => {
  test('a path is told apart from PEM text', () => {
    expect(complaints({ tlsKey: '/etc/app/key.pem', tlsCertificate: 'certificate.crt' })).toEqual([
      'tlsKey must be PEM text, and this looks like a path: give what the file contains (readFileSync), or set the environment variable TLS_KEY to the path.',
      'tlsCertificate must be PEM text, and this looks like a path: give what the file contains (readFileSync), or set the environment variable TLS_CERTIFICATE to the path.',
    ]);
  });

  test('bare base64 is no path, and is never repeated in the sentence', () => {
    const [sentence = '', ...others] = complaints({
      tlsKey: 'MIGHAgEAMBMGByqGSM49/AgEGCCqGSM49',
      tlsCertificate: null,
    });
    expect(sentence).toBe(
      'tlsKey must be PEM text: it has no line that begins a private key (-----BEGIN …-----).',
    );
    expect(others).toEqual(['tlsKey needs tlsCertificate as well.']);
  });

  test.each([[3], [true], [{}], [[]]])('neither text nor Buffer: %j', (tlsKey) => {
    expect(complaints({ tlsKey }).join(' ')).toMatch(/^tlsKey must be PEM text or a Buffer with it, not /);
  });

  test('one without the other is refused', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----';
    expect(complaints({ tlsKey: pem })).toContain('tlsKey needs tlsCertificate as well.');
    expect(complaints({ tlsCertificate: pem })).toContain('tlsCertificate needs tlsKey as well.');
  });

  test('swapped ones are recognised', () => {
    const key = '-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----';
    const certificate = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----';
    expect(complaints({ tlsKey: certificate, tlsCertificate: key })).toEqual([
      'tlsKey holds a certificate and no private key; have the two been swapped?',
      'tlsCertificate holds a private key and no certificate; have the two been swapped?',
    ]);
  });

  test('broken ones are refused', () => {
    const tlsKey = '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----';
    const tlsCertificate = '-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----';
    const sentences = complaints({ tlsKey, tlsCertificate });
    expect(sentences[0]).toMatch(/^tlsKey cannot be read as a private key \(ERR_OSSL_\w+\)\.$/);
    expect(sentences[1]).toBe('tlsCertificate holds, as certificate 1, something that is no certificate.');
    expect(sentences.join()).not.toContain('secret');
    expect(complaints({ tlsKey, tlsCertificate: '-----BEGIN CERTIFICATE-----' })[1]).toBe(
      'tlsCertificate holds a certificate without an END line.',
    );
  });

  test('the environment names files, which must be readable', () => {
    expect(complaints({}, { TLS_KEY: '/no/such/key', TLS_CERTIFICATE: '/' })).toEqual([
      'TLS_KEY (tlsKey) must be the path of a readable file, and "/no/such/key" cannot be read (ENOENT).',
      'TLS_CERTIFICATE (tlsCertificate) must be the path of a readable file, and "/" cannot be read (EISDIR).',
    ]);
    expect(complaints({ tlsKey: null }, { TLS_CERTIFICATE: 'nul\0' })).toContain(
      'TLS_CERTIFICATE (tlsCertificate) must be a path, not "nul\\u0000".',
    );
  });
});

describe('TLS needs a TCP listener', () => {
  const needs = (label: string): string =>
    `${label} needs a TCP listener: TLS is not spoken on UNIX sockets.`;

  test.each([
    ['tlsKey', 'x'],
    ['tlsCertificate', 'x'],
    ['tlsOptions', {}],
    ['verifyClientTlsCertificate', true],
    ['clientTlsCertificateCa', 'x'],
  ])('%s is refused without one', (option, value) => {
    expect(complaints({ bind: unixOnly, [option]: value })).toEqual([needs(option)]);
    expect(complaints({ bind: unixOnly, [option]: null })).toEqual([]);
  });

  test('the environment is refused only if no server has one', () => {
    const environment = { TLS_KEY: '/no/such/key', VERIFY_CLIENT_TLS_CERTIFICATE: '1' };
    expect(complaints({ bind: unixOnly }, environment)).toEqual([
      needs('TLS_KEY (tlsKey)'),
      needs('VERIFY_CLIENT_TLS_CERTIFICATE (verifyClientTlsCertificate)'),
    ]);
    expect(complaints({ bind: unixOnly }, { VERIFY_CLIENT_TLS_CERTIFICATE: 'false' })).toEqual([]);
    const withTcp = {
      bind: 'tcp://127.0.0.1:0',
      tlsKey: null,
      tlsCertificate: null,
      verifyClientTlsCertificate: false,
    };
    expect(problemsOf([{ bind: unixOnly }, withTcp], environment)).toEqual([]);
    expect(problemsOf([{ bind: unixOnly, tlsOptions: {} }, withTcp], environment)).toEqual([
      needs('tlsOptions of server 1'),
    ]);
  });

  test('nothing is said about it when the addresses could not be read', () => {
    expect(complaints({ bind: 'nonsense', tlsOptions: {} })).toHaveLength(1);
  });
});
