import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Native add-ons, signals and child processes: a process of its own per file.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
