/**
 * The names under which a path may go to the trash: itself, then with ` (2)`, ` (3)` … before the extension of its last
 * part, so that nothing thrown away earlier is replaced (E4). Never ends.
 */
export function* trashNames(path: string): Generator<string> {
  yield path
  const name = path.slice(path.lastIndexOf('/') + 1)
  const folder = path.slice(0, path.length - name.length)
  const dot = name.lastIndexOf('.')
  const stem = dot > 0 ? name.slice(0, dot) : name
  const extension = dot > 0 ? name.slice(dot) : ''
  for (let n = 2; ; n++) yield `${folder}${stem} (${n})${extension}`
}
