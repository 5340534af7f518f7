/*
 * Control and format characters, and the separators of lines and paragraphs: they act on a screen instead of standing on it. Told
 * apart by alternatives rather than one class: the build turns the former alone into something that costs nothing before it is used.
 */

export const withoutInvisible = (text: string): string => text.replace(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, '')

export const hasInvisible = (text: string): boolean => /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(text)
