import { describe, expect, it } from 'vitest'
import { closestName } from '../../src/cli/closest-name.ts'
import { CONFIG_KEYS, configKey, configValue, shownConfig } from '../../src/cli/config-keys.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { SETTING_KEYS } from '../../src/engine/settings-schema.ts'

const typed = (name: string, text: string): unknown => configValue(configKey(name), text)

describe('the settings of the command line', () => {
  it('are those of the schema, without the one for the plugin alone, and three of its own', () => {
    const shared = SETTING_KEYS.filter((key) => key !== 'configCategories')
    expect(CONFIG_KEYS.map(({ name }) => name)).toEqual(['deviceName', 'configFolder', 'bind', ...shared])
  })

  it.each([
    ['maxPeers', '32', 32],
    ['queueWaitMs', ' 0 ', 0],
    ['localNetwork', 'off', false],
    ['localNetwork', 'Yes', true],
    ['configFolder', 'false', false],
    ['relay', 'https://relay.example.org', 'https://relay.example.org'],
    ['relay', 'off', 'off'],
    ['queueDrop', 'newest', 'newest'],
    ['bind', '[::]:0', '[::]:0'],
    ['deviceName', ' Attic server ', 'Attic server'],
    ['excludedFolders', '', []],
    ['excludedFolders', 'Archive/, Old/Stuff', ['Archive', 'Old/Stuff']],
    ['excludedFolders', '["One, two"]', ['One, two']],
  ])('%s takes %j', (name, text, value) => expect(typed(name, text)).toEqual(value))

  it.each([
    ['maxPeers', '1e3', /^the setting maxPeers must be a whole number from 1 to 1,000, not 1e3$/],
    ['maxPeers', '', /not nothing$/],
    ['heartbeatMs', '99999', /from 2,000 to 10,000 \(ms\), not 99999$/],
    ['localNetwork', 'maybe', /true or false, not maybe$/],
    ['relay', 'ftp://example.org', /default, off, or the http\(s\) URL.* not ftp:/],
    ['queueDrop', 'all', /oldest or newest, not all$/],
    ['bind', 'localhost:1', /ADDRESS:PORT.* not localhost:1$/],
    ['bind', '127.0.0.1:70000', /not 127/],
    ['excludedFolders', 'ok,../up', /folders in the vault.*: "\.\.\/up" is no path in a vault$/],
    ['excludedFolders', '[oops', /a list of at most/],
    ['excludedFolders', '[5]', /5 is no path/],
    ['deviceName', ' ', /deviceName must be a name that people can tell apart, not nothing$/],
    ['relay', '\u001b[31m', /^[^\u001b]*$/],
  ])('%s refuses %j, and says what is allowed', (name, text, words) => {
    expect(() => typed(name, text)).toThrow(words)
    expect(() => typed(name, text)).toThrow(UsageError)
  })

  it('an unknown one is refused with the name that was meant, or all there are', () => {
    expect(() => configKey('MAXPEERS')).toThrow(/Did you mean maxPeers\?/)
    expect(() => configKey('heartbeet')).toThrow(/Did you mean heartbeatMs\?/)
    expect(() => configKey('colour')).toThrow(/There are: deviceName, /)
    expect(() => configKey('__proto__')).toThrow(UsageError)
    expect(() => configKey('configCategories')).toThrow(/setting of the plugin.*configFolder$/)
  })

  it('are shown as they are typed', () => {
    expect([null, [], ['a', 'b'], true, 5].map(shownConfig)).toEqual(['(not set)', '(none)', 'a,b', 'true', '5'])
  })
})

describe('the closest name', () => {
  it.each([
    ['relai', 'relay'],
    ['peers', 'maxPeers'],
    ['colour', undefined],
    ['', undefined],
    ['x'.repeat(1_000), undefined],
  ])('to %s is %s', (name, meant) => expect(closestName(name, ['relay', 'maxPeers'])).toBe(meant))
})
