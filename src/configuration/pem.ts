/** Keys and certificates: read, recognised and parsed. What they contain never gets into a sentence. */
import type { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Given, type Problems, print } from './given.js';
import { errorCode, readPath } from './paths.js';

/** What a PEM text is expected to hold. */
export type Material = 'private key' | 'certificate';

/** PEM text and how its source is called in sentences. */
export interface Pem {
  readonly label: string;
  readonly text: string;
}

const HEADERS: Readonly<Record<Material, RegExp>> = {
  'private key': /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/,
  certificate: /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/,
};
const CERTIFICATE_BLOCK = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^]*?-----END \1-----/g;

/** From code: the text itself. From the environment: a path, which is read. */
export function readMaterial(
  given: Given,
  material: Material,
  base: string,
  problems: Problems,
): Pem | undefined {
  if (!given.explicit) return readPemFile(given, material, base, problems);
  const { label, value } = given;
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
  if (typeof text !== 'string') {
    problems.add(`${label} must be PEM text or a Buffer with it, not ${print(value)}.`);
    return undefined;
  }
  if (typeof value === 'string' && looksLikePath(value)) {
    problems.add(
      `${label} must be PEM text, and this looks like a path: give what the file contains (readFileSync), or set the environment variable ${material === 'certificate' ? 'TLS_CERTIFICATE' : 'TLS_KEY'} to the path.`,
    );
    return undefined;
  }
  return recognise({ label, text }, material, problems);
}

/** A path, from code or from the environment, to a PEM file. */
export function readPemFile(
  given: Given,
  material: Material,
  base: string,
  problems: Problems,
): Pem | undefined {
  const { label } = given;
  const path = readPath(given, base, problems);
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    problems.add(
      `${label} must be the path of a readable file, and ${print(path)} cannot be read (${errorCode(error)}).`,
    );
    return undefined;
  }
  return recognise({ label: `${label}, the file ${print(path)},`, text }, material, problems);
}

/** Every certificate of the text, in order; undefined, with a problem added, if one cannot be read. */
export function parseCertificates(pem: Pem, problems: Problems): readonly X509Certificate[] | undefined {
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  const certificates: X509Certificate[] = [];
  for (const [block] of pem.text.matchAll(CERTIFICATE_BLOCK)) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      problems.add(
        `${pem.label} holds, as certificate ${certificates.length + 1}, something that is no certificate.`,
      );
      return undefined;
    }
  }
  if (certificates.length > 0) return certificates;
  problems.add(`${pem.label} holds a certificate without an END line.`);
  return undefined;
}

function recognise(pem: Pem, material: Material, problems: Problems): Pem | undefined {
  if (HEADERS[material].test(pem.text)) return pem;
  const other = material === 'certificate' ? 'private key' : 'certificate';
  problems.add(
    HEADERS[other].test(pem.text)
      ? `${pem.label} holds a ${other} and no ${material}; have the two been swapped?`
      : `${pem.label} must be PEM text: it has no line that begins a ${material} (-----BEGIN …-----).`,
  );
  return undefined;
}

/** One line with a slash or a file's ending. Bare base64 has slashes too, and begins with MI (a DER sequence). */
function looksLikePath(text: string): boolean {
  return /^(?!MI[\w+/=]+$)[^\n]*(?:[/\\]|\.[a-z\d]{2,4}$)[^\n]*$/i.test(text) && !text.includes('-----BEGIN');
}
