import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { histogram, observe } from '../../src/metrics/durations.js';
import { Ledger } from '../../src/metrics/ledger.js';
import { toText } from '../../src/metrics/text.js';
import { readExposition, valuesOf } from '../support/exposition.js';

describe('the text', () => {
  test('has help, type and samples of each family', () => {
    const text = toText([
      { name: 'a_total', type: 'counter', help: 'What a is.', samples: [{ value: 3 }] },
      { name: 'empty', type: 'gauge', help: 'Left out.', samples: [] },
      {
        name: 'b',
        type: 'gauge',
        help: 'What b is.',
        samples: [{ labels: { x: 1, y: 'two' }, value: 0.5 }, { value: 1e21 }],
      },
    ]);
    expect(text).toBe(
      '# HELP a_total What a is.\n# TYPE a_total counter\na_total 3\n' +
        '# HELP b What b is.\n# TYPE b gauge\nb{x="1",y="two"} 0.5\nb 1e+21\n',
    );
    expect(readExposition(text)).toHaveLength(3);
  });

  test('escapes what stands in labels and help', () => {
    const text = toText([
      {
        name: 'a',
        type: 'gauge',
        help: 'One \\ line\nand "another".',
        samples: [{ labels: { path: 'C:\\n "x"\ny' }, value: 1 }],
      },
    ]);
    expect(text).toBe(
      '# HELP a One \\\\ line\\nand "another".\n# TYPE a gauge\na{path="C:\\\\n \\"x\\"\\ny"} 1\n',
    );
  });

  test('says of any label what it was given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const samples = [{ labels: { one: value, two: `"${value}` }, value: 1 }];
        const [series] = readExposition(toText([{ name: 'a', type: 'gauge', help: 'A.', samples }]));
        expect(series?.labels).toEqual({ one: value, two: `"${value}` });
      }),
    );
  });
});

test('durations add up in buckets that include the smaller ones', () => {
  const ledger = new Ledger({ process: 'one', since: 0, read: () => [] });
  for (const milliseconds of [50, 50.001, 999, 1_000, 60_001]) observe(ledger, 'handover', milliseconds);
  const name = 'seconds';
  const samples = histogram(ledger.total(), 'handover');
  const values = valuesOf(toText([{ name, type: 'histogram', help: 'H.', samples }]));
  expect(values).toMatchObject({
    'seconds_bucket{le="0.05"}': 1,
    'seconds_bucket{le="0.1"}': 2,
    'seconds_bucket{le="0.5"}': 2,
    'seconds_bucket{le="1"}': 4,
    'seconds_bucket{le="60"}': 4,
    'seconds_bucket{le="+Inf"}': 5,
    seconds_sum: 62.100001,
    seconds_count: 5,
  });
});
