import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigurationError, run, Server } from '../../src/index.js';
import { type Overridable, overridable } from '../../src/overrides.js';
import { ask, KeptLog, rejection, TestServer, temporaryDirectory } from '../support/in-process.js';

const HANDLERS = 'handleRequest, processRequest, acceptClientConnection';

/** What is wrong with a server of this class, told before anything was bound. */
async function problems(Class: new () => Server, start: (server: Server) => Promise<void>): Promise<unknown> {
  const server = new Class();
  server.configure({ bind: 'tcp://127.0.0.1:0', startCommand: 'true', logger: new KeptLog() });
  const error = await rejection(start(server));
  if (!(error instanceof ConfigurationError)) throw error;
  expect(server.state).toBe('idle');
  expect(server.boundListeners).toEqual([]);
  return error.problems;
}

describe('a server that implements no handler is refused', () => {
  class Empty extends Server {}
  class Unlike extends Server {
    serve(): void {}
  }
  class Misspelt extends Server {
    lookUp(): void {}
    handlerequest(): void {}
  }
  class OtherNoun extends Server {
    readonly handleConnection = (): void => {};
  }
  class Inherited extends OtherNoun {}

  test.each<[new () => Server, string]>([
    [Server, `Server implements none of ${HANDLERS}; its clients would get no answer.`],
    [Empty, `Empty implements none of ${HANDLERS}; its clients would get no answer.`],
    [class extends Server {}, `The server implements none of ${HANDLERS}; its clients would get no answer.`],
    [Unlike, `Unlike implements none of ${HANDLERS}; its clients would get no answer.`],
    [
      Misspelt,
      `Misspelt implements none of ${HANDLERS}; did you mean handleRequest instead of handlerequest?`,
    ],
    [
      Inherited,
      `Inherited implements none of ${HANDLERS}; did you mean handleRequest instead of handleConnection?`,
    ],
  ])('%o', async (Class, sentence) => {
    expect(await problems(Class, (server) => server.start())).toEqual([sentence]);
    expect(await problems(Class, (server) => run(server))).toEqual([sentence]);
  });

  test('together with everything else that is wrong', async () => {
    expect(await problems(Empty, (server) => server.configure({ maxConnections: 0 }).start())).toHaveLength(
      2,
    );
  });
});

test.each(['handleRequest', 'processRequest', 'acceptClientConnection'])(
  'a server that implements %s, on the object or in a class, is not',
  async (handler) => {
    const server = Object.assign(
      new Server({ controlPath: join(temporaryDirectory(), 'control'), logger: new KeptLog() }),
      { [handler]: () => undefined },
    );
    await server.configure({ bind: 'tcp://127.0.0.1:0' }).start();
    await server.stop();
  },
);

test('a class that handles requests itself asks its programs for another method', async () => {
  class LineServer extends Server {
    override get [overridable](): Overridable {
      const { handlers, hooks } = super[overridable];
      return {
        base: LineServer.prototype,
        handlers: ['handleLine', ...handlers],
        hooks: [...hooks, 'greet'],
      };
    }
    protected override handleRequest(): unknown {
      return this.handleLine();
    }
    protected handleLine(): unknown {
      return undefined;
    }
  }
  class Program extends LineServer {
    handleLines(): void {}
  }
  expect(await problems(Program, (server) => server.start())).toEqual([
    `Program implements none of handleLine, ${HANDLERS}; did you mean handleLine instead of handleLines?`,
  ]);
  const server = Object.assign(new LineServer(), { handleLine: () => undefined });
  await server.configure({ bind: 'tcp://127.0.0.1:0', logger: new KeptLog() }).start();
  await server.stop();
});

describe('a method whose name is a slip away from a hook', () => {
  async function warnings(Class: new () => TestServer): Promise<string[]> {
    const server = new Class();
    await server.start();
    expect(await ask(server, 'hello')).toBe('hello');
    return server.log.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  test('is warned of at the start', async () => {
    class Careless extends TestServer {
      warmup(): void {}
      on_drain(): void {}
      readonly prob = (): void => {};
    }
    expect((await warnings(Careless)).sort()).toEqual([
      'Careless.on_drain is no hook; did you mean onDrain?',
      'Careless.prob is no hook; did you mean probe?',
      'Careless.warmup is no hook; did you mean warmUp?',
    ]);
  });

  test('is not if the hook is there too, nor is one that only contains its name', async () => {
    class Careful extends TestServer {
      override warmUp(): void {}
      warmup(): void {}
      handleRequests(): void {}
      process(): void {}
      drain(): void {}
      resume(): void {}
      probeDatabase(): void {}
      onStart(): void {}
      get onStp(): never {
        throw new Error('asked for');
      }
    }
    expect(await warnings(Careful)).toEqual([]);
  });
});
