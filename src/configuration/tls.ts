/** TLS of one server. node:crypto and node:tls are loaded only here, and only if TLS is configured: they cost start-up time. */
import type { KeyObject } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import { type Given, type GivenOptions, type OptionName, type Problems, print } from './given.js';
import type { TlsConfiguration } from './options.js';
import { errorCode } from './paths.js';
import { type Pem, parseCertificates, readMaterial, readPemFile } from './pem.js';
import type { TcpSurroundings } from './server.js';

/** What the rest of the configuration says. */
export interface TlsSurroundings extends TcpSurroundings {
  /** Relative paths start here. */
  readonly startedIn: string;
  /** The name of the lowest version, from the table of defaults. */
  readonly defaultVersion: string;
}

type Version = TlsConfiguration['minVersion'];

const VERSIONS: readonly Version[] = ['TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

/** What may not stand in `tlsOptions`, because it would contradict an option of ours. */
const OURS: Readonly<Record<string, OptionName>> = {
  key: 'tlsKey',
  cert: 'tlsCertificate',
  pfx: 'tlsKey',
  minVersion: 'tlsVersion',
  secureProtocol: 'tlsVersion',
  requestCert: 'verifyClientTlsCertificate',
  rejectUnauthorized: 'verifyClientTlsCertificate',
};

const NEED_TCP: readonly OptionName[] = [
  'tlsKey',
  'tlsCertificate',
  'tlsOptions',
  'verifyClientTlsCertificate',
  'clientTlsCertificateCa',
];

/** Null: no TLS, or a problem was added. */
export function resolveTls(
  given: GivenOptions,
  surroundings: TlsSurroundings,
  problems: Problems,
): TlsConfiguration | null {
  if (surroundings.hasTcpListener === false) {
    refuseWithoutTcp(given, surroundings.othersHaveTcpListener, problems);
    return null;
  }
  const version = readVersion(given.get('tlsVersion'), surroundings.defaultVersion, problems);
  const options = readTlsOptions(given.explicit('tlsOptions'), problems);
  const client = readClientVerification(given, options, surroundings.startedIn, problems);
  const [keyGiven, certificateGiven] = [orNone(given.get('tlsKey')), orNone(given.get('tlsCertificate'))];
  if (keyGiven === undefined && certificateGiven === undefined) {
    refuseWithoutTls(given, options, client, problems);
    return null;
  }
  const key = keyGiven && readMaterial(keyGiven, 'private key', surroundings.startedIn, problems);
  const certificate =
    certificateGiven && readMaterial(certificateGiven, 'certificate', surroundings.startedIn, problems);
  if (keyGiven === undefined) problems.add(`${certificateGiven?.label} needs tlsKey as well.`);
  if (certificateGiven === undefined) problems.add(`${keyGiven?.label} needs tlsCertificate as well.`);

  const privateKey = key && parseKey(key, options.passphrase, problems);
  const chain = certificate && parseCertificates(certificate, problems);
  const authorities = client.ca && parseCertificates(client.ca, problems);
  if (!key || !certificate || !privateKey || !chain || (client.ca && !authorities)) return null;
  const [own, ...others] = chain;
  if (own?.checkPrivateKey(privateKey) !== true) {
    problems.add(
      others.some((other) => other.checkPrivateKey(privateKey))
        ? `${certificate.label} must begin with the server's own certificate; the rest of its chain comes after it.`
        : `${key.label} and ${certificate.label} do not belong together.`,
    );
    return null;
  }
  const resolved: TlsConfiguration = {
    key: key.text,
    certificate: certificate.text,
    minVersion: version,
    options: Object.freeze({ ...options }),
    verifyClient: client.verify,
    ca: client.ca?.text ?? null,
  };
  return tryOut(resolved, given.place, problems) ? Object.freeze(resolved) : null;
}

/** An explicit null means none, whatever the environment says. */
function orNone(given: Given | undefined): Given | undefined {
  return given?.value === null ? undefined : given;
}

function readVersion(given: Given | undefined, fallback: string, problems: Problems): Version {
  const wanted = given === undefined ? fallback : given.value;
  const version = VERSIONS.find((known) => typeof wanted === 'string' && known === wanted.replace('_', '.'));
  if (version !== undefined) return version;
  problems.add(`${given?.label} must be TLSv1_1, TLSv1_2 or TLSv1_3, not ${print(wanted)}.`);
  return 'TLSv1.3';
}

function readTlsOptions(given: Given | undefined, problems: Problems): TlsOptions {
  if (given === undefined || given.value === null) return {};
  const { label, value } = given;
  if (typeof value !== 'object' || Array.isArray(value)) {
    problems.add(`${label} must be an object with options of tls.createServer, not ${print(value)}.`);
    return {};
  }
  const isOurs = ([name, option]: [string, unknown]): boolean =>
    option !== undefined && Object.hasOwn(OURS, name);
  for (const [name] of Object.entries(value).filter(isOurs)) {
    problems.add(`${label} must not contain ${name}: that is what ${OURS[name]} is for.`);
  }
  return Object.fromEntries(Object.entries(value).filter((entry) => !isOurs(entry)));
}

interface ClientVerification {
  readonly verify: boolean;
  readonly ca: Pem | undefined;
  /** What asked for it, if anything did. */
  readonly given: Given | undefined;
}

function readClientVerification(
  given: GivenOptions,
  options: TlsOptions,
  startedIn: string,
  problems: Problems,
): ClientVerification {
  const asked = given.get('verifyClientTlsCertificate');
  const path = orNone(given.get('clientTlsCertificateCa'));
  const verify = asked === undefined ? undefined : readBoolean(asked, problems);
  const isContradicted = verify === false && !(path?.explicit === true && asked?.explicit === false);
  if (path !== undefined && isContradicted) {
    problems.add(
      `${path.label} asks for verified clients and ${asked?.label} for the contrary; leave one of them out.`,
    );
  }
  if (path !== undefined && options.ca) {
    problems.add(`${path.label} and tlsOptions.ca${given.place} exclude each other; give one of them.`);
  }
  if (path === undefined && verify === true && !options.ca) {
    problems.add(
      `${asked?.label} needs clientTlsCertificateCa: the public roots are never trusted with clients.`,
    );
  }
  if (path === undefined && verify !== true && options.ca) {
    problems.add(`tlsOptions.ca${given.place} has no effect without verifyClientTlsCertificate: true.`);
  }
  const verifies = path !== undefined || verify === true;
  if (verifies && options.SNICallback !== undefined) {
    problems.add(
      `tlsOptions.SNICallback${given.place} cannot be combined with verified clients: each context it returns brings authorities of its own, and without any it trusts the public roots.`,
    );
  }
  return {
    verify: verifies,
    ca: path && readAuthority(path, startedIn, problems),
    given: path ?? asked,
  };
}

function readAuthority(given: Given, base: string, problems: Problems): Pem | undefined {
  if (typeof given.value === 'string' && given.value.includes('-----BEGIN')) {
    problems.add(
      `${given.label} must be a path, and this is PEM text: give that as tlsOptions.ca, with verifyClientTlsCertificate: true.`,
    );
    return undefined;
  }
  return readPemFile(given, 'certificate', base, problems);
}

/** In the environment, as in the gem, any value but `false` and `0` is true. */
function readBoolean(given: Given, problems: Problems): boolean | undefined {
  if (!given.explicit) return !/^(false|0)$/i.test(given.value);
  if (typeof given.value === 'boolean') return given.value;
  problems.add(`${given.label} must be true or false, not ${print(given.value)}.`);
  return undefined;
}

/** Options that only make sense with TLS. A wish for verified clients is never ignored, wherever it comes from. */
function refuseWithoutTls(
  given: GivenOptions,
  options: TlsOptions,
  client: ClientVerification,
  problems: Problems,
): void {
  const useless: (Given | undefined)[] = [given.explicit('tlsVersion')];
  if (Object.keys(options).length > 0) useless.push(given.explicit('tlsOptions'));
  if (client.verify) useless.push(client.given);
  for (const each of useless) {
    if (each !== undefined) problems.add(`${each.label} has no effect without tlsKey and tlsCertificate.`);
  }
}

/** What the environment says may be meant for another server of the process. */
function refuseWithoutTcp(given: GivenOptions, othersHaveTcpListener: boolean, problems: Problems): void {
  for (const option of NEED_TCP) {
    const found = given.get(option);
    if (found === undefined || found.value === null || found.value === false) continue;
    if (!found.explicit && (othersHaveTcpListener || /^(false|0)$/i.test(found.value))) continue;
    problems.add(`${found.label} needs a TCP listener: TLS is not spoken on UNIX sockets.`);
  }
}

function parseKey(pem: Pem, passphrase: string | undefined, problems: Problems): KeyObject | undefined {
  const { createPrivateKey } = process.getBuiltinModule('node:crypto');
  try {
    return createPrivateKey({ key: pem.text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    problems.add(
      passphrase === undefined && pem.text.includes('ENCRYPTED')
        ? `${pem.label} is encrypted: give its passphrase as tlsOptions.passphrase.`
        : `${pem.label} cannot be read as a private key${passphrase === undefined ? '' : ' with tlsOptions.passphrase'} (${errorCode(error)}).`,
    );
    return undefined;
  }
}

/** Lets Node check the rest (cipher names, ALPN, key sizes) by making a server that never listens. */
function tryOut(tls: TlsConfiguration, place: string, problems: Problems): boolean {
  const { key, certificate, minVersion, options, ca } = tls;
  const { maxVersion } = options;
  if (typeof maxVersion === 'string' && maxVersion.startsWith('TLSv1') && maxVersion < minVersion) {
    problems.add(
      `tlsOptions.maxVersion${place} is ${maxVersion}, which is lower than tlsVersion (${minVersion}).`,
    );
    return false;
  }
  try {
    process
      .getBuiltinModule('node:tls')
      .createServer({ ...options, key, cert: certificate, minVersion, ...(ca === null ? {} : { ca }) });
    return true;
  } catch (error) {
    problems.add(`Node refuses the TLS options${place}: ${(error as Error).message}.`);
    return false;
  }
}
