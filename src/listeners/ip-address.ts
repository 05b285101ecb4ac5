/** IP addresses as bytes and back, in one canonical text form each (RFC 5952). Pure. */

/** 4 bytes for IPv4, 16 for IPv6, or null if the text is neither. No brackets, no zone, no prefix length. */
export function parseIpAddress(text: string): Uint8Array | null {
  return text.includes(':') ? parseIPv6(text) : parseIPv4(text);
}

/** The canonical text: IPv6 in lower case, its longest run of zeros as `::`, IPv4-mapped with dots at the end. */
export function printIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (isIPv4Mapped(bytes)) return `::ffff:${bytes.subarray(12).join('.')}`;
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0),
  );
  const zeros = longestRunOfZeros(groups);
  const hexadecimal = groups.map((group) => group.toString(16));
  if (zeros.length < 2) return hexadecimal.join(':');
  const head = hexadecimal.slice(0, zeros.start).join(':');
  const tail = hexadecimal.slice(zeros.start + zeros.length).join(':');
  return `${head}::${tail}`;
}

/** Whether the 16 bytes are `::ffff:a.b.c.d`: an IPv4 client, seen through a dual-stack socket. */
export function isIPv4Mapped(bytes: Uint8Array): boolean {
  return (
    bytes.length === 16 &&
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff
  );
}

/** Four decimal numbers. No leading zeros: some programs read those as octal. */
function parseIPv4(text: string): Uint8Array | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  if (!parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return null;
  return Uint8Array.from(parts, Number);
}

function parseIPv6(text: string): Uint8Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head = '', tail] = halves;
  // Dots may only stand at the very end of the text.
  const first = parseGroups(head, tail === undefined);
  const last = tail === undefined ? [] : parseGroups(tail, true);
  if (first === null || last === null) return null;
  const missing = 16 - first.length - last.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return null;
  return Uint8Array.from([...first, ...new Array<number>(missing).fill(0), ...last]);
}

/** Groups between colons as bytes; the last may be an IPv4 address. */
function parseGroups(text: string, dotsAllowed: boolean): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const dotted = dotsAllowed && index === groups.length - 1 ? parseIPv4(group) : null;
    if (dotted === null) return null;
    bytes.push(...dotted);
  }
  return bytes;
}

/** The first of the longest runs. */
function longestRunOfZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > longest.length) longest = { start: index - length + 1, length };
  }
  return longest;
}
