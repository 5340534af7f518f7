/**
 * Texts of a screen that follow what they tell, in place: no row is drawn anew, so no field loses the focus.
 * A fragment is handed to Obsidian with the text in it; this remembers the text's element.
 */
export class LiveTexts {
  #followers: { readonly el: HTMLElement; readonly show: () => void }[] = []

  /** Forget those of the last drawing. */
  clear(): void {
    this.#followers = []
  }

  fragment(read: () => string, tone?: () => string | null): DocumentFragment {
    const fragment = createFragment()
    this.add(fragment.createSpan(), read, tone)
    return fragment
  }

  /** `tone`: a class for the text, or null. */
  add(el: HTMLElement, read: () => string, tone?: () => string | null): void {
    this.#follow(el, () => {
      const text = read()
      if (el.textContent !== text) el.setText(text)
      if (!tone) return
      const cls = tone()
      for (const name of ['tandem-warning', 'tandem-error']) el.toggleClass(name, name === cls)
    })
  }

  /** An element, with all that is in it, that is there only at times. */
  addShown(el: HTMLElement, isShown: () => boolean): void {
    this.#follow(el, () => el.toggleClass('tandem-hidden', !isShown()))
  }

  /** False when a text is not on the screen, although it was drawn: then it has to be drawn anew. */
  refresh(): boolean {
    let all = true
    for (const { el, show } of this.#followers) {
      if (el.isConnected) show()
      else all = false
    }
    return all
  }

  #follow(el: HTMLElement, show: () => void): void {
    this.#followers.push({ el, show })
    show()
  }
}
