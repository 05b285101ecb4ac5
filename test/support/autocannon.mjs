// A load by autocannon in a process of its own, until its stdin ends; then it prints the result as JSON.
// usage: node autocannon.mjs <url> <connections>
//
// autocannon neither reads `Connection: close` nor counts what it loses by an end (measured): whatever came before, it writes
// its next request at once, and when the connection ends it opens another and asks again. So an announced end costs no error
// (Node shuts its half down before it closes, and the client sees that before the reset that its surplus request provokes),
// and a request that was cut costs none either. That is counted here, as `cut`.
import autocannon from 'autocannon';

const [url, connections] = process.argv.slice(2);
const FOR_EVER = 3_600; // seconds
let cut = 0;

const load = autocannon(
  {
    url,
    connections: Number(connections),
    duration: FOR_EVER,
    timeout: 10,
    setupClient: countCuts,
    // An answer that is not whole is a mismatch.
    verifyBody: (body) => body.startsWith('{"pid":') && body.endsWith('}'),
  },
  (error, result) => {
    if (error) throw error;
    const { errors, timeouts, mismatches, non2xx, '2xx': answered } = result;
    console.log(JSON.stringify({ cut, errors, timeouts, mismatches, non2xx, answered }));
  },
);
process.stdin.on('end', () => load.stop()).resume();

/** A connection is followed by another only when it has ended. Then its last answer must have said so. */
function countCuts(client) {
  const { _connect: open } = client;
  let isAnnounced = true;
  client.on('headers', ({ headers }) => {
    isAnnounced = headers.some((word, at) => at % 2 === 0 && isClose(word, headers[at + 1]));
  });
  client._connect = () => {
    if (!isAnnounced) cut += 1;
    isAnnounced = false;
    open.call(client);
  };
}

function isClose(name, value) {
  return name.toLowerCase() === 'connection' && value.toLowerCase() === 'close';
}
