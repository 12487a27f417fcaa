import type { Command } from './command.ts'

/** A command as the list of commands shows it. */
export interface ListedCommand {
  readonly usage: string
  readonly summary: string
  /** Each command loads what it needs, so that the others do not pay for it. */
  readonly load: () => Promise<Command>
}

/** Every command by name. */
export const COMMANDS: Readonly<Record<string, ListedCommand>> = {
  restore: {
    usage: '--key K [--restore-key P]… PATH…',
    summary: 'Restore the newest entry that matches.',
    load: async () => (await import('./commands/restore.ts')).restore,
  },
  save: {
    usage: '--key K PATH…',
    summary: 'Save files and folders under a key that is not taken.',
    load: async () => (await import('./commands/save.ts')).save,
  },
  serve: {
    usage: '[--role ROLE] [--listen MULTIADDR]… [--http PORT]',
    summary: 'Take part in the swarm until stopped.',
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  status: {
    usage: '[--verify]',
    summary: 'Show what runs here and what it holds.',
    load: async () => (await import('./commands/status.ts')).status,
  },
  peers: {
    usage: '',
    summary: 'Show who is connected.',
    load: async () => (await import('./commands/peers.ts')).peers,
  },
  entries: {
    usage: '[KEY…]',
    summary: 'Show the entries that this machine holds; with a KEY, who wrote it.',
    load: async () => (await import('./commands/entries.ts')).entries,
  },
  demo: {
    usage: '',
    summary: 'Watch five runners share a real tree on this machine.',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
}
