import type { Decoder } from './decoder.ts'
import { ANSWERS } from './decoders/answers.ts'
import { ARCHIVE } from './decoders/archive.ts'
import { CONTROL } from './decoders/control.ts'
import { CORE } from './decoders/core.ts'
import { IDENTITY } from './decoders/identity.ts'
import { SETTINGS } from './decoders/settings.ts'
import { STORE } from './decoders/store.ts'
import { WIRE } from './decoders/wire.ts'

/** Everything that reads what comes from the network or the disk. */
export const DECODERS: readonly Decoder[] = [
  ...CORE,
  ...ANSWERS,
  ...ARCHIVE,
  ...STORE,
  ...WIRE,
  ...CONTROL,
  ...IDENTITY,
  ...SETTINGS,
]
