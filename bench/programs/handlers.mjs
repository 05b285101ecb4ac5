// What all contenders that run on Node do with a connection or a request, so that only the restart differs.
import { answersWrong } from './version.mjs';

/** Answers each line with the line and our pid; with listeners, at half of what readline costs. */
export function echo(socket) {
  let rest = '';
  socket.setEncoding('latin1').on('error', () => {});
  socket.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) socket.write(answersWrong ? 'nonsense\n' : `${line} ${process.pid}\n`);
  });
}

const body = `${process.pid}\n`;

/** Answers our pid. */
export function answerPid(_request, response) {
  response.statusCode = answersWrong ? 500 : 200;
  response.end(body);
}
