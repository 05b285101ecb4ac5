/** Which connection a socket belongs to, kept on the socket itself. */
import type { Socket } from 'node:net';
import type { Connection } from './connection.js';

/** Makes nothing: a class derived from it puts its private fields on the object it is given. */
const Given = function (given: object): object {
  return given;
} as unknown as new (
  given: object,
) => object;

/**
 * A private field on an object of Node's. As with a WeakMap nobody else can see it, and a proxy of the socket (`request.socket` of
 * HTTP/2) has none; but the collector has nothing to look after, which cost a tenth of a short connection (measured).
 */
class Link extends Given {
  #connection: Connection;

  constructor(socket: Socket, connection: Connection) {
    super(socket);
    this.#connection = connection;
  }

  static read(socket: unknown): Connection | undefined {
    // `in` throws for what is no object.
    if (typeof socket !== 'object' || socket === null) return undefined;
    return #connection in socket ? socket.#connection : undefined;
  }

  static write(socket: Socket, connection: Connection): void {
    if (#connection in socket) socket.#connection = connection;
    else new Link(socket, connection);
  }
}

/** undefined: it was not accepted by a server of ours, or there is none: a program may emit the events of a server itself. */
export function connectionOf(socket: Socket | undefined): Connection | undefined {
  return Link.read(socket);
}

/** Makes a socket stand for a connection. */
export function linkToConnection(socket: Socket, connection: Connection): void {
  Link.write(socket, connection);
}
