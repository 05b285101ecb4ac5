/** Keys and certificates for tests, made by openssl in a new directory. Needs `requirement('openssl')`. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A key and its certificate: where they are, and what they contain. */
export interface Pair {
  readonly keyPath: string;
  readonly certificatePath: string;
  readonly key: string;
  readonly certificate: string;
}

/** A pair signed by `authority`, or by itself, valid for 127.0.0.1 and localhost. */
export function makePair(
  directory: string,
  name: string,
  options: { authority?: Pair; key?: readonly string[]; isAuthority?: boolean } = {},
): Pair {
  const keyPath = join(directory, `${name}.key`);
  const certificatePath = join(directory, `${name}.pem`);
  const kind = options.key ?? ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const signer =
    options.authority === undefined
      ? []
      : ['-CA', options.authority.certificatePath, '-CAkey', options.authority.keyPath];
  const constraints = `basicConstraints=critical,CA:${options.isAuthority === true ? 'TRUE' : 'FALSE'}`;
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  openssl(
    ['req', '-x509', '-nodes', '-newkey', ...kind, '-keyout', keyPath, '-out', certificatePath],
    ['-days', '2', '-subj', `/CN=${name}`, '-addext', constraints, '-addext', names, ...signer],
  );
  return {
    keyPath,
    certificatePath,
    key: readFileSync(keyPath, 'utf8'),
    certificate: readFileSync(certificatePath, 'utf8'),
  };
}

/** The same key, encrypted. */
export function encryptKey(directory: string, pair: Pair, passphrase: string): string {
  const path = join(directory, 'encrypted.key');
  openssl(['pkey', '-in', pair.keyPath, '-aes256', '-passout', `pass:${passphrase}`, '-out', path]);
  return readFileSync(path, 'utf8');
}

export function writeText(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function openssl(...words: readonly (readonly string[])[]): void {
  execFileSync('openssl', words.flat(), { stdio: ['ignore', 'ignore', 'pipe'] });
}
