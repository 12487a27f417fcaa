import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DIGEST_BYTES, digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { MAX_CHUNK_BYTES } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'

/** The chunks of segments by their keys (see segment-key.ts). */
export type SegmentNotes = ReadonlyMap<Digest, readonly ChunkRef[]>

/** Milliseconds since the epoch. */
export interface TimeSpan {
  readonly fromMs: number
  readonly toMs: number
}

/*
 * A file of notes, little endian: u32 magic, u32 number of segments, f64 beginning and end of a span of time, which
 * only notes of a restore have; for each segment 32 bytes of key, u32 number of chunks, and for each chunk 32 bytes
 * of digest and u32 plain size; then the SHA-256 of all that.
 */
const MAGIC = 0x73636e31 // "scn1"
const HEADER_BYTES = 24
const SEGMENT_BYTES = DIGEST_BYTES + 4
const CHUNK_BYTES = DIGEST_BYTES + 4

/** Content of some 50 GB has as much; more is not worth remembering. */
const MAX_NOTES_BYTES = 16 * 1024 * 1024
/** A runner has few workspaces; who has more forgets those that were not saved for longest. */
const MAX_NOTES_FILES = 32

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const OTHERS_MAY_WRITE = 0o022

const NO_TIME: TimeSpan = { fromMs: 0, toMs: 0 }
const NO_NOTES = { segments: new Map<Digest, readonly ChunkRef[]>(), span: NO_TIME }

/** Where a restore leaves its notes for packings with the notes at `path`. */
export function restoredNotes(path: string): string {
  return `${path}-restored`
}

/** What was noted at `path`; nothing if it is missing, damaged, or may be somebody else's. */
export function readNotes(path: string): {
  readonly segments: SegmentNotes
  readonly span: TimeSpan
} {
  try {
    return decodeNotes(readOwnFile(path)) ?? NO_NOTES
  } catch {
    return NO_NOTES
  }
}

/** Writes notes, which appear at `path` as a whole or, since they only save time, not at all. */
export function writeNotes(path: string, notes: SegmentNotes, span: TimeSpan = NO_TIME): void {
  const bytes = encodeNotes(notes, span)
  if (bytes.length > MAX_NOTES_BYTES) return
  const temporary = `${path}.${randomUUID()}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE })
    dropOldest(dirname(path))
    try {
      writeFileSync(temporary, bytes, { flag: 'wx', mode: FILE_MODE })
      renameSync(temporary, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  } catch {
    // The next packing reads every file, as this one did.
  }
}

/** Says that the notes at `path` are as they should be, so that they are not the oldest. */
export function keepNotes(path: string): void {
  try {
    const now = new Date()
    utimesSync(path, now, now)
  } catch {
    // They are gone already.
  }
}

function readOwnFile(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    const { size, uid, mode } = fstatSync(fd)
    // Windows tells neither.
    const isOwn =
      process.geteuid === undefined ||
      (uid === process.geteuid() && (mode & OTHERS_MAY_WRITE) === 0)
    return isOwn && size <= MAX_NOTES_BYTES ? readFileSync(fd) : Buffer.alloc(0)
  } finally {
    closeSync(fd)
  }
}

function encodeNotes(notes: SegmentNotes, { fromMs, toMs }: TimeSpan): Buffer {
  let total = HEADER_BYTES + DIGEST_BYTES
  for (const chunks of notes.values()) total += SEGMENT_BYTES + chunks.length * CHUNK_BYTES
  const bytes = Buffer.allocUnsafe(total)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt32LE(notes.size, 4)
  bytes.writeDoubleLE(fromMs, 8)
  bytes.writeDoubleLE(toMs, 16)
  let offset = HEADER_BYTES
  for (const [key, chunks] of notes) {
    bytes.write(key, offset, 'hex')
    bytes.writeUInt32LE(chunks.length, offset + DIGEST_BYTES)
    offset += SEGMENT_BYTES
    for (const chunk of chunks) {
      bytes.write(chunk.digest, offset, 'hex')
      bytes.writeUInt32LE(chunk.bytes, offset + DIGEST_BYTES)
      offset += CHUNK_BYTES
    }
  }
  bytes.write(digestOf(bytes.subarray(0, offset)), offset, 'hex')
  return bytes
}

/** Undefined for anything that `encodeNotes` did not write. */
function decodeNotes(bytes: Buffer): { segments: SegmentNotes; span: TimeSpan } | undefined {
  const end = bytes.length - DIGEST_BYTES
  if (end < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined
  if (bytes.toString('hex', end) !== digestOf(bytes.subarray(0, end))) return undefined
  const notes = new Map<Digest, ChunkRef[]>()
  let offset = HEADER_BYTES
  while (offset + SEGMENT_BYTES <= end) {
    const key = bytes.toString('hex', offset, offset + DIGEST_BYTES)
    const count = bytes.readUInt32LE(offset + DIGEST_BYTES)
    offset += SEGMENT_BYTES
    if (offset + count * CHUNK_BYTES > end) return undefined
    const chunks: ChunkRef[] = []
    for (let i = 0; i < count; i += 1) {
      const size = bytes.readUInt32LE(offset + DIGEST_BYTES)
      if (size === 0 || size > MAX_CHUNK_BYTES) return undefined
      chunks.push({ digest: bytes.toString('hex', offset, offset + DIGEST_BYTES), bytes: size })
      offset += CHUNK_BYTES
    }
    notes.set(key, chunks)
  }
  if (offset !== end || notes.size !== bytes.readUInt32LE(4)) return undefined
  const span = { fromMs: bytes.readDoubleLE(8), toMs: bytes.readDoubleLE(16) }
  return { segments: notes, span }
}

/** Makes room for one more. */
function dropOldest(folder: string): void {
  const names = readdirSync(folder)
  if (names.length < MAX_NOTES_FILES) return
  const files = names.map((name) => {
    const path = join(folder, name)
    return { path, time: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }
  })
  files.sort((a, b) => b.time - a.time)
  for (const { path } of files.slice(MAX_NOTES_FILES - 1)) rmSync(path, { force: true })
}
