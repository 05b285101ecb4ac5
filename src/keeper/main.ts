/** The program `dist/keeper.js`, started by `uninterruptible exec`: its descriptor 3 is the link to whoever did. */
import { loadBinding } from '../binding.js';
import { Link } from '../exec/link.js';
import { FIRST_INHERITED } from '../process/environment.js';
import { keep } from './keeper.js';

/** It speaks at once. */
const PATIENCE_MILLISECONDS = 10_000;

const loaded = loadBinding();
if ('binding' in loaded) {
  const { binding } = loaded;
  const link = new Link(binding, binding.adopt(FIRST_INHERITED));
  // Late or gone, it has no sockets, and nothing is lost.
  const first = (await link.receive(PATIENCE_MILLISECONDS).catch(() => undefined))?.message;
  if (first?.type === 'assignment') await keep(binding, link, first);
  else link.close();
}
