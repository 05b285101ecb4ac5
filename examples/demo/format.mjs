// Numbers as the demo shows them.

export function count(number) {
  return number.toLocaleString('en');
}

export function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

export function milliseconds(number) {
  return `${number.toFixed(number < 10 ? 1 : 0)} ms`;
}

export function perSecond(rate) {
  return `${count(Math.round(rate))}/s`;
}
