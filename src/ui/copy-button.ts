import { ButtonComponent } from 'obsidian'

/** How long the button says that it is done, ms. */
const SAID = 2_000

/** A button that copies a text, and says so in its own words instead of in a notice. */
export function addCopyButton(
  parent: HTMLElement,
  label: string,
  text: () => string | Promise<string>,
): ButtonComponent {
  const button = new ButtonComponent(parent).setButtonText(label)
  const copy = async (): Promise<void> => {
    button.setButtonText((await copyText(await text())) ? 'Copied' : 'Select the text to copy it')
    window.setTimeout(() => void button.setButtonText(label), SAID)
  }
  return button.onClick(() => void copy())
}

/** False when the system does not let us. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
