import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../..')

/** Bundles a TypeScript file of the project into `folder`, as a program that this machine's Node runs. Its path. */
export async function buildProgram(entry: string, folder: string): Promise<string> {
  const outfile = join(folder, `${entry.replace(/\W+/g, '-')}.mjs`)
  await mkdir(folder, { recursive: true })
  // Packages with native parts stay packages, found from where the bundle lies.
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    },
  )
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['@number0/iroh', '@parcel/watcher'],
    // CommonJS packages in a module still ask for `require`.
    banner: { js: "import { createRequire as r } from 'node:module'\nconst require = r(import.meta.url)" },
    logLevel: 'error',
  })
  return outfile
}
