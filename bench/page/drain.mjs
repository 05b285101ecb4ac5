// The section on the drain.
import { goal, number, table } from './markdown.mjs';

const STALL = 20;
const NAMES = { echo: '`Server`, each handler is told', http: '`HttpServer`, kept alive' };

export const drainSection = {
  name: 'drain',
  title: 'Draining many connections',
  text: `A process with many connections hands over. The longest turn of its event loop, while nothing happens and since the drain began: in real time, and in processor time of that
thread, which is what is left when the machine is busy with something else. Then all clients leave.`,
  body({ connections, runs }) {
    const worst = Math.max(...runs.map(({ since }) => since.processor));
    return [
      table(
        [
          `${number(connections)} connections`,
          'longest turn before, ms (of processor)',
          'longest turn of the drain',
          'handlers told',
          'exit after the last connection, ms',
        ],
        runs.map(({ protocol, before, since, told, exit }) => [
          NAMES[protocol],
          `${number(before.real)} (${number(before.processor)})`,
          `${number(since.real)} (${number(since.processor)})`,
          protocol === 'http' ? '–' : number(told),
          number(exit),
        ]),
      ),
      goal(`no turn takes more than ${STALL} ms of processor (${number(worst)} ms)`, worst <= STALL),
    ];
  },
};
