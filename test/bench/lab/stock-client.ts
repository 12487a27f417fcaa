import { resolve } from 'node:path'
import { RunningProgram, runProgram } from './program.ts'
import type { LabNamespace } from './network.ts'

/** A server for the stock client in a process of its own. */
export interface CacheServer extends AsyncDisposable {
  /** What a client of it needs in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** Bytes of archives that it has received and sent. */
  moved(): Promise<{ readonly up: number; readonly down: number }>
}

const SERVER = resolve(import.meta.dirname, 'cache-server-process.ts')
const CLIENT = resolve(import.meta.dirname, 'stock-client-process.ts')

/** Starts the server on loopback, or on a host of a lab network. */
export async function startCacheServer(
  signal: AbortSignal,
  host?: LabNamespace,
): Promise<CacheServer> {
  const args = host === undefined ? [SERVER] : [SERVER, host.address]
  const server = new RunningProgram(process.execPath, args, {
    env: {},
    namespace: host?.namespace,
    signal,
  })
  const lines = server.lines()
  const first = await lines.next()
  if (first.done === true) throw server.failure('did not start')
  const { url } = JSON.parse(first.value) as { url: string }
  return {
    env: {
      ACTIONS_CACHE_SERVICE_V2: 'True',
      ACTIONS_RESULTS_URL: url,
      ACTIONS_CACHE_URL: url,
      ACTIONS_RUNTIME_TOKEN: 'bench',
      // Without it the client takes the protocol of older servers.
      GITHUB_SERVER_URL: 'https://github.com',
    },
    moved: async () => {
      server.send({})
      const line = await lines.next()
      if (line.done === true) throw server.failure('has ended')
      return JSON.parse(line.value) as { up: number; down: number }
    },
    [Symbol.asyncDispose]: async () => await server.stop(),
  }
}

/** Runs the stock client as a step of a job does, its temporary files in `temporary`; seconds from start to end. */
export async function runStockClient(
  server: CacheServer,
  args: readonly string[],
  where: { cwd: string; temporary: string; host?: LabNamespace; signal: AbortSignal },
): Promise<{ readonly seconds: number; readonly output: string }> {
  const { cwd, temporary, host, signal } = where
  return await runProgram(process.execPath, [CLIENT, ...args], {
    cwd,
    env: {
      ...server.env,
      GITHUB_WORKSPACE: cwd,
      RUNNER_TEMP: temporary,
      TMPDIR: temporary,
    },
    namespace: host?.namespace,
    signal,
  })
}
