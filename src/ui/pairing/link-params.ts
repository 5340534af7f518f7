import { LINK_ACTION } from '../../peers/pairing-link.ts'

/** The pairing link that Obsidian took apart before it handed it to the plugin. */
export function linkFromParams(params: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams()
  for (const name of ['ticket', 'secret', 'share', 'name', 'title']) {
    const value = params[name]
    if (value !== undefined) query.set(name, value)
  }
  return `obsidian://${LINK_ACTION}?${query.toString().replaceAll('+', '%20')}`
}
