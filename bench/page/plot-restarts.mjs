// Latency over time, a strip for each contender: the median and the slowest of each slice, failed connections, restarts.
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

const STRIP = 110;

export function plotRestarts(runs) {
  const { document } = parseHTML('<html><body></body></html>');
  const rows = runs.flatMap(({ contender, timeline }) =>
    timeline.at.map((at, index) => ({
      contender,
      at: at / 1000,
      p50: timeline.p50[index],
      max: timeline.max[index],
      failed: timeline.failed[index],
    })),
  );
  const orders = runs.flatMap(({ contender, orders }) => orders.map((at) => ({ contender, at: at / 1000 })));
  const place = { x: 'at', fy: 'contender' };
  const svg = Plot.plot({
    document,
    width: 960,
    height: 60 + STRIP * runs.length,
    marginLeft: 50,
    marginRight: 110,
    style: { background: 'white', color: 'black' },
    x: { label: 'seconds' },
    y: { type: 'log', label: 'ms', grid: true, ticks: 4, tickFormat: '~r' },
    fy: { label: null, domain: runs.map(({ contender }) => contender) },
    marks: [
      Plot.frame({ stroke: '#ddd' }),
      Plot.ruleX(orders, { ...place, stroke: '#888', strokeDasharray: '2,2' }),
      Plot.lineY(rows, { ...place, y: 'max', stroke: '#e08214', strokeWidth: 0.8 }),
      Plot.lineY(rows, { ...place, y: 'p50', stroke: '#2166ac' }),
      Plot.dot(
        rows.filter(({ failed }) => failed > 0),
        { ...place, frameAnchor: 'top', dy: 6, r: 3, fill: 'red', stroke: 'none' },
      ),
    ],
    caption: undefined,
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${rounded(svg.outerHTML)}\n`;
}

/** A tenth of a pixel cannot be seen, and more digits are a third of the file, which goes into the package. */
function rounded(svg) {
  return svg.replace(/ (?:d|transform|[xy][12]?)="[^"]*"/g, (geometry) =>
    geometry.replace(/-?\d+\.\d{2,}(?![\d%a-z])/g, (number) => String(Math.round(Number(number) * 10) / 10)),
  );
}
