/**
 * Who may import whom. The arrow of the architecture is
 *
 *   objects <- history <- { protocol, peers } <- engine <- ui <- main
 *                                              engine <- cli, demo; { ui, adapters } <- plugin <- main
 *   objects <- ports <- adapters
 *
 * Imports of types count like any other: a layer that names a type knows about it.
 * test/architecture.test.ts proves that every rule bites.
 */

const layers = [
  'objects',
  'ports',
  'history',
  'protocol',
  'peers',
  'engine',
  'adapters',
  'ui',
  'cli',
  'demo',
  'plugin',
  'main',
]

/** A layer's files: its folder, or the single file of that name (main.ts, cli.ts). */
const filesOf = (names) => `^src/(${names.join('|')})(/|\\.ts$)`

/** `layer` may import itself and `allowed` of ours, nothing else of ours. */
const layer = (name, allowed, comment) => ({
  name: `${name}-imports`,
  comment,
  severity: 'error',
  from: { path: filesOf([name]) },
  to: { path: filesOf(layers.filter((other) => other !== name && !allowed.includes(other))) },
})

/** Only files under `places` may import what `what` matches. */
const onlyIn = (name, what, places, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: places },
  to: { path: what },
})

const belowProtocol = ['objects', 'ports', 'history']
const belowEngine = [...belowProtocol, 'protocol', 'peers']
const belowUi = [...belowEngine, 'engine']

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment:
        'Two files that import each other, directly or in a ring, are one file in disguise. Move the shared part down.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'The import names a file or package that is not there.',
      severity: 'error',
      from: { path: '^src/' },
      // Obsidian gives these to the plugin at run time; its npm package holds types only.
      to: { couldNotResolve: true, pathNot: '^(obsidian|electron)$' },
    },
    {
      name: 'no-barrel',
      comment: 'No index.ts inside src: an import names the file that holds the thing.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '/index\\.ts$', pathNot: 'node_modules/' },
    },
    {
      name: 'no-outside-src',
      comment: 'What ships must not depend on tests, benchmarks or samples.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|samples|docs)/' },
    },

    layer('objects', [], 'Git formats know nothing of ours but themselves.'),
    layer('ports', ['objects'], 'Interfaces speak in the types of objects only.'),
    layer('history', ['objects', 'ports'], 'Pure functions on objects; of ports the types at most.'),
    layer('protocol', belowProtocol, 'The link as data: does not know peers, transfers or the engine.'),
    layer('peers', belowProtocol, 'Peer state as data: does not know messages or the engine.'),
    layer('engine', belowEngine, 'Runs the effects through ports; it is handed its adapters by a composition root.'),
    layer('ui', belowUi, "Sees the engine's face, never an adapter."),
    layer('cli', [...belowUi, 'adapters'], 'A composition root: no Obsidian surface, no demonstration.'),
    layer('demo', [...belowUi, 'adapters', 'cli'], 'A composition root on top of the command line.'),
    layer(
      'plugin',
      [...belowUi, 'adapters', 'ui'],
      'Puts the plugin together: engine, adapters, and the face that the screens see.',
    ),
    layer('main', [...belowUi, 'adapters', 'ui', 'plugin'], 'The composition root of the plugin.'),

    {
      name: 'adapters-imports',
      comment:
        'Adapters implement ports. Of the rest they may read only the pure form of a peer address, never the engine.',
      severity: 'error',
      from: { path: filesOf(['adapters']) },
      to: {
        path: filesOf(layers.filter((other) => !['adapters', 'ports', 'objects'].includes(other))),
        pathNot: '^src/peers/[a-z-]*address\\.ts$',
      },
    },
    {
      name: 'adapters-apart',
      comment: 'An adapter may build on its own folder and on the memory adapter, not on another platform.',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: '^src/adapters/', pathNot: '^src/adapters/($1|memory)/' },
    },
    {
      name: 'cli-no-obsidian-adapters',
      comment: 'The headless peer has neither Obsidian nor IndexedDB.',
      severity: 'error',
      from: { path: filesOf(['cli', 'demo']) },
      to: { path: '^src/adapters/(obsidian|idb|iroh-wasm)/' },
    },

    onlyIn(
      'obsidian-only-in-plugin',
      '(^|node_modules/)(obsidian|electron)(/|$)',
      '^src/(main\\.ts$|plugin/|ui/|adapters/obsidian/)',
      'The engine runs without Obsidian: in a worker, in tests, on a server.',
    ),
    onlyIn(
      'iroh-only-in-adapter',
      '(^|node_modules/)@number0/iroh',
      '^src/adapters/iroh/',
      'One place knows the native binding and its traps.',
    ),
    {
      name: 'node-only-on-node',
      comment: 'Node built-ins exist in the adapters for Node and in the command line, and nowhere else.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/(adapters/(node|lan|iroh)/|cli\\.ts$|cli/|demo/)',
      },
      to: { dependencyTypes: ['core'] },
    },
    onlyIn(
      'node-packages-on-node',
      '(^|node_modules/)(@parcel/watcher|multicast-dns|commander)(/|$)',
      '^src/(adapters/(node|lan)/|cli\\.ts$|cli/|demo/)',
      'Packages that need Node are as far from the plugin as Node itself.',
    ),
    {
      name: 'no-dev-dependency',
      comment: 'What ships must be a dependency, not a tool. (Obsidian itself is types at build time.)',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '(^|node_modules/)obsidian(/|$)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
    },
  },
}
