// Medians, percentiles and spreads of plain numbers.

export function percentile(values, share) {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? sorted[0];
}

function median(values) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median with the least and the greatest: what a noisy machine makes of it stands beside it. */
export function spread(values) {
  if (values.length === 0) return null;
  return { median: median(values), least: Math.min(...values), greatest: Math.max(...values) };
}

export function latencies(values) {
  if (values.length === 0) return null;
  return {
    p50: percentile(values, 0.5),
    p99: percentile(values, 0.99),
    p999: percentile(values, 0.999),
    max: percentile(values, 1),
  };
}
