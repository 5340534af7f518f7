const RATE = 22_050
const NOTES_HZ = [392, 440, 494, 587, 494, 440, 392, 294]
const SECONDS_PER_NOTE = 0.5

/** An attachment to send: a little tune, as a WAV file (RIFF, PCM, 16 bit, mono) of some 350 kB. The same bytes each time. */
export function soundFile(): Uint8Array {
  const perNote = Math.round(RATE * SECONDS_PER_NOTE)
  const samples = perNote * NOTES_HZ.length
  const file = Buffer.alloc(44 + samples * 2)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16) // length of the format
  file.writeUInt16LE(1, 20) // PCM
  file.writeUInt16LE(1, 22) // channels
  file.writeUInt32LE(RATE, 24)
  file.writeUInt32LE(RATE * 2, 28) // bytes per second
  file.writeUInt16LE(2, 32) // bytes per sample
  file.writeUInt16LE(16, 34) // bits per sample
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(samples * 2, 40)
  for (let at = 0; at < samples; at++) {
    const seconds = (at % perNote) / RATE
    const hertz = NOTES_HZ[Math.floor(at / perNote)]!
    const level = Math.min(1, seconds * 50) * Math.exp(-seconds * 5)
    file.writeInt16LE(Math.round(12_000 * level * Math.sin(2 * Math.PI * hertz * seconds)), 44 + at * 2)
  }
  return file
}
