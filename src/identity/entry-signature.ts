import { entryBytes } from '../core/entry.ts'
import type { Entry, SignedEntry } from '../core/entry.ts'
import type { EntryVerdict, PeerKey } from './identity.ts'
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

/** What is required of entries where nobody has ID tokens: the signature alone. */
export async function checkSignature(signed: SignedEntry): Promise<EntryVerdict> {
  if (verifyEntry(signed)) return { trusted: true }
  return { trusted: false, why: 'forged', reason: 'its signature is wrong' }
}
