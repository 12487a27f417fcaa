import { entryBytes } from '../core/entry.ts'
import type { Entry, SignedEntry } from '../core/entry.ts'
import type { PeerKey } from './identity.ts'
import { verifySignature } from './peer-key.ts'

/** The entry with `key` as its writer, signed. */
export function signEntry(entry: Omit<Entry, 'writer'>, key: PeerKey): SignedEntry {
  const written: Entry = { ...entry, writer: key.peerId }
  return { ...written, signature: key.sign(entryBytes(written)) }
}

/** True if the entry is what its writer signed; whether that writer was allowed to is another question. */
export function verifyEntry(signed: SignedEntry): boolean {
  return verifySignature(signed.writer, entryBytes(signed), signed.signature)
}
