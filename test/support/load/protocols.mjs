// How a line is put to the server, and how an answer says that it is the last one on its connection.
import { ANSWER_CHECKS } from './answers.mjs';

const LINES = { question: (line) => line, isLast: () => false };

const HTTP = {
  question: (line, isOnly) =>
    `GET /${line.trimEnd().replace(' ', '/')} HTTP/1.1\r\nHost: load\r\n${isOnly ? 'Connection: close\r\n' : ''}\r\n`,
  isLast: (received) => /\r\nconnection: *close\r\n/i.test(received),
};

export function protocolOf(answer) {
  return { ...(answer === 'http-pid' ? HTTP : LINES), check: ANSWER_CHECKS[answer] };
}
