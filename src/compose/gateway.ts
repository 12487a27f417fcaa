import type { Config } from '../config.ts'
import type { Logger } from '../core/logger.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Node } from '../node/node.ts'
import { composeApiCache } from './answers.ts'

/** The HTTP door of a node, listening; undefined where none is asked for. */
export async function startGateway(
  config: Config,
  logger: Logger,
  node: Pick<Node, 'answers'>,
): Promise<Pick<Gateway, 'url' | 'stop'> | undefined> {
  if (config.http === undefined) return undefined
  const [{ HttpGateway }, { GithubApiRoute }] = await Promise.all([
    import('../gateway/http-gateway.ts'),
    import('../gateway/github-api-route.ts'),
  ])
  const api = await composeApiCache(config, logger, { node, request: config.request })
  const routes = [new GithubApiRoute({ cache: api.cache }, { apiUrl: config.github.apiUrl })]
  const gateway = new HttpGateway({ routes, logger: logger.scoped('http') }, config.http)
  await gateway.start()
  return {
    url: gateway.url,
    stop: async () => {
      await gateway.stop()
      await api.stop()
    },
  }
}
