/** The program `dist/keeper.js`, started by `uninterruptible exec`: its descriptor 3 is the link to whoever did. */
import { loadBinding } from '../binding.js';
import { Link } from '../exec/link.js';
import { FIRST_INHERITED } from '../process/environment.js';
import { keep } from './keeper.js';

const loaded = loadBinding();
if ('binding' in loaded) {
  const { binding } = loaded;
  const link = new Link(binding, binding.adopt(FIRST_INHERITED));
  const first = (await link.receive())?.message;
  if (first?.type === 'assignment') await keep(binding, link, first);
  else link.close();
}
