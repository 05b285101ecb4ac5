/** What the compiler must and must not accept of programs that use the package. */
import type { Socket } from 'node:net';
import {
  type Connect,
  type ConnectionContext,
  type ListenerInfo,
  Server,
  type StepEvent,
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
  expectTypeOf(event.operation).toEqualTypeOf<'start' | 'hand-over' | 'rollback' | 'drain' | 'stop'>();
  if (event.step === 'drained') expectTypeOf(event.cut).toBeNumber();
  if (event.step === 'handing over') expectTypeOf(event.program).toEqualTypeOf<string | undefined>();
  expectTypeOf<StepEvent>().not.toHaveProperty('cut');
});
