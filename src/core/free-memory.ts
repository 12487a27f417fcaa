/**
 * Gives the memory behind some bytes back at once; neither they nor any other view of it may be used again.
 *
 * The collector sees a few small objects where a thread has dropped hundreds of large buffers, and lets some
 * 60 MB a thread pile up before it acts.
 */
export function freeMemory(bytes: Uint8Array): void {
  const { buffer } = bytes
  // Small buffers share memory with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0)
}
