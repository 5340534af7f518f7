/** The time now for the screens, ms since 1970. One place, so that pictures and tests can hold it still. */
export const screenClock = { now: (): number => Date.now() }
