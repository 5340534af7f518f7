import { defineConfig } from 'vitest/config'

/** The long simulation. Start it with `npm run sim`, which hands the seeds over by environment variables. */
export default defineConfig({
  test: {
    include: ['test/simulation/long-run.sim.ts'],
    pool: 'forks',
    // The run is bounded by its number of seeds, not by the clock.
    testTimeout: 0,
    hookTimeout: 0,
    disableConsoleIntercept: true,
  },
})
