/** What the methods and functions answer, the events, and the errors. */
import {
  ConfigurationError,
  type ConnectionContext,
  type ConnectionCounts,
  type DrainingProcess,
  type ErrorCode,
  type ErrorExtras,
  type FailureReason,
  type LastHandover,
  type ListenerInfo,
  type RequestCounts,
  type RestartResult,
  type RestartUnderWay,
  run,
  Server,
  type ServerEvents,
  type State,
  type Status,
  UninterruptibleError,
} from 'uninterruptible';
import { describe, expectTypeOf, test } from 'vitest';

const server = new Server();

test('the life of a server', () => {
  expectTypeOf(server.run).returns.resolves.toBeVoid();
  expectTypeOf(server.start).returns.resolves.toBeVoid();
  expectTypeOf(server.stop).returns.resolves.toBeVoid();
  expectTypeOf(server.stopped).resolves.toBeVoid();
  expectTypeOf(server.restart).returns.resolves.toEqualTypeOf<RestartResult>();
  expectTypeOf<RestartResult>().toEqualTypeOf<{ readonly pid: number; readonly generation: number }>();
});

test('run takes one or several servers', () => {
  class Api extends Server {}
  expectTypeOf(() => run(new Api(), server)).returns.resolves.toBeVoid();
});

test('what is known of a server', () => {
  expectTypeOf(server.state).toEqualTypeOf<State>();
  expectTypeOf(server.generation).toBeNumber();
  expectTypeOf(server.activeConnections).toBeNumber();
  expectTypeOf(server.boundListeners).toEqualTypeOf<readonly ListenerInfo[]>();
  expectTypeOf(server.status()).toEqualTypeOf<Status>();
  expectTypeOf<Status['draining'][number]>().toEqualTypeOf<DrainingProcess>();
  expectTypeOf<DrainingProcess['connections']>().toBeNumber();
  expectTypeOf<Status['connections']>().toEqualTypeOf<ConnectionCounts>();
  expectTypeOf<Status['requests']>().toEqualTypeOf<RequestCounts | null>();
  expectTypeOf<Status['lastHandover']>().toEqualTypeOf<LastHandover | null>();
  expectTypeOf<Status['restarting']>().toEqualTypeOf<RestartUnderWay | null>();
  expectTypeOf<LastHandover['error']>().toEqualTypeOf<FailureReason | null>();
  // @ts-expect-error: it cannot be set
  server.state = 'stopped';
});

describe('events', () => {
  test('there is one for each state, with the state that was left', () => {
    server.on('draining', (from) => expectTypeOf(from).toEqualTypeOf<State>());
    server.once('standing-by', (from) => expectTypeOf(from).toEqualTypeOf<State>());
  });

  test('failures come typed', () => {
    server.on('handlerError', (error, context) => {
      expectTypeOf(error).toBeUnknown();
      expectTypeOf(context).toEqualTypeOf<ConnectionContext>();
    });
    server.on('handoverError', (error) => expectTypeOf(error).toEqualTypeOf<UninterruptibleError>());
  });

  test('there are no others', () => {
    expectTypeOf<keyof ServerEvents>().toEqualTypeOf<State | 'handlerError' | 'handoverError'>();
  });

  test('a listener that expects something else is refused', () => {
    // @ts-expect-error: the state that was left is a string
    server.on('serving', (from: number) => from);
    // @ts-expect-error: nor is there such an argument when it is emitted
    server.emit('serving', 7);
  });
});

describe('errors', () => {
  test('the code is one of the table', () => {
    const error = new UninterruptibleError('UNINTERRUPTIBLE_STOPPED');
    expectTypeOf(error).toExtend<Error>();
    expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
    expectTypeOf<'UNINTERRUPTIBLE_RESTART_EXITED'>().toExtend<ErrorCode>();
    // @ts-expect-error: there is no such code, and a comparison with it is a mistake
    expectTypeOf(error.code === 'UNINTERRUPTIBLE_RESTART_EXTED').toBeBoolean();
    expectTypeOf(error.details).toEqualTypeOf<Readonly<Record<string, unknown>> | undefined>();
  });

  test('it takes a cause and details', () => {
    expectTypeOf(UninterruptibleError).toBeConstructibleWith('UNINTERRUPTIBLE_STOPPED', 'why', { cause: 1 });
    expectTypeOf<{ details: { pid: number } }>().toExtend<ErrorExtras>();
  });

  test('a ConfigurationError lists its problems', () => {
    expectTypeOf<ConfigurationError>().toExtend<UninterruptibleError>();
    expectTypeOf(ConfigurationError).instance.toHaveProperty('problems').toEqualTypeOf<readonly string[]>();
  });
});
