import { spawnSync } from 'node:child_process';

/** A key and a certificate of it on the stage, as paths; undefined where there is no openssl. */
export function makeCertificate(stage) {
  const [key, certificate] = [stage.path('key.pem'), stage.path('certificate.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const { status } = spawnSync(
    'openssl',
    ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=localhost'],
    { stdio: 'ignore' },
  );
  return status === 0 ? [key, certificate] : undefined;
}
