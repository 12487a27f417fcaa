// One frame is always under way; the others of the crowd keep the link busy until the reader has said that it took it.
const MIN_WINDOW_BYTES = 64 * 1024
const MAX_WINDOW_BYTES = 8 * 1024 * 1024
// The window is what the reader takes in the time that a frame needs at best, and this much more: what waits for the
// link longer is sent in vain too often.
const QUEUE_MS = 80
const RATE_WEIGHT = 0.25
// What a frame that is still being read counts for.
const USUAL_FRAME_BYTES = 128 * 1024

/**
 * How much may be on its way to one reader of a crowd.
 *
 * The system takes megabytes for a connection before it makes its sender wait. In a crowd that would be chunks chosen
 * long before they leave: others have them by then, and who withdraws them gets them all the same. So the reader
 * says what it has taken, and what is on its way stays within what it takes in a moment.
 */
export class SendWindow {
  readonly #now: () => number
  /** What was sent and not taken, the oldest first. */
  readonly #sent: { bytes: number; readonly at: number }[] = []
  #sentBytes = 0
  #since = 0
  #bytesPerMs = 0
  #leastMs = Infinity

  constructor(now: () => number) {
    this.#now = now
  }

  /** True if the next frame may be sent while so many others are about to be. */
  isOpen(framesBefore: number): boolean {
    const bytes = this.#sentBytes + framesBefore * USUAL_FRAME_BYTES
    return bytes < Math.min(MAX_WINDOW_BYTES, Math.max(MIN_WINDOW_BYTES, this.#worthBytes))
  }

  sent(bytes: number): void {
    const at = this.#now()
    if (this.#sentBytes === 0) this.#since = at
    this.#sent.push({ bytes, at })
    this.#sentBytes += bytes
  }

  /** The reader has taken so many bytes; false if they are more than were on their way. */
  taken(bytes: number): boolean {
    if (bytes > this.#sentBytes) return false
    const now = this.#now()
    this.#sentBytes -= bytes
    let left = bytes
    for (let oldest = this.#sent[0]; oldest !== undefined && left > 0; oldest = this.#sent[0]) {
      const part = Math.min(left, oldest.bytes)
      left -= part
      oldest.bytes -= part
      if (oldest.bytes > 0) break
      this.#sent.shift()
      this.#leastMs = Math.min(this.#leastMs, now - oldest.at)
    }
    this.#bytesPerMs += RATE_WEIGHT * (bytes / Math.max(1, now - this.#since) - this.#bytesPerMs)
    this.#since = now
    return true
  }

  get #worthBytes(): number {
    return this.#leastMs === Infinity ? 0 : this.#bytesPerMs * (this.#leastMs + QUEUE_MS)
  }
}
