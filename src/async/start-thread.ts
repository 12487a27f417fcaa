import { Worker } from 'node:worker_threads'

/** What a thread is sent last: it ends itself when it gets to it. */
export const END_THREAD = 'end'
// Longer than any message takes; a thread that hangs is terminated after all.
const END_MS = 5000

/**
 * Starts a thread from a file beside the one that asks, which gives its own `import.meta.url`.
 *
 * The extension is that of the asking file, so that it works from the sources, from the compiled library
 * and from a bundle that puts all its files in one folder.
 */
export function startThreadBeside(here: string, file: string, workerData?: unknown): Worker {
  const extension = here.slice(here.lastIndexOf('.'))
  return new Worker(new URL(`./${file}${extension}`, here), {
    workerData,
    // Options of the program, such as --input-type, may not fit a file.
    execArgv: [],
  })
}

/**
 * Ends a thread that may be at work, when it is through with its message.
 *
 * Node aborts the whole process when a thread is terminated in the moment in which it makes a zlib stream.
 */
export async function endThread(worker: Worker): Promise<void> {
  if (worker.threadId < 0) return
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.postMessage(END_THREAD)
  const timer = setTimeout(() => void worker.terminate(), END_MS).unref()
  await ended
  clearTimeout(timer)
}
