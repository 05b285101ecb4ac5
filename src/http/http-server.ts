/** A server that speaks HTTP. What happens to its process is the same as for any other; what a request is, it knows here. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Server as AnyServer, Socket } from 'node:net';
import type { HttpConfiguration, HttpServerOptions } from '../configuration.js';
import { Connection, type ConnectionContext } from '../connections/connection.js';
import { type Overridable, overridable } from '../overrides.js';
import { Server } from '../server.js';
import { member } from '../service/member.js';
import {
  type Application,
  type Framework,
  isApplication,
  isFramework,
  type Listener,
  serverOrListener,
} from './application.js';
import { HttpEngine } from './engine.js';
import { RequestCounter } from './request-counter.js';

/** Of HTTP/2 (RFC 9113, 7). */
const INTERNAL_ERROR = 2;

/**
 * An HTTP server that restarts without cutting a request. Give it an application, or extend it and implement
 * {@link HttpServer.handleHttpRequest}.
 *
 * When the process drains, new connections are the new process's at once. On each open one the next answer says
 * `Connection: close`, HTTP/2 sessions get a GOAWAY, and what is being asked or answered is finished first.
 */
export class HttpServer extends Server {
  readonly #counter = new RequestCounter();
  readonly #application: AnyServer | Listener;
  readonly #isApplicationGiven: boolean;
  #engine: HttpEngine | undefined;

  /** An application, and the same as `configure(options)`. */
  constructor(application: Application, options?: HttpServerOptions);
  /** For subclasses that implement `handleHttpRequest`. */
  constructor(options?: HttpServerOptions);
  constructor(first?: Application | HttpServerOptions, second?: HttpServerOptions) {
    super();
    this.#isApplicationGiven = isApplication(first);
    const application = isApplication(first)
      ? serverOrListener(first)
      : (request: IncomingMessage, response: ServerResponse) => this.handleHttpRequest(request, response);
    this.#application = typeof application === 'function' ? this.#guarded(application) : application;
    this.#join(isFramework(first) ? first : undefined);
    const options = isApplication(first) ? second : first;
    if (options !== undefined) this.configure(options);
  }

  /** As `Server.configure`, with the options for HTTP. */
  override configure(change: HttpServerOptions | ((options: HttpServerOptions) => void)): this {
    return super.configure(change);
  }

  /**
   * Answers one request; called where no application was given. A throw or rejection is logged, emitted as
   * `handlerError`, and answered with 500 if nothing was answered yet.
   */
  protected handleHttpRequest(_request: IncomingMessage, _response: ServerResponse): unknown {
    throw new TypeError(`${this.constructor.name} must implement handleHttpRequest(request, response).`);
  }

  /**
   * Draining begins, or goes on, for a connection that does not speak HTTP any more (WebSocket). Tell the client to come
   * back, in the words of that protocol; without an end of its own it is waited for until `drainTimeout`.
   */
  protected onDrainUpgraded(_socket: Socket, _request: IncomingMessage): void {
    // Whoever upgraded it knows how to end it.
  }

  /** Whether this process wants new work, for `readiness`. It is not asked once the server has been told to stop. */
  protected isReady(): boolean | Promise<boolean> {
    return true;
  }

  protected override handleRequest(socket: Socket, context: ConnectionContext): Promise<void> {
    if (this.#engine === undefined || !(context instanceof Connection)) {
      throw new TypeError('The server is not prepared yet.');
    }
    this.#engine.serve(socket, context);
    return context.ended;
  }

  /** @internal */
  override get [overridable](): Overridable {
    const { handlers, hooks } = super[overridable];
    return {
      base: HttpServer.prototype,
      handlers: this.#isApplicationGiven ? [] : ['handleHttpRequest', ...handlers],
      hooks: [...hooks, 'isReady', 'onDrainUpgraded'],
    };
  }

  /** A listener that throws or rejects costs its own request and nothing else. */
  #guarded(listener: Listener): RequestListener {
    return (request, response) => {
      try {
        const result = listener(request, response) as PromiseLike<unknown> | undefined;
        if (typeof result?.then !== 'function') return;
        result.then(undefined, (error: unknown) => this.#failed(error, request, response));
      } catch (error) {
        this.#failed(error, request, response);
      }
    };
  }

  #failed(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    const context = this.#engine?.contextOf(request);
    if (context !== undefined) this[member].handlerFailed(error, context);
    answerFailure(response);
  }

  /** The part of it that its service sees. */
  #join(framework: Framework | undefined): void {
    const own = this[member];
    const base = { ...own };
    own.http = true;
    own.requests = () => this.#counter;
    let configuration: HttpConfiguration | null = null;
    own.attach = (service, resolved) => {
      configuration = resolved.http;
      base.attach(service, resolved);
    };
    own.prepare = (secrets) => {
      base.prepare(secrets);
      if (configuration === null) return;
      this.#engine ??= new HttpEngine(this.#application, {
        configuration,
        counter: this.#counter,
        isReady: () => this.state !== 'stopping' && this.isReady(),
        onFailure: (error, context) => own.handlerFailed(error, context),
        onDrainUpgraded: (socket, request) => this.onDrainUpgraded(socket, request),
      });
    };
    own.warmUp = () => {
      const warmUp = base.warmUp();
      if (framework === undefined) return warmUp;
      return async () => {
        await framework.ready();
        await warmUp?.();
      };
    };
    own.onStop = async () => {
      await base.onStop();
      this.#engine?.close();
      await framework?.close();
    };
  }
}

/** 500 where nothing was answered yet; else the client must see that the answer is not whole, if it is not. */
function answerFailure(response: ServerResponse): void {
  if (response.writableEnded) return;
  if (response.headersSent) {
    const { stream } = response as unknown as Partial<Http2ServerResponse>;
    if (stream === undefined) response.destroy();
    else stream.close(INTERNAL_ERROR);
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end('Internal Server Error\n');
}
