/** What the compiler must and must not accept of programs that use the package. */
import type { Socket } from 'node:net';
import {
  type Connect,
  type ConnectionContext,
  type ConnectionEvent,
  type Coverage,
  type ListenerInfo,
  type Operation,
  type ProcessFacts,
  type ProtocolEvent,
  Server,
  type State,
  type StateEvent,
  type StepEvent,
  type StepFacts,
  type StepName,
  type TracedFacts,
} from 'uninterruptible';
import { describe, expectTypeOf, test } from 'vitest';

describe('a subclass', () => {
  test('implements the hooks protected or public, synchronous or not', () => {
    class Asynchronous extends Server {
      protected override async handleRequest(socket: Socket, context: ConnectionContext): Promise<void> {
        socket.end(String(context.generation));
      }
      protected override async warmUp(): Promise<void> {}
      protected override async probe(connect: Connect): Promise<void> {
        connect('api').end();
      }
      protected override async onDrain(): Promise<void> {}
      protected override async onResume(): Promise<void> {}
      protected override async onStop(): Promise<void> {}
    }
    class Synchronous extends Server {
      public override handleRequest(socket: Socket): void {
        socket.pipe(socket);
      }
      public override warmUp(): void {}
      public override probe(connect: Connect): void {
        expectTypeOf(connect()).toEqualTypeOf<Socket>();
      }
      public override onDrain(): void {}
      public override acceptClientConnection(socket: Socket, listener: ListenerInfo): void {
        expectTypeOf(listener.port).toBeNumber();
        expectTypeOf(this.processRequest(socket)).toEqualTypeOf<Promise<void>>();
      }
    }
    expectTypeOf<Asynchronous>().toExtend<Server>();
    expectTypeOf<Synchronous>().toExtend<Server>();
  });

  test('says override, as noImplicitOverride asks', () => {
    class Careless extends Server {
      // @ts-expect-error: a hook that is misspelt would never be called
      protected handleRequest(): void {}
    }
    class Misspelt extends Server {
      // @ts-expect-error: there is no such hook
      protected override handleRequests(): void {}
    }
    expectTypeOf<Careless | Misspelt>().toExtend<Server>();
  });

  test('gets the parameters it was promised', () => {
    class Wrong extends Server {
      // @ts-expect-error: the first is the socket
      protected override handleRequest(_context: ConnectionContext): void {}
      // @ts-expect-error: it may reject, and has nothing to resolve with
      protected override warmUp(): number {
        return 1;
      }
    }
    expectTypeOf<Wrong>().toBeObject();
  });

  test('hooks are nobody else’s to call', () => {
    const server = new Server();
    // @ts-expect-error: protected
    expectTypeOf(server.handleRequest).not.toBeAny();
    // @ts-expect-error: protected
    expectTypeOf(server.processRequest).not.toBeAny();
  });
});

test('the context of a connection', () => {
  expectTypeOf<ConnectionContext>().toEqualTypeOf<{
    readonly id: number;
    readonly listener: ListenerInfo;
    readonly generation: number;
    readonly probe: boolean;
    readonly signal: AbortSignal;
  }>();
  expectTypeOf<ListenerInfo['kind']>().toEqualTypeOf<'tcp' | 'unix'>();
});

test('what is traced is told apart by its step', () => {
  const event = {} as StepEvent;
  expectTypeOf(event.milliseconds).toBeNumber();
  expectTypeOf(event.operation).toEqualTypeOf<Operation>();
  expectTypeOf<Operation>().toEqualTypeOf<'start' | 'hand-over' | 'rollback' | 'drain' | 'stop'>();
  expectTypeOf(event.step).toEqualTypeOf<StepName>();
  expectTypeOf<keyof StepFacts>().toEqualTypeOf<StepName>();
  if (event.step === 'drained') expectTypeOf(event.cut).toBeNumber();
  if (event.step === 'handing over') expectTypeOf(event.program).toEqualTypeOf<string | undefined>();
  expectTypeOf<StepEvent>().not.toHaveProperty('cut');
});

test('what is traced says of which process it is', () => {
  expectTypeOf<StepEvent>().toExtend<ProcessFacts>();
  expectTypeOf<StateEvent>().toExtend<ProcessFacts>();
  expectTypeOf<StateEvent['from']>().toEqualTypeOf<State>();
  expectTypeOf<TracedFacts['tls']>().toEqualTypeOf<Coverage>();
  expectTypeOf<Coverage>().toEqualTypeOf<'on' | 'off' | readonly string[]>();
});

test('a connection that was accepted is traced with its server', () => {
  expectTypeOf<ConnectionEvent['connection']>().toEqualTypeOf<ConnectionContext>();
  expectTypeOf<ConnectionEvent['server']>().toEqualTypeOf<Server>();
});

test('messages and locks are told apart by what they have', () => {
  const event = {} as ProtocolEvent;
  if ('lock' in event) expectTypeOf(event.held).toBeBoolean();
  else expectTypeOf(event.direction).toEqualTypeOf<'sent' | 'received'>();
});
