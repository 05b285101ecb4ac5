/** The public face of `uninterruptible/http`. */
import type { HttpServerOptions } from './configuration.js';
import type { Application } from './http/application.js';
import { HttpServer } from './http/http-server.js';

export type { HttpServerOptions } from './configuration.js';
export type { Application, Framework, Listener, ListenerMaker, NodeServer } from './http/application.js';
export { type CloseWebSocketsOptions, closeWebSockets, type WebSocketLike } from './http/web-sockets.js';
export { HttpServer };

/**
 * Runs an application as this process: `new HttpServer(application, options).run()`. Resolves with the server when it serves.
 *
 * @throws ConfigurationError with every problem, or UninterruptibleError when this process cannot serve.
 */
export async function serve(application: Application, options: HttpServerOptions): Promise<HttpServer> {
  const server = new HttpServer(application, options);
  await server.run();
  return server;
}
