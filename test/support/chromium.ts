import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

/** A browser without a window. @throws Error that says what to do when there is none. */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
  if (!existsSync(executablePath))
    throw new Error(
      `There is no Chromium at ${executablePath}. Install it (Debian: apt install chromium), or name it in the variable CHROMIUM.`,
    )
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...args] })
}
