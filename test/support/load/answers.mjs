// What a right answer looks like: one check per way of answering. A check gets the line that was asked (with its
// newline) and everything received since, and says INCOMPLETE, WRONG, or the pid that answered (0 if it does not say).

export const INCOMPLETE = -1;
export const WRONG = -2;

const HTTP_OK = 'HTTP/1.1 200 ';

export const ANSWER_CHECKS = {
  /** `<line>\n` */
  echo(line, received) {
    if (received === line) return 0;
    return line.startsWith(received) ? INCOMPLETE : WRONG;
  },

  /** `<line> <pid>\n` */
  'echo-pid'(line, received) {
    const prefix = `${line.slice(0, -1)} `;
    if (received.length <= prefix.length) return prefix.startsWith(received) ? INCOMPLETE : WRONG;
    if (!received.startsWith(prefix)) return WRONG;
    const rest = received.slice(prefix.length);
    if (/^[1-9]\d{0,9}\n$/.test(rest)) return Number(rest);
    return /^[1-9]\d{0,9}$/.test(rest) ? INCOMPLETE : WRONG;
  },

  /** HTTP: status 200, a Content-Length, and the pid as body. The line was only the path. */
  'http-pid'(_line, received) {
    if (!received.startsWith(HTTP_OK.slice(0, received.length))) return WRONG;
    const end = received.indexOf('\r\n\r\n');
    if (end === -1) return INCOMPLETE;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(received.slice(0, end))?.[1]);
    const body = received.slice(end + 4);
    if (body.length < length) return INCOMPLETE;
    return body.length === length && /^[1-9]\d{0,9}\n?$/.test(body) ? Number(body) : WRONG;
  },
};
