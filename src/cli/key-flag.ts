import { assertKeys } from '../core/cache-key.ts'
import { inputError } from '../core/errors.ts'
import type { Call } from './command.ts'

/**
 * The key of a call, checked together with its restore keys.
 *
 * @throws ERR_INPUT if there is none or one is not allowed.
 */
export function requireKey({ values }: Call, restoreKeys: readonly string[] = []): string {
  const key = values['key']
  if (key === undefined) throw inputError('No key is given. Add --key with a name for the entry.')
  assertKeys(key, restoreKeys)
  return key
}
