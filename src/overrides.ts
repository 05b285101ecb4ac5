/** What a program overrides in a server class: what it must, and what it probably meant to. Pure. */
import { isTypo, nearest } from './configuration/nearest.js';

/**
 * Under this key a server class says what its programs override. One that handles requests itself, and asks for another
 * method instead, overrides it; not exported from the package.
 */
export const overridable: unique symbol = Symbol('overridable');

export interface Overridable {
  /** The prototype of the class that says so: a method that is still this one's has not been overridden. */
  readonly base: object;
  /** A program overrides one of these, or its clients would find nobody. None: it need not. */
  readonly handlers: readonly string[];
  /** What it may override beside them. */
  readonly hooks: readonly string[];
}

interface Overrider {
  readonly [overridable]: Overridable;
}

/** Why no client would be served, in a sentence, or undefined. */
export function missingHandler(server: Overrider): string | undefined {
  const { base, handlers } = server[overridable];
  if (handlers.length === 0 || handlers.some((name) => isOverridden(server, base, name))) return undefined;
  const others = ownMethods(server, base);
  const sentence = `${nameOf(server)} implements none of ${handlers.join(', ')}`;
  for (const name of others) {
    const meant = nearest(name, handlers) ?? handlers.find((handler) => verb(handler) === verb(name));
    if (meant !== undefined) return `${sentence}; did you mean ${meant} instead of ${name}?`;
  }
  return `${sentence}; its clients would get no answer.`;
}

/** Methods that nobody calls and whose names are a slip away from a hook that the program has not written; a sentence each. */
export function misspeltHooks(server: Overrider): string[] {
  const { base, handlers, hooks } = server[overridable];
  const missing = [...handlers, ...hooks].filter((name) => !isOverridden(server, base, name));
  return ownMethods(server, base).flatMap((name) => {
    const meant = missing.find((hook) => isTypo(name, hook));
    return meant === undefined ? [] : [`${nameOf(server)}.${name} is no hook; did you mean ${meant}?`];
  });
}

function isOverridden(server: object, base: object, name: string): boolean {
  return Reflect.get(server, name) !== Reflect.get(base, name);
}

/** The names of the methods that the program added, its nearest class first. */
function ownMethods(server: object, base: object): string[] {
  const names = new Set<string>();
  for (
    let level: object | null = server;
    level !== null && level !== base;
    level = Object.getPrototypeOf(level) as object | null
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value === 'function' && !(name in base)) names.add(name);
    }
  }
  return [...names];
}

function nameOf(server: object): string {
  return server.constructor.name || 'The server';
}

/** The first word of a camel-cased name. */
function verb(name: string): string {
  return /^[a-z]*/.exec(name)?.[0] ?? '';
}
