/** As much of the test runner as the transport contract uses, for a page: tests are collected, and run one by one when asked. */

type Hook = () => unknown

export interface CollectedTest {
  readonly title: string
  run(): Promise<void>
}

export const tests: CollectedTest[] = []

interface Group {
  readonly title: string
  readonly before: Hook[]
  readonly after: Hook[]
}
const groups: Group[] = []

export function describe(title: string, body: () => void): void {
  groups.push({ title, before: [], after: [] })
  body()
  groups.pop()
}

export function it(title: string, body: Hook): void {
  const around = [...groups]
  tests.push({
    // Without the first, which is the adapter's name.
    title: [...around.slice(1).map((group) => group.title), title].join(' '),
    async run() {
      try {
        for (const hook of around.flatMap(({ before }) => before)) await hook()
        await body()
      } finally {
        for (const hook of around.flatMap(({ after }) => after)) await hook()
      }
    },
  })
}

export const beforeEach = (hook: Hook): void => void groups.at(-1)!.before.push(hook)
export const afterEach = (hook: Hook): void => void groups.at(-1)!.after.push(hook)

export function expect(actual: unknown) {
  const check = (holds: boolean, what: string, expected?: unknown): void => {
    if (!holds) throw new Error(`expected ${show(actual)} ${what} ${expected === undefined ? '' : show(expected)}`)
  }
  return {
    toBe: (expected: unknown) => check(Object.is(actual, expected), 'to be', expected),
    toEqual: (expected: unknown) => check(isEqual(actual, expected), 'to equal', expected),
    toBeNull: () => check(actual === null, 'to be null'),
    toBeGreaterThan: (bound: number) => check((actual as number) > bound, 'to be greater than', bound),
    toBeLessThan: (bound: number) => check((actual as number) < bound, 'to be less than', bound),
    toBeLessThanOrEqual: (bound: number) => check((actual as number) <= bound, 'to be at most', bound),
  }
}

function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || !left || !right) return false
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false
  const [a, b] = [Object.entries(left), Object.entries(right)]
  return a.length === b.length && a.every(([key, value]) => isEqual(value, (right as Record<string, unknown>)[key]))
}

const show = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 300)
