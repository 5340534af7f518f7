/** Terminal colours as functions on text; every one is the identity when colours are off. */
export interface Style {
  readonly enabled: boolean
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
}

/**
 * Whether a stream gets colours: a terminal does, unless NO_COLOR is set to anything (no-color.org)
 * or the terminal calls itself dumb.
 */
export function wantsColour(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
}

export function createStyle(enabled: boolean): Style {
  // SGR (ECMA-48 8.3.117): each attribute with the code that ends just that one, so that styles nest.
  const paint =
    (on: number, off: number) =>
    (text: string): string =>
      enabled && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text
  return {
    enabled,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  }
}
