/** A certificate authority for tests, whose certificates may be valid at any time. Needs `requirement('openssl')`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePair, type Pair } from './certificates.js';

const DAY = 86_400_000;

const CONFIGURATION = `
[ca]
default_ca = only
[only]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`;

export class Authority {
  readonly pair: Pair;
  readonly #directory: string;

  /** Makes it in a new folder of the directory. */
  constructor(directory: string, name: string, by?: Authority) {
    this.#directory = join(directory, name);
    mkdirSync(this.#directory);
    this.pair = makePair(this.#directory, name, {
      isAuthority: true,
      ...(by === undefined ? {} : { authority: by.pair }),
    });
    writeFileSync(join(this.#directory, 'ca.cnf'), CONFIGURATION);
    writeFileSync(join(this.#directory, 'index.txt'), '');
    writeFileSync(join(this.#directory, 'serial'), '1000');
  }

  get certificate(): string {
    return this.pair.certificate;
  }

  get path(): string {
    return this.pair.certificatePath;
  }

  /** A key and a certificate, valid from yesterday to tomorrow unless said otherwise. */
  issue(name: string, valid: { from?: number; to?: number } = {}): { key: string; cert: string } {
    const file = (suffix: string): string => join(this.#directory, `${name}.${suffix}`);
    const run = (...words: string[]): unknown =>
      execFileSync('openssl', words, { cwd: this.#directory, stdio: ['ignore', 'ignore', 'pipe'] });
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      file('key'),
    ];
    run('req', '-new', ...key, '-out', file('csr'), '-subj', `/CN=${name}`);
    const { from = Date.now() - DAY, to = Date.now() + DAY } = valid;
    const dates = ['-startdate', asn1(from), '-enddate', asn1(to)];
    const signer = ['-cert', this.path, '-keyfile', this.pair.keyPath];
    const files = ['-config', 'ca.cnf', '-in', file('csr'), '-out', file('pem')];
    run('ca', '-batch', '-notext', ...files, ...signer, ...dates);
    return { key: readFileSync(file('key'), 'utf8'), cert: readFileSync(file('pem'), 'utf8') };
  }
}

/** YYMMDDHHMMSSZ. */
function asn1(time: number): string {
  return `${new Date(time).toISOString().replace(/\D/g, '').slice(2, 14)}Z`;
}
