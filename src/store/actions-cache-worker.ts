// The process that runs @actions/cache, which prints to stdout, cannot be cancelled and may throw from timers.
// It is the leader of a process group, so that whoever ends it ends the tar it started as well.
import { rmSync } from 'node:fs'

/** One call of @actions/cache. */
export interface WorkerCall {
  readonly kind: 'lookup' | 'restore' | 'save'
  readonly paths: readonly string[]
  readonly key: string
  readonly restoreKeys: readonly string[]
  readonly crossOs: boolean
  readonly workingDirectory: string
  /** The folder that names in the archive are relative to; the working directory if undefined. */
  readonly workspace: string | undefined
  /** Variables that take the place of the process's own in this call. */
  readonly environment?: Readonly<Record<string, string>>
}

/** How a call ended; `result` is what the client returned, a key or an id. */
export interface WorkerResult {
  readonly available: boolean
  readonly result?: string | number
  readonly error?: string
}

/** What the worker sends: output of the client while it runs, then one result. */
export type WorkerMessage =
  | { readonly output: string }
  | { readonly done: WorkerResult }
  | { readonly crashed: string }

const MAX_OUTPUT_CHARACTERS = 16_384
// One progress line a chunk is all that the client gives with the older protocol; its default is 32 MiB.
const UPLOAD_CHUNK_BYTES = 4 * 1024 * 1024
const CRASH_GRACE_MS = 500

function send(message: WorkerMessage): void {
  if (process.connected) process.send?.(message)
}

const replaced = new Map<string, string | undefined>()

/** Gives this call its own variables, and takes those of the call before away. */
function setEnvironment(own: Readonly<Record<string, string>> = {}): void {
  for (const [name, value] of replaced) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  replaced.clear()
  for (const [name, value] of Object.entries(own)) {
    replaced.set(name, process.env[name])
    process.env[name] = value
  }
}

async function run(call: WorkerCall): Promise<WorkerResult> {
  setEnvironment(call.environment)
  process.chdir(call.workingDirectory)
  if (call.workspace === undefined) delete process.env['GITHUB_WORKSPACE']
  else process.env['GITHUB_WORKSPACE'] = call.workspace
  const client = await import('@actions/cache')
  if (!client.isFeatureAvailable()) return { available: false }
  const paths = [...call.paths]
  if (call.kind === 'save') {
    const options = { uploadChunkSize: UPLOAD_CHUNK_BYTES }
    const result = await client.saveCache(paths, call.key, options, call.crossOs)
    return { available: true, result }
  }
  const options = { lookupOnly: call.kind === 'lookup' }
  const restoreKeys = [...call.restoreKeys]
  const result = await client.restoreCache(paths, call.key, restoreKeys, options, call.crossOs)
  return { available: true, result }
}

function start(): void {
  const write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const output = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
    send({ output: output.slice(0, MAX_OUTPUT_CHARACTERS) })
    const callback = rest.at(-1)
    if (typeof callback === 'function') process.nextTick(callback as () => void)
    return true
  }
  process.stdout.write = write
  process.stderr.write = write

  process.on('uncaughtException', (error: unknown) => {
    const crashed = error instanceof Error ? error.message : String(error)
    // A refused upload throws from a stream too, just before the call ends with the reason.
    setTimeout(() => send({ crashed }), CRASH_GRACE_MS)
  })
  process.on('disconnect', () => {
    try {
      // Made for this process by its parent, which is gone and cannot clean up.
      rmSync(process.env['RUNNER_TEMP'] ?? '', { recursive: true, force: true })
    } finally {
      if (process.platform === 'win32') process.exit()
      process.kill(-process.pid, 'SIGKILL')
    }
  })
  process.on('message', (call: WorkerCall) => {
    run(call).then(
      (done) => send({ done }),
      (error: unknown) => {
        const text = error instanceof Error ? error.message : String(error)
        send({ done: { available: true, error: text } })
      },
    )
  })
}

if (process.send !== undefined && process.env['SWARMCACHE_UPSTREAM_WORKER'] === '1') start()
