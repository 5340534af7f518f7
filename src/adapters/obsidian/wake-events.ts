/** The focus and the page's becoming visible come together: they count once in this time, ms. */
const TOGETHER_MS = 1_000

/**
 * Calls back when the window comes to the front, the app returns from the background (a phone suspends it within seconds), or
 * the network is back. Returns the function that takes every listener away.
 */
export function wakeEvents(
  window: Pick<Window, 'addEventListener' | 'removeEventListener'>,
  document: Pick<Document, 'addEventListener' | 'removeEventListener' | 'visibilityState'>,
  wake: () => void,
  now: () => number = () => performance.now(),
): () => void {
  let last = -Infinity
  const atFront = (): void => {
    if (document.visibilityState !== 'visible' || now() - last < TOGETHER_MS) return
    last = now()
    wake()
  }
  const online = (): void => wake()
  window.addEventListener('focus', atFront)
  window.addEventListener('online', online)
  document.addEventListener('visibilitychange', atFront)
  // Fired on phones when the app returns, also where the page never counted as hidden.
  document.addEventListener('resume', atFront)
  return () => {
    window.removeEventListener('focus', atFront)
    window.removeEventListener('online', online)
    document.removeEventListener('visibilitychange', atFront)
    document.removeEventListener('resume', atFront)
  }
}
