import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Native add-ons, signals and child processes: a process of its own per file.
    pool: 'forks',
    // Much of the time goes by waiting for other processes.
    maxWorkers: 2,
    // Real processes, sockets and disks on a machine that may be busy: CI asks once more before it calls a test failed.
    retry: process.env.CI ? 2 : 0,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
