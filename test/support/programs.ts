/** One and the same echo server, written in every way a program may use the package. */
export interface Program {
  readonly title: string;
  /** What is written, and what is run. */
  readonly source: string;
  readonly text: string;
  readonly startCommand: string;
  /** How it is compiled before; checked only if it emits nothing. */
  readonly compilerOptions?: Record<string, unknown>;
}

const IN_TYPESCRIPT = `import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type ConnectionContext, run, Server, type ServerOptions } from 'uninterruptible';

class EchoServer extends Server {
  protected override async handleRequest(socket: Socket, { generation }: ConnectionContext): Promise<void> {
    for await (const line of createInterface({ input: socket })) socket.write(\`\${line} \${generation}\\n\`);
  }
}

const options: ServerOptions = { bind: 'tcp://127.0.0.1:0', startCommand: START };
`;

const IN_JAVASCRIPT = `
class EchoServer extends Server {
  async handleRequest(socket, { generation }) {
    for await (const line of createInterface({ input: socket })) socket.write(\`\${line} \${generation}\\n\`);
  }
}

const options = { bind: 'tcp://127.0.0.1:0', startCommand: START };
`;

const IN_AN_ES_MODULE = 'await run(new EchoServer(options));\n';
const IN_COMMONJS =
  'run(new EchoServer(options)).catch((error) => { console.error(error); process.exitCode = 1; });\n';

export const programs: readonly Program[] = [
  {
    title: 'an ES module in TypeScript, module nodenext',
    source: 'esm.mts',
    text: IN_TYPESCRIPT + IN_AN_ES_MODULE,
    startCommand: 'node esm.mjs',
    // Here our own declarations are checked as well: once is enough, it takes seconds.
    compilerOptions: { module: 'nodenext', verbatimModuleSyntax: true, skipLibCheck: false },
  },
  {
    title: 'CommonJS in TypeScript, module nodenext',
    source: 'commonjs.cts',
    text: IN_TYPESCRIPT + IN_COMMONJS,
    startCommand: 'node commonjs.cjs',
    compilerOptions: { module: 'nodenext' },
  },
  {
    title: 'CommonJS in TypeScript, moduleResolution node10',
    source: 'node10.ts',
    text: IN_TYPESCRIPT + IN_COMMONJS,
    startCommand: 'node node10.js',
    compilerOptions: { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
  },
  {
    title: 'TypeScript for a bundler, under tsx',
    source: 'tsx.mts',
    text: IN_TYPESCRIPT + IN_AN_ES_MODULE,
    startCommand: 'npx tsx tsx.mts',
    compilerOptions: { module: 'esnext', moduleResolution: 'bundler', noEmit: true },
  },
  {
    title: 'an ES module in plain JavaScript',
    source: 'plain.mjs',
    text: `import { createInterface } from 'node:readline';
import { run, Server } from 'uninterruptible';
${IN_JAVASCRIPT}${IN_AN_ES_MODULE}`,
    startCommand: 'node plain.mjs',
  },
  {
    title: 'CommonJS in plain JavaScript, by require',
    source: 'plain.cjs',
    text: `const { createInterface } = require('node:readline');
const { run, Server } = require('uninterruptible');
${IN_JAVASCRIPT}${IN_COMMONJS}`,
    startCommand: 'node plain.cjs',
  },
].map((program) => ({ ...program, text: program.text.replace('START', `'${program.startCommand}'`) }));
