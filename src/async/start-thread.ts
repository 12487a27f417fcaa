import { Worker } from 'node:worker_threads'

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
