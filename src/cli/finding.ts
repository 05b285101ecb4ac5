/** What a check has found. */

export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly message: string;
}

export function ok(check: string, message: string): Finding {
  return { check, level: 'ok', message };
}
export function warn(check: string, message: string): Finding {
  return { check, level: 'warn', message };
}
export function fail(check: string, message: string): Finding {
  return { check, level: 'fail', message };
}
