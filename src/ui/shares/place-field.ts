import { Setting, type App } from 'obsidian'
import type { TandemFace } from '../face.ts'
import { placeProblem, suggestedPlace, typedPlace } from './share-place.ts'
import { vaultPlaces } from './vault-places.ts'

export interface PlaceField {
  /** The folder as it stands there; null while it cannot be. */
  readonly place: () => string | null
  readonly input: HTMLInputElement
}

/** The field for where a shared folder goes in this vault, with a free name in it, and a word when it cannot be. */
export function addPlaceField(
  el: HTMLElement,
  { app, face, title, onChange }: { app: App; face: TandemFace; title: string; onChange: () => void },
): PlaceField {
  const places = vaultPlaces(app, face)
  let typed = suggestedPlace(title, places)
  const problem = (): string | null => placeProblem(typedPlace(typed), vaultPlaces(app, face))
  const setting = new Setting(el)
    .setName('Put it into')
    .setDesc('A new folder in this vault. It can have another name than at its owner’s.')
  let input!: HTMLInputElement
  setting.addText((text) => {
    input = text.inputEl
    text.setValue(typed).onChange((value) => {
      typed = value
      setting.setErrorMessage(problem())
      onChange()
    })
  })
  setting.setErrorMessage(problem())
  return { input, place: () => (problem() === null ? typedPlace(typed) : null) }
}
