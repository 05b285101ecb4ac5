// Whom the library is measured beside. Each: `name`, `protocols` it serves, `faults` a new version of it can have (see
// stage.mjs), `missing()` (why it cannot be had here, or undefined), `start(stage, protocol)`, which resolves when it serves
// with `{ port, restart(), stop() }`. `restart()` resolves, when the tool says that it is done, with its exit code (null: it
// tells nobody). `holdFor`: how long clients that stay may stay at most, if it cannot do with more.
import { cluster } from './cluster.mjs';
import { haproxy } from './haproxy.mjs';
import { killAndStart } from './kill-and-start.mjs';
import { library, libraryByCommand } from './library.mjs';
import { nginx } from './nginx.mjs';
import { pm2 } from './pm2.mjs';
import { rubyGem } from './ruby-gem.mjs';
import { tableflip } from './tableflip.mjs';

const others = [cluster, pm2, killAndStart, nginx, haproxy, rubyGem, tableflip];

/** The library restarted by signal, and the others. */
export const restartContenders = [library, ...others];

/** The library restarted by its command, which tells what came of it, and those others that can be given a bad version. */
export const deployContenders = [libraryByCommand, ...others.filter(({ faults }) => faults.length > 0)];

/** Those that can be had here, of the wanted names (all, if none are named), and a line for each that cannot. */
export async function available(contenders, names) {
  const wanted = contenders.filter(({ name }) => names === undefined || names.includes(name));
  const found = [];
  const skipped = [];
  for (const contender of wanted) {
    const why = await contender.missing();
    if (why === undefined) found.push(contender);
    else skipped.push({ name: contender.name, why });
  }
  return { found, skipped };
}
