import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import obsidianmd from 'eslint-plugin-obsidianmd'

/** Code that Obsidian's own rules bind: what runs with the app's objects in hand. */
const obsidianCode = ['src/main.ts', 'src/plugin/**/*.ts', 'src/ui/**/*.ts', 'src/adapters/obsidian/**/*.ts']

/** Synchronous functions of their input: no clock, no chance, no outside world (docs: architecture, "Purity"). */
const pureCode = ['src/objects/**/*.ts', 'src/history/**/*.ts', 'src/protocol/**/*.ts', 'src/peers/**/*.ts']

/** The store's scan lists warnings too, so here a warning is as good as an error. */
const warningsAsErrors = (configs) =>
  configs.map((config) => {
    if (!config.rules) return config
    const raised = Object.entries(config.rules).map(([name, setting]) => {
      const [level, ...options] = Array.isArray(setting) ? setting : [setting]
      return [name, level === 'warn' || level === 1 ? ['error', ...options] : setting]
    })
    return { ...config, rules: Object.fromEntries(raised) }
  })

const outsideWorld = [
  { name: 'process', message: 'Belongs to an adapter or a composition root.' },
  { name: 'Buffer', message: 'Use Uint8Array: the plugin has no Buffer.' },
]

const noClockNoChance = [
  { object: 'Date', property: 'now', message: 'Take the time as an argument, or from the Clock port.' },
  { object: 'performance', property: 'now', message: 'Take the time as an argument, or from the Clock port.' },
  { object: 'Math', property: 'random', message: 'Take it as an argument, or from the Random port.' },
  { object: 'crypto', property: 'getRandomValues', message: 'Take it as an argument, or from the Random port.' },
]

export default defineConfig([
  globalIgnores(['dist/', 'main.js', 'coverage/', 'samples/', '**/*_pb.ts', '**/*.tmp']),

  {
    files: ['**/*.{ts,mjs,cjs}'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-constant-condition': ['error', { checkLoops: false }],
      'no-dupe-else-if': 'error',
      'no-duplicate-case': 'error',
      'no-eval': 'error',
      'no-self-assign': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-unsafe-finally': 'error',
      'no-useless-escape': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
    },
  },

  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-implied-eval': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      // A new kind of event or state must be met everywhere it is told apart.
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },

  {
    files: ['src/**/*.ts'],
    rules: {
      // No barrels: an import names the file that holds the thing.
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that holds the thing.' },
        {
          selector: 'Program:not(:has(> :not(ImportDeclaration, ExportNamedDeclaration[source])))',
          message: 'No barrels: this file holds nothing of its own.',
        },
      ],
      '@typescript-eslint/no-deprecated': 'error',
    },
  },

  {
    files: ['src/**/*.ts'],
    ignores: ['src/cli.ts', 'src/cli/**', 'src/demo/**', 'src/ui/**', 'src/main.ts'],
    rules: { 'no-console': 'error' },
  },

  {
    files: [...pureCode, 'src/engine/**/*.ts', 'src/ports/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...outsideWorld],
      'no-restricted-properties': ['error', ...noClockNoChance],
    },
  },

  {
    files: pureCode,
    rules: {
      'no-restricted-globals': [
        'error',
        ...outsideWorld,
        ...['setTimeout', 'setInterval', 'queueMicrotask', 'fetch', 'indexedDB', 'window', 'document'].map((name) => ({
          name,
          message: 'Pure code: return an effect, and let the engine act.',
        })),
      ],
    },
  },

  {
    files: obsidianCode,
    extends: [warningsAsErrors(obsidianmd.configs.recommended)],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-undef': 'off', // the compiler knows better
      'obsidianmd/ui/sentence-case': [
        'error',
        { enforceCamelCaseLower: true, brands: ['Tandem', 'Obsidian', 'Iroh', 'Markdown', 'GitHub'] },
      ],
      'obsidianmd/no-nodejs-modules': 'error', // the recommended set lets a desktop-only plugin import them: ours must not
    },
  },
])
