// Why a connection was lost, in one word. `local` means that this machine or process, not the server, failed.

const CAUSES = {
  ECONNREFUSED: 'refused',
  ENOENT: 'refused', // no such UNIX path
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  EAGAIN: 'queue-full', // a UNIX socket's queue; TCP sends the SYN again and is only late
  EADDRNOTAVAIL: 'local', // out of ports
  EADDRINUSE: 'local',
  EMFILE: 'local',
  ENFILE: 'local',
  ENOBUFS: 'local',
  ENOMEM: 'local',
};

export function causeOf(code) {
  return CAUSES[code] ?? 'error';
}
