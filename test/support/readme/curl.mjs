// Enough of curl for the README: `curl -s http://…`. Tries to connect for 5 s, as a reader would who was too quick.
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const [flag, url] = process.argv.slice(2);
if (flag !== '-s' || url === undefined) {
  console.error('usage: curl -s URL');
  process.exit(2);
}

const patience = performance.now() + 5_000;
for (;;) {
  const error = await new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.pipe(process.stdout);
      resolve(undefined);
    }).on('error', resolve);
  });
  if (error === undefined) break;
  if (error.code !== 'ECONNREFUSED' || performance.now() > patience) throw error;
  await delay(50);
}
