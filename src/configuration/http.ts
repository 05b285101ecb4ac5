/** The options of a server that speaks HTTP. */
import type { ServerOptions as NodeHttpOptions } from 'node:http';
import type { TlsOptions } from 'node:tls';
import { type Given, type GivenOptions, type OptionName, type Problems, print } from './given.js';
import type { HttpConfiguration, TlsConfiguration } from './options.js';

const HTTP_OPTIONS: readonly OptionName[] = ['http2', 'httpOptions', 'readiness'];

/** What Node's own HTTPS server says, and what an HTTP/2 server with fall-back says. */
const PROTOCOLS = { http1: ['http/1.1'], http2: ['h2', 'http/1.1'] } as const;

/** Null for a server that does not speak HTTP; such a one has none of the options. */
export function readHttp(
  given: GivenOptions,
  speaksHttp: boolean,
  problems: Problems,
): HttpConfiguration | null {
  if (!speaksHttp) {
    for (const option of HTTP_OPTIONS) {
      const found = given.explicit(option);
      if (found !== undefined) {
        problems.add(`${found.label} is an option of HttpServer, from uninterruptible/http.`);
      }
    }
    return null;
  }
  const http2 = given.explicit('http2');
  const httpOptions = given.explicit('httpOptions');
  const readiness = given.explicit('readiness');
  return Object.freeze({
    http2: http2 !== undefined && readFlag(http2, problems),
    httpOptions: (httpOptions && readOptions(httpOptions, problems)) ?? {},
    readiness: (readiness && readReadiness(readiness, problems)) ?? null,
  });
}

/** TLS says which protocols are spoken (ALPN, RFC 7301), unless the program says it itself. */
export function withProtocols(
  tls: TlsConfiguration | null,
  http: HttpConfiguration | null,
): TlsConfiguration | null {
  if (tls === null || http === null) return tls;
  const { options } = tls;
  if (options.ALPNProtocols !== undefined || options.ALPNCallback !== undefined) return tls;
  const protocols: TlsOptions = { ALPNProtocols: [...(http.http2 ? PROTOCOLS.http2 : PROTOCOLS.http1)] };
  return Object.freeze({ ...tls, options: Object.freeze({ ...protocols, ...options }) });
}

function readFlag({ label, value }: Given, problems: Problems): boolean {
  if (typeof value !== 'boolean') problems.add(`${label} must be true or false, not ${print(value)}.`);
  return value === true;
}

function readOptions({ label, value }: Given, problems: Problems): NodeHttpOptions | undefined {
  if (value === null) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return Object.freeze({ ...value });
  problems.add(`${label} must be an object as http.createServer takes it, not ${print(value)}.`);
  return undefined;
}

function readReadiness({ label, value }: Given, problems: Problems): string | undefined {
  if (value === null) return undefined;
  if (typeof value === 'string' && /^\/[^?#\s]*$/.test(value)) return value;
  problems.add(`${label} must be a path such as /ready, without a query, not ${print(value)}.`);
  return undefined;
}
