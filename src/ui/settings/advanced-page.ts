import type { Setting, SettingDefinition, SettingDefinitionItem } from 'obsidian'
import { addCopyButton } from '../copy-button.ts'
import type { Screens } from '../screens.ts'
import { askRemoveComponent, showInstall } from './component-modal.ts'
import { trafficPage } from './traffic-page.ts'
import { numberProblem, numberRange, relayUrlProblem, type NumberSetting } from './setting-values.ts'

/** The page "Advanced": the network, the limits, the native component, and this device's id. */
export function advancedPage(screens: Screens, { ownRelay }: { ownRelay: () => boolean }): SettingDefinitionItem {
  return {
    type: 'page',
    name: 'Advanced',
    desc: 'Network, limits, and the network component.',
    status: () => (screens.face.condition.kind === 'offline' ? 'warning' : null),
    items: [
      { type: 'group', heading: 'Network', items: networkDefinitions(ownRelay) },
      { type: 'group', heading: 'Network component', items: [componentDefinition(screens)] },
      { type: 'group', heading: 'Limits', items: limitDefinitions() },
      { type: 'group', heading: 'This device', items: [...deviceFacts(screens), trafficPage(screens)] },
    ],
  }
}

function networkDefinitions(ownRelay: () => boolean): SettingDefinition[] {
  return [
    {
      name: 'Relay',
      desc: 'Helps two devices find a direct path, and passes on what it cannot read while there is none.',
      control: {
        type: 'dropdown',
        key: 'relayMode',
        options: { default: "Iroh's public relays", own: 'My own relay', off: 'None' },
      },
    },
    {
      name: 'Address of the relay',
      desc: 'The same on all your devices.',
      visible: ownRelay,
      control: {
        type: 'text',
        key: 'relayUrl',
        placeholder: 'https://relay.example.org',
        validate: (value) => (value === '' ? undefined : relayUrlProblem(value)),
      },
    },
    {
      name: 'Look for devices on the local network',
      desc: 'Finds your paired devices nearby without the internet.',
      control: { type: 'toggle', key: 'localNetwork' },
    },
  ]
}

function limitDefinitions(): SettingDefinition[] {
  const number = (
    key: string,
    name: string,
    desc: string,
    range: readonly [number, number] = numberRange(key as NumberSetting),
  ): SettingDefinition => ({
    name,
    desc,
    control: { type: 'number', key, min: range[0], max: range[1], step: 1, validate: numberProblem(range) },
  })
  return [
    number('debounceMs', 'Quiet time after typing', 'Milliseconds until an edit is sent to the others.'),
    number('maxPeers', 'Most devices', 'How many devices this one can be paired with.'),
    number(
      'heartbeatSeconds',
      'Sign of life',
      'Seconds between two signs of life on a connection.',
      numberRange('heartbeatMs', 1000),
    ),
    number('queueLimit', 'Waiting messages', 'How many messages may wait for one device.'),
    number('queueWaitMs', 'Patience with a full queue', 'Milliseconds before a message is dropped.'),
    {
      name: 'Drop from a full queue',
      desc: 'Nothing is lost by it: the next comparison makes up for it.',
      control: {
        type: 'dropdown',
        key: 'queueDrop',
        options: { oldest: 'The oldest message', newest: 'The newest message' },
      },
    },
  ]
}

function componentDefinition(screens: Screens): SettingDefinition {
  const { condition, offer } = screens.face.component
  const installed = condition.kind === 'installed'
  return {
    name: installed ? `Installed: version ${condition.version}` : 'Not in use',
    desc: componentSentence(screens),
    aliases: ['native', 'iroh'],
    render: (setting) => {
      setting.nameEl.toggleClass('tandem-warning', !installed)
      if (offer && !installed)
        setting.addButton((button) =>
          button
            .setButtonText('Install…')
            .setCta()
            .onClick(() => showInstall(screens)),
        )
      if (installed || condition.kind === 'broken')
        setting.addButton((button) =>
          button
            .setButtonText('Remove…')
            .setDestructive()
            .onClick(() => askRemoveComponent(screens)),
        )
    },
  }
}

function componentSentence({ face }: Screens): string {
  const { condition } = face.component
  switch (condition.kind) {
    case 'installed':
      return 'Connects this device to the others. It is checked at every start.'
    case 'missing':
      return 'Without it this device cannot connect to others. Its history and its conflicts work all the same.'
    case 'unsupported':
    case 'broken':
      return condition.message
  }
}

function deviceFacts(screens: Screens): SettingDefinition[] {
  const { deviceId } = screens.face
  return [
    {
      name: 'Endpoint ID',
      desc: deviceId ?? 'Not known while sync starts.',
      aliases: ['public key', 'device id'],
      render: (setting: Setting) => {
        setting.descEl.addClass('tandem-mono')
        if (deviceId) addCopyButton(setting.controlEl, 'Copy', () => deviceId)
      },
    },
    {
      name: 'Diagnostics',
      desc: 'For a report: numbers and states, without secrets, names of files or their contents.',
      render: (setting: Setting) => {
        addCopyButton(setting.controlEl, 'Copy diagnostics', () => screens.face.diagnostics())
      },
    },
  ]
}
