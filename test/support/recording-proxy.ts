import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** What stands between a node and whoever connects to it, and remembers all that was said. */
export interface RecordingProxy {
  /** The node's address, by way of the proxy. */
  readonly address: string
  /** Every byte that came from the node so far. */
  readonly said: () => Buffer
  /** Every byte that went to the node so far. */
  readonly asked: () => Buffer
}

/** Starts a proxy before the address of a node on loopback. */
export async function startRecordingProxy(
  t: Pick<TestContext, 'after'>,
  address: string,
): Promise<RecordingProxy> {
  const port = Number(/\/tcp\/(\d+)/.exec(address)![1])
  const said: Buffer[] = []
  const asked: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((outside) => {
    const inside = connect(port, '127.0.0.1')
    inside.on('data', (piece: Buffer) => said.push(piece))
    outside.on('data', (piece: Buffer) => asked.push(piece))
    for (const [from, to] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const own = (server.address() as AddressInfo).port
  return {
    address: address.replace(`/tcp/${port}`, `/tcp/${own}`),
    said: () => Buffer.concat(said),
    asked: () => Buffer.concat(asked),
  }
}
