import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { digestOf } from '../../src/core/digest.ts'

const WRITER = new URL('store-writer.ts', import.meta.url)

/** What a writer saves under a key: chunks of its own, and some that all writers share. */
export function plainsFor(key: string): string[] {
  const own = Array.from({ length: 6 }, (_, index) => digestOf(`${key} ${index}`).repeat(20))
  const shared = Array.from({ length: 4 }, (_, index) => digestOf(`shared ${index}`).repeat(20))
  return [`catalog of ${key}`, ...own, ...shared]
}

/** Starts a process that saves to `home` until it is killed, or once under `onlyKey` when told to go. */
export function startWriter(
  home: string,
  name: string,
  limits: { readonly limitBytes: number; readonly graceMs: number },
  onlyKey?: string,
): ChildProcess {
  const { limitBytes, graceMs } = limits
  const last = onlyKey === undefined ? [] : [onlyKey]
  return fork(WRITER, [home, name, String(limitBytes), String(graceMs), ...last], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}
