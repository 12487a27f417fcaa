import { channel } from 'node:diagnostics_channel'
import type { PeerId } from './peer.ts'
import type { Tier } from './chunk.ts'

/** What happens in a node, for metrics, dashboards and progress; publishing costs nothing without a subscriber. */
export interface Events {
  'peer:connected': { readonly peerId: PeerId }
  'peer:disconnected': { readonly peerId: PeerId }
  /** A connection that did not prove membership. */
  'peer:refused': { readonly address: string; readonly reason: string }
  /** A peer that misbehaved is refused for so long. */
  'peer:banned': {
    readonly peerId: PeerId
    readonly reason: string
    readonly milliseconds: number
  }
  'peer:failed': { readonly peerId: PeerId; readonly reason: string }
  /** Bytes of verified chunks received from a tier, as stored and sent. */
  'chunks:received': { readonly tier: Tier; readonly bytes: number; readonly peerId?: PeerId }
  'chunks:sent': { readonly bytes: number; readonly peerId: PeerId }
  'chunk:corrupt': { readonly digest: string; readonly where: string }
}

/** Tells the subscribers of `name`. */
export function publish<N extends keyof Events>(name: N, event: Events[N]): void {
  const subject = channel(`swarmcache:${name}`)
  if (subject.hasSubscribers) subject.publish(event)
}

/** Calls `listener` for every `name` until the returned function is called. */
export function subscribe<N extends keyof Events>(
  name: N,
  listener: (event: Events[N]) => void,
): () => void {
  const subject = channel(`swarmcache:${name}`)
  const onMessage = (message: unknown): void => listener(message as Events[N])
  subject.subscribe(onMessage)
  return () => {
    subject.unsubscribe(onMessage)
  }
}
