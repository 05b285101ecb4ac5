/** Where hand-overs are unavailable: everything else works through Node's own listen, and one line says what does not. */
import { createTlsSecrets } from '../connections/tls-secrets.js';
import { NodeListener } from '../listeners/node-listener.js';
import { PidFile } from '../process/pid-file.js';
import { announce } from './announce.js';
import { prepareMembers } from './prepare.js';
import type { Service } from './service.js';

export async function startAlone(service: Service): Promise<void> {
  const { pidfilePath } = service.configuration;
  const { signal } = service.stopping;
  const opened: NodeListener[] = [];
  service.generation = 1;
  try {
    service.secrets = createTlsSecrets();
    for (const member of service.members) {
      const own: NodeListener[] = [];
      for (const [index, address] of member.addresses([]).entries()) {
        const listener = await NodeListener.open(address, index);
        opened.push(listener);
        own.push(listener);
      }
      member.acceptor.listeners = own;
    }
    await prepareMembers(service, signal, performance.now() + service.configuration.readyTimeout);
    if (pidfilePath !== null) {
      const pidFile = new PidFile(pidfilePath);
      pidFile.prepare();
      pidFile.publish();
      service.pidFile = pidFile;
    }
  } catch (error) {
    for (const listener of opened) listener.drop();
    for (const member of service.members) member.acceptor.listeners = [];
    throw signal.aborted ? signal.reason : error;
  }
  service.highestGeneration = 1;
  service.ownerSince = Date.now();
  for (const member of service.members) member.acceptor.accept();
  service.lifecycle.to('serving');
  service.log.warn(`serving without hand-overs: ${service.unavailable}`);
  announce(service);
}
