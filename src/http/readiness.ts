/** The answer to a load balancer that asks whether this process wants new work. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Whether a request is for this path, whatever its query. */
export function asksForReadiness(request: IncomingMessage, path: string | null): boolean {
  if (path === null || request.url === undefined) return false;
  return request.url === path || request.url.startsWith(`${path}?`);
}

/** 200 or 503, never from a cache. */
export function answerReadiness(request: IncomingMessage, response: ServerResponse, ready: boolean): void {
  const text = ready ? 'ready\n' : 'not ready\n';
  response.writeHead(ready ? 200 : 503, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': text.length,
    'Cache-Control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
  request.resume();
}
