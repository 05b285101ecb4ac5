/** Options, as an object, in a function and in the constructor. */
import type { Logger as PinoLogger } from 'pino';
import {
  type Logger,
  type LogLevel,
  type LogLevelName,
  type LogMethod,
  Server,
  type ServerOptions,
  type TlsVersionName,
} from 'uninterruptible';
import { describe, expectTypeOf, test } from 'vitest';

describe('configure', () => {
  const server = new Server();

  test('takes an object', () => {
    expectTypeOf(server.configure({ bind: 'tcp://127.0.0.1:0' })).toEqualTypeOf<Server>();
    // @ts-expect-error: no such option
    server.configure({ bindport: 6789 });
  });

  test('takes a function that changes them', () => {
    server.configure((config) => {
      expectTypeOf(config).toEqualTypeOf<ServerOptions>();
      config.bind = ['tcp://127.0.0.1:0', 'unix:@echo'];
      config.restartSignal = null;
      // @ts-expect-error: no such option
      config.bindport = 6789;
    });
  });

  test('takes a function that returns them', () => {
    server.configure(() => ({ bind: 'tcp://127.0.0.1:0' }));
    server.configure((config) => ({ ...config, restartSignal: null }));
  });

  test('and so does the constructor, an object', () => {
    expectTypeOf(Server).toBeConstructibleWith({ bindPort: 6789, startCommand: ['node', 'server.mjs'] });
    expectTypeOf(Server).toBeConstructibleWith();
  });
});

describe('an option', () => {
  test('has its type', () => {
    expectTypeOf<{ startCommand: string }>().toExtend<ServerOptions>();
    expectTypeOf<{ startCommand: readonly string[] }>().toExtend<ServerOptions>();
    expectTypeOf<{ startCommand: string[][] }>().not.toExtend<ServerOptions>();
    expectTypeOf<{ bind: readonly string[] }>().toExtend<ServerOptions>();
    expectTypeOf<{ bind: URL }>().not.toExtend<ServerOptions>();
    expectTypeOf<{ bindPort: number }>().toExtend<ServerOptions>();
    expectTypeOf<{ tlsKey: Buffer; tlsCertificate: string }>().toExtend<ServerOptions>();
    expectTypeOf<{ tlsVersion: 'TLSv1_3' }>().toExtend<ServerOptions>();
    expectTypeOf<{ tlsVersion: 'TLSv1_0' }>().not.toExtend<ServerOptions>();
    expectTypeOf<'TLSv1.2'>().toExtend<TlsVersionName>();
    expectTypeOf<{ drainTimeout: number | null }>().toExtend<ServerOptions>();
    expectTypeOf<{ drainTimeout: string }>().not.toExtend<ServerOptions>();
    expectTypeOf<{ restartSignal: 'SIGUSR2' }>().toExtend<ServerOptions>();
    expectTypeOf<{ restartSignal: 'USR2' }>().not.toExtend<ServerOptions>();
    expectTypeOf<{ allowedNetworks: string[] }>().toExtend<ServerOptions>();
  });

  test('may be undefined, as a variable of the environment is', () => {
    expectTypeOf<{ logPath: string | undefined }>().toExtend<ServerOptions>();
  });

  test('logLevel is one of pino’s, or of the gem’s', () => {
    expectTypeOf<LogLevel | 'WARN' | 'UNKNOWN'>().toExtend<LogLevelName>();
    expectTypeOf<'verbose'>().not.toExtend<LogLevelName>();
    expectTypeOf<ServerOptions['logLevel']>().toEqualTypeOf<LogLevelName | undefined>();
  });

  test('logger is pino’s shape, as far as it is called, and console has it', () => {
    expectTypeOf(console).toExtend<Logger>();
    expectTypeOf<Logger['info']>().toEqualTypeOf<LogMethod>();
    expectTypeOf<PinoLogger>().toExtend<Logger>();
    expectTypeOf<Pick<Console, 'debug' | 'info' | 'warn' | 'error'>>().toExtend<Logger>();
    expectTypeOf<Pick<Console, 'debug' | 'info' | 'warn'>>().not.toExtend<Logger>();
    expectTypeOf<{ logger: Console }>().toExtend<ServerOptions>();
    expectTypeOf<{ logger: { info(text: string): void } }>().not.toExtend<ServerOptions>();
  });
});
