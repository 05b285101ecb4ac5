/** Where hand-overs are unavailable: everything else works through Node's own listen, and one line says what does not. */
import { createTlsSecrets } from '../connections/tls-secrets.js';
import { NodeListener } from '../listeners/node-listener.js';
import { PidFile } from '../process/pid-file.js';
import { warmUp } from './hooks.js';
import type { Service } from './service.js';

export async function startAlone(service: Service): Promise<void> {
  const { pidfilePath } = service.configuration;
  const opened: NodeListener[] = [];
  try {
    service.secrets = createTlsSecrets();
    for (const member of service.members) {
      member.prepare(service.secrets);
      const own = await Promise.all(
        member.addresses().map((address, index) => NodeListener.open(address, index)),
      );
      opened.push(...own);
      member.acceptor.listeners = own;
    }
    await warmUp(service.members);
    if (pidfilePath !== null) {
      service.pidFile = new PidFile(pidfilePath);
      service.pidFile.prepare();
      service.pidFile.publish();
    }
    service.stopping.signal.throwIfAborted();
  } catch (error) {
    for (const listener of opened) listener.drop();
    throw error;
  }
  service.generation = 1;
  service.highestGeneration = 1;
  service.ownerSince = Date.now();
  for (const member of service.members) member.acceptor.accept();
  service.lifecycle.to('serving');
  service.log.warn(`serving without hand-overs: ${service.unavailable}`);
  service.step('serving', { listeners: opened.map((listener) => listener.bound) });
}
