import { expect, it } from 'vitest'
import { countOf, runOpenNote } from './open-note-runs.ts'
import { makeObsidianHarness } from './vault-harness.ts'
it('measure', async () => {
  const disk = await makeObsidianHarness()
  for (let i = 0; i < 10_000; i++) disk.app.disk.userWrite(`folder ${i % 300}/${i}.md`, 'x')
  disk.app.look()
  let worst = 0, at = performance.now(), on = true
  const sample = () => { const now = performance.now(); worst = Math.max(worst, now - at); at = now; if (on) setImmediate(sample) }
  for (let n = 0; n < 4; n++) {
    const t0 = performance.now()
    on = true; worst = 0; at = performance.now(); setImmediate(sample)
    const r = await disk.vault.scan()
    on = false
    console.log('scan', n, r.files.length, 'took', (performance.now() - t0).toFixed(0), 'worst gap', worst.toFixed(1))
    await new Promise((r) => setTimeout(r, 50))
  }
  await disk.dispose()
}, 60000)
it('more seeds', async () => {
  const problems: string[] = []
  for (let seed = 1000; seed < 7000; seed++) {
    const run = await runOpenNote(seed, { remotely: seed % 2 === 1, secondPane: seed % 5 === 0 })
    for (const f of run.faults) problems.push(`${seed} ${f}`)
    if (run.merges || run.onDisk !== run.inEditor) problems.push(`${seed} merges ${run.merges}`)
    for (const p of [...run.typed, ...run.arrived]) if (countOf(run.onDisk, p) !== 1) problems.push(`${seed} ${p} ${countOf(run.onDisk, p)}`)
  }
  expect(problems).toEqual([])
}, 500000)
