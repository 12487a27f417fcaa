import { join } from 'node:path'
import type { UnpackPlan } from '../archive/archive.ts'
import { digestOf } from '../core/digest.ts'
import type { TreeCacheOptions } from './tree-parts.ts'

const NAME_LENGTH = 32

/** Notes what has been restored under another key, since it will be saved under its own. */
export async function noteRestore(
  plan: UnpackPlan,
  options: TreeCacheOptions,
  paths: readonly string[],
): Promise<void> {
  const notes = notesFile(options, paths)
  if (notes !== undefined) await plan.note(notes)
}

/** Where the notes are about some paths of one repository in one workspace. */
export function notesFile(options: TreeCacheOptions, paths: readonly string[]): string | undefined {
  const { notesFolder, workingDirectory, request } = options
  if (notesFolder === undefined) return undefined
  const about = JSON.stringify([request.repository, workingDirectory, paths])
  return join(notesFolder, digestOf(about).slice(0, NAME_LENGTH))
}
