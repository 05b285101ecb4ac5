/** A client that comes, asks one thing and goes; what became of it names its port, by which the fixture says whom it accepted. */
import { connect, type Socket } from 'node:net';

export interface Outcome {
  answer: string;
  /** 0 when it was not even connected. */
  port: number;
  /** Why there is no answer, or only part of one. */
  why: string;
}

/** Calls back once, when the connection has closed. The caller may destroy it before, with the reason. */
export function oneRequest(port: number, question: string, onClose: (outcome: Outcome) => void): Socket {
  const socket = connect(port, '127.0.0.1');
  const outcome: Outcome = { answer: '', port: 0, why: 'closed' };
  socket.setEncoding('utf8');
  socket.on('connect', () => {
    outcome.port = socket.localPort ?? 0;
  });
  socket.on('data', (text) => {
    outcome.answer += String(text);
  });
  socket.on('error', (error) => {
    outcome.why = (error as NodeJS.ErrnoException).code ?? error.message;
  });
  socket.on('close', () => onClose(outcome));
  socket.end(`${question}\n`);
  return socket;
}
