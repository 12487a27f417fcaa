import { digestOf } from './digest.ts'
import type { Digest } from './digest.ts'
import { parseSignedEntry } from './entry.ts'
import type { Entry, SignedEntry } from './entry.ts'
import { decodeManifest, encodeManifest, totalBytes } from './manifest.ts'
import type { ChunkRef } from './manifest.ts'

/** Every piece of an upstream's archive is so long, but for the last one: as long as chunks are on average. */
export const PIECE_BYTES: number = 128 * 1024
/** Pieces that one part lists at most: 8 MiB. */
export const MAX_PART_PIECES = 64
/** The download of a larger archive is not shared: its pieces would push other entries out of the stores. */
export const MAX_SHARED_BYTES: number = 4 * 1024 ** 3

/** Some pieces of an archive that a peer downloads from the upstream, by the word of who downloaded them. */
export interface ArchivePart<E = SignedEntry> {
  /** Names the key and the scope; its manifest lists the pieces as content, its version says which part it is. */
  readonly entry: E
  readonly archiveBytes: number
  /** Number of the first piece. */
  readonly first: number
  readonly pieces: readonly ChunkRef[]
}

/** A part that is about to be signed, or has been signed by its writer. */
export type OfferedPart = ArchivePart<Omit<Entry, 'writer'> | SignedEntry>

/**
 * The version of a part's entry: a digest of the work that it belongs to and of its place in the archive, so that a
 * part can be taken neither for an entry of a tree nor for another part.
 */
export function partVersion(work: Digest, archiveBytes: number, first: number): Digest {
  return digestOf(JSON.stringify(['part of an archive', work, archiveBytes, first]))
}

/** How many pieces an archive has. */
export function pieceCount(archiveBytes: number): number {
  return Math.ceil(archiveBytes / PIECE_BYTES)
}

/** Number of the piece after the last one of a part. */
export function endOfPart({ first, pieces }: Pick<ArchivePart, 'first' | 'pieces'>): number {
  return first + pieces.length
}

/** The manifest that a part's entry names. */
export function encodePieces(pieces: readonly ChunkRef[]): Uint8Array {
  return encodeManifest({ catalog: [], content: pieces })
}

/** A part as a message: its manifest is the body. */
export function encodePart<E>(part: ArchivePart<E>): {
  readonly header: Record<string, unknown>
  readonly body: Uint8Array
} {
  const { entry, archiveBytes, first, pieces } = part
  return { header: { entry, archiveBytes, first }, body: encodePieces(pieces) }
}

/**
 * The part of `work` in a message from elsewhere, or undefined if it is malformed or contradicts itself. Whether
 * its writer may be believed is another question.
 */
export function parsePart(
  work: Digest,
  header: Readonly<Record<string, unknown>>,
  body: Uint8Array,
): ArchivePart | undefined {
  const { archiveBytes, first } = header
  const entry = parseSignedEntry(header['entry'])
  if (entry === undefined || !isCount(archiveBytes) || !isCount(first)) return undefined
  if (archiveBytes > MAX_SHARED_BYTES || entry.origin !== 'upstream') return undefined
  if (entry.version !== partVersion(work, archiveBytes, first)) return undefined
  if (entry.manifestBytes !== body.length) return undefined
  const pieces = decodePieces(entry.manifest, body)
  if (pieces === undefined || totalBytes(pieces) !== entry.contentBytes) return undefined
  const fit = pieces.every(
    ({ bytes }, index) => bytes === pieceBytes(archiveBytes, first + index) && bytes > 0,
  )
  return fit ? { entry, archiveBytes, first, pieces } : undefined
}

/** How long a piece is; not positive behind the end of the archive. */
function pieceBytes(archiveBytes: number, number: number): number {
  return Math.min(PIECE_BYTES, archiveBytes - number * PIECE_BYTES)
}

function decodePieces(manifest: Digest, body: Uint8Array): readonly ChunkRef[] | undefined {
  try {
    const { catalog, content } = decodeManifest(body, manifest)
    const fits = catalog.length === 0 && content.length > 0 && content.length <= MAX_PART_PIECES
    return fits ? content : undefined
  } catch {
    return undefined
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
