/**
 * Texts of a screen that follow what they tell, in place: no row is drawn anew, so no field loses the focus.
 * A fragment is handed to Obsidian with the text in it; this remembers the text's element.
 */
export class LiveTexts {
  #texts: { readonly el: HTMLElement; readonly read: () => string; readonly tone?: () => string | null }[] = []

  /** Forget those of the last drawing. */
  clear(): void {
    this.#texts = []
  }

  fragment(read: () => string, tone?: () => string | null): DocumentFragment {
    const fragment = createFragment()
    this.add(fragment.createSpan(), read, tone)
    return fragment
  }

  /** `tone`: a class for the text, or null. */
  add(el: HTMLElement, read: () => string, tone?: () => string | null): void {
    const text = { el, read, ...(tone ? { tone } : {}) }
    this.#texts.push(text)
    show(text)
  }

  /** False when a text is not on the screen, although it was drawn: then it has to be drawn anew. */
  refresh(): boolean {
    let all = true
    for (const text of this.#texts) {
      if (text.el.isConnected) show(text)
      else all = false
    }
    return all
  }
}

function show({ el, read, tone }: { el: HTMLElement; read: () => string; tone?: () => string | null }): void {
  const text = read()
  if (el.textContent !== text) el.setText(text)
  if (!tone) return
  const cls = tone()
  for (const name of ['tandem-warning', 'tandem-error']) el.toggleClass(name, name === cls)
}
