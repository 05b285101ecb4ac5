/**
 * Type-checked rules against lost promises, and guards for the architecture: each says where such a line
 * of code lives. Formatting is Biome's job.
 */
import { builtinModules } from 'node:module';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What only one file (or folder) of src/ may do. */
const doors = [
  {
    home: ['src/process/exit.ts'],
    properties: ['exit', 'reallyExit', 'abort'].map((property) => ({
      object: 'process',
      property,
      message: 'Only src/process/exit.ts ends the process.',
    })),
    imports: [
      {
        regex: '^(node:)?process$',
        importNames: ['exit', 'reallyExit', 'abort'],
        message: 'Only src/process/exit.ts ends the process.',
      },
    ],
  },
  {
    home: ['src/process/environment.ts'],
    properties: [
      {
        object: 'process',
        property: 'env',
        message: 'Only src/process/environment.ts reads process.env and hands it on.',
      },
    ],
    imports: [
      {
        regex: '^(node:)?process$',
        importNames: ['env'],
        message: 'Only src/process/environment.ts reads process.env and hands it on.',
      },
    ],
  },
  {
    // `process.on('exit')` and the like are not signals; a name that is not a literal may be one.
    home: ['src/process/signals.ts'],
    syntax: [
      {
        selector:
          'CallExpression[callee.object.name="process"]' +
          '[callee.property.name=/^(on|once|off|addListener|removeListener|prependListener|prependOnceListener|removeAllListeners)$/]' +
          ':not([arguments.0.type="Literal"][arguments.0.value!=/^SIG/])',
        message: 'Only src/process/signals.ts listens to signals.',
      },
    ],
  },
  {
    home: ['src/process/**'],
    imports: [
      {
        regex: '^(node:)?child_process$',
        message: 'Processes are started in src/process/.',
      },
    ],
  },
  {
    home: ['src/cli/**'],
    imports: [
      { regex: '^(\\.{1,2}/)+cli/', message: 'Nothing imports the command: it is a program of its own.' },
      { regex: '^commander$', message: 'Only the command parses arguments.' },
    ],
  },
  {
    home: ['src/keeper/**'],
    imports: [
      { regex: '^(\\.{1,2}/)+keeper/', message: 'Nothing imports the keeper: it is a program of its own.' },
    ],
  },
  {
    home: ['src/binding.ts'],
    syntax: [
      {
        selector: 'Literal[value=/^node-gyp-build$|\\.node$/]',
        message: 'Only src/binding.ts knows how the addon is found.',
      },
    ],
  },
];

/** Whose lines import nothing from above them. */
const layers = [
  {
    files: [
      'connections',
      'drain',
      'exec',
      'handover',
      'listeners',
      'log',
      'metrics',
      'process',
      'supervise',
    ].map((folder) => `src/${folder}/**`),
    regex: '^(\\.\\./)+(index|server|service[^/]*)(\\.js$|/)',
    message: 'This folder knows how, not when: it imports neither src/server nor src/service.',
  },
  {
    files: ['src/cli/**'],
    regex: '^(\\.\\./)+(index|server|run|http|service[^/]*)(\\.js$|/)',
    message: 'The command speaks to a server through its control path, and is no part of one.',
  },
  {
    files: ['src/keeper/**'],
    regex: '^(\\.\\./)+(index|server|run|http)(\\.js$|/)',
    message: 'The keeper has a service, and no server of its own.',
  },
  {
    files: ['src/configuration.ts', 'src/lifecycle.ts', 'src/errors.ts', 'src/binding.ts'],
    regex: '^\\./(?!configuration/)([^/]+/|(index|server|service[^/]*)\\.js$)',
    message: 'This file is at the bottom: it imports none of the folders, nor what decides.',
  },
  {
    files: ['src/configuration/**'],
    regex: '^\\.\\./(?!(configuration|errors)\\.js$|listeners/address\\.js$)',
    message: 'Configuration is at the bottom: it knows errors and the shape of an address, nothing else.',
  },
];

const builtinsWithoutPrefix = {
  regex: `^(${builtinModules.filter((name) => !name.startsWith('_') && !name.startsWith('node:')).join('|')})$`,
  message: "Say 'node:' before a module of Node.",
};

const globalProcess = {
  selector:
    'MemberExpression[object.type="MemberExpression"][object.property.name="process"][object.object.name=/^global(This)?$/]',
  message: 'Say process, not globalThis.process: the guards look for that name.',
};

/** The rules of one file: every door except its own, and its layer. */
function guards(doorsShut, layer) {
  const regexes = [...doorsShut.flatMap(({ imports = [] }) => imports), builtinsWithoutPrefix];
  const syntax = [...doorsShut.flatMap(({ syntax = [] }) => syntax), globalProcess];
  if (layer !== undefined) {
    const { regex, message } = layer;
    regexes.push({ regex, message });
    // no-restricted-imports does not see import()
    syntax.push({ selector: `ImportExpression[source.value=/${regex.replaceAll('/', '\\/')}/]`, message });
  }
  return {
    'no-restricted-imports': ['error', { patterns: regexes }],
    'no-restricted-syntax': ['error', ...syntax],
    'no-restricted-properties': ['error', ...doorsShut.flatMap(({ properties = [] }) => properties)],
  };
}

function architecture() {
  // Later entries replace the options of earlier ones: so each combination of layer and door is spelt out,
  // layers after src/, and files after folders.
  const isFolder = (home) => home.endsWith('/**');
  const homes = doors.flatMap(({ home }) => home).sort((a, b) => isFolder(b) - isFolder(a));
  const areas = [{ files: ['src/**'] }, ...layers.map((layer) => ({ files: layer.files, layer }))];
  return areas.flatMap(({ files, layer }) => [
    { files, rules: guards(doors, layer) },
    ...homes
      .filter((home) => covers(files, home))
      .map((home) => ({
        files: [home],
        rules: guards(
          doors.filter((door) => !covers(door.home, home)),
          layer,
        ),
      })),
  ]);
}

/** Whether one of the patterns (a path, or a folder with `/**`) covers the path. */
function covers(patterns, path) {
  return patterns.some(
    (pattern) => pattern === path || (pattern.endsWith('/**') && path.startsWith(pattern.slice(0, -2))),
  );
}

export default defineConfig(
  globalIgnores(['dist/', 'build/', 'prebuilds/', 'coverage/', 'node_modules/']),
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-restricted-imports': ['error', { patterns: [builtinsWithoutPrefix] }],
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-unused-vars': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      // Numbers and booleans print well in a sentence.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Hooks of subclasses may be empty, and may be async without awaiting.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/require-await': 'off',
      // Index signatures are read with brackets (noPropertyAccessFromIndexSignature).
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      // isolatedDeclarations wants some types on the left, some on the right.
      '@typescript-eslint/consistent-generic-constructors': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  { files: ['src/**'], rules: { 'no-console': 'error' } },
  ...architecture(),
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'MemberExpression[object.name=/^(test|it|describe)$/][property.name=/^(skip|only|skipIf|runIf)$/]',
          message: 'Say what the machine lacks: requirement() of test/support/requirements.ts.',
        },
      ],
    },
  },
);
