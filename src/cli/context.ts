/** What every command is given. */
import type { Binding } from '../binding.js';
import type { Environment } from '../process/environment.js';
import { findServer } from './find.js';
import type { Operator } from './operator.js';
import type { Output } from './output.js';
import type { Settings } from './settings.js';

export interface Context {
  readonly binding: Binding;
  readonly environment: Environment;
  readonly output: Output;
  readonly settings: Settings;
}

/** The server that is meant. Throws a `Failure` if none is, or several are. */
export function serverOf({ binding, settings, environment }: Context): Promise<Operator> {
  return findServer(binding, settings, environment);
}
