import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ChunkRef } from './manifest.ts'

/** A new chunk that was written as a file (see frame-file.ts) into an inbox. */
export interface WrittenFrame {
  readonly chunk: ChunkRef
  /** Name of the file in the inbox's folder, as `inboxName` gives it. */
  readonly name: string
  /** Bytes of the frame, without the file's header. */
  readonly frameBytes: number
}

/**
 * Where a process of the same user and machine writes chunk files that a store then takes over as they are.
 *
 * What lies here does not count against the store's limit yet, so a writer has only a few windows of it at a time.
 */
export interface Inbox {
  /** Absolute path. */
  readonly folder: string
  readonly prefix: string
  /**
   * Puts written files in place; what is held already is removed.
   *
   * @throws ERR_STORE if a file is not what it is said to be, or there is no room for it.
   */
  take(frames: readonly WrittenFrame[]): Promise<void>
}

// A UUID and a number have half as much.
const MAX_NAME_LENGTH = 100
const NAME_PATTERN = /^[0-9a-z-]+$/

/** The name of an inbox's file by its number, which has 32 bits. */
export function inboxName({ prefix }: Pick<Inbox, 'prefix'>, file: number): string {
  return `${prefix}-${file}`
}

/** True if `name` may be a file in an inbox, or a prefix: it leads to no other folder. */
export function isInboxName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_NAME_LENGTH && NAME_PATTERN.test(name)
}

/** Removes what was written into an inbox and not taken. */
export function clearInbox({ folder, prefix }: Inbox): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(prefix)) rmSync(join(folder, name), { force: true })
  }
}
