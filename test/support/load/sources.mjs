// How many source addresses IPv4 loopback needs. Each has some 28,000 ports, and one that was closed waits for a minute. A
// kernel that lets loopback use waiting ports again after a second (`tcp_tw_reuse`, by default since Linux 4.19) needs
// one. More would do harm there: binding beside 100,000 waiting ports is so slow that a fifth of the rate is lost (measured).
import { readFileSync } from 'node:fs';

const WITHOUT_REUSE = 16;

export function neededSources() {
  try {
    return readFileSync('/proc/sys/net/ipv4/tcp_tw_reuse', 'utf8').trim() === '0' ? WITHOUT_REUSE : 1;
  } catch {
    return WITHOUT_REUSE;
  }
}
