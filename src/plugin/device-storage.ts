/** What stays on this device, for this vault: Obsidian's local storage. Null stands for nothing, and removes. */
export interface DeviceStorage {
  loadLocalStorage(key: string): unknown
  saveLocalStorage(key: string, value: unknown): void
}
