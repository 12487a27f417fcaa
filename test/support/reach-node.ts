import { connectToNode } from '../../src/node/control-client.ts'
import type { RemoteNode, RemoteNodeOptions } from '../../src/node/control-client.ts'
import { eventually } from './eventually.ts'

/** The node of a home that has one; a busy machine may need more than one attempt. */
export async function reachNode(home: string, options?: RemoteNodeOptions): Promise<RemoteNode> {
  let node: RemoteNode | undefined
  await eventually('a connection to the node', async () => {
    node = await connectToNode(home, options)
    return node !== undefined
  })
  return node!
}
