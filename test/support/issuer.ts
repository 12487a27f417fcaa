import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey, GenerateKeyPairResult, JWK, JWTPayload } from 'jose'
import { silentLogger } from '../../src/core/logger.ts'
import type { PeerId } from '../../src/core/peer.ts'
import { IssuerVerifier } from '../../src/identity/issuer-verifier.ts'
import { SwarmVerifier } from '../../src/identity/swarm-verifier.ts'
import type { TokenVerifier } from '../../src/identity/identity.ts'
import { tokenAudience } from '../../src/identity/identity.ts'
import { RunnerTokenSource } from '../../src/identity/token-sources.ts'

/** Claims of a push to main of octocat/hello, as GitHub makes them. */
export const RUN_CLAIMS: Readonly<Record<string, string>> = {
  sub: 'repo:octocat/hello:ref:refs/heads/main',
  repository: 'octocat/hello',
  repository_id: '1296269',
  repository_owner: 'octocat',
  repository_owner_id: '583231',
  repository_visibility: 'private',
  ref: 'refs/heads/main',
  ref_type: 'branch',
  event_name: 'push',
  workflow_ref: 'octocat/hello/.github/workflows/ci.yml@refs/heads/main',
  run_id: '7',
  run_attempt: '1',
  sha: '7fd1a60b01f91b314f59955a4e4d4e80d8edf11d',
  actor: 'octocat',
  base_ref: '',
}

interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

// Making one takes a tenth of a second; two issuers of a test, or two keys of an issuer, still differ.
const KEY_PAIRS = 4
const keyPairs: Promise<GenerateKeyPairResult>[] = []
let keysTaken = 0

function nextKeyPair(): Promise<GenerateKeyPairResult> {
  const place = keysTaken++ % KEY_PAIRS
  keyPairs[place] ??= generateKeyPair('RS256', { extractable: true })
  return keyPairs[place]
}

/** How a token differs from an ordinary one. */
export interface TokenOptions {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  /** Milliseconds from now. */
  readonly issuedInMs?: number
  readonly lifetimeMs?: number
}

/** An issuer of ID tokens on loopback, with keys, discovery, and the endpoint that runners ask for tokens. */
export class TestIssuer {
  /** Paths that were asked for, in order. */
  readonly asked: string[] = []
  /** Status to answer everything with, while the issuer is down. */
  downWith: number | undefined
  lifetimeMs: number = 5 * 60_000
  readonly #server: Server
  readonly #jobs = new Map<string, Readonly<Record<string, string>>>()
  #keys: SigningKey[] = []

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(t: Pick<TestContext, 'after'>): Promise<TestIssuer> {
    const issuer = new TestIssuer()
    await issuer.rotate()
    issuer.#server.listen(0, '127.0.0.1')
    await once(issuer.#server, 'listening')
    t.after(() => {
      issuer.#server.closeAllConnections()
      issuer.#server.close()
    })
    return issuer
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The public key that signs now, as it is listed. */
  get publicKey(): JWK {
    return this.#keys[0]!.jwk
  }

  get privateKey(): CryptoKey {
    return this.#keys[0]!.privateKey
  }

  /** Signs with a new key, and lists only that one. */
  async rotate(): Promise<void> {
    const { privateKey, publicKey } = await nextKeyPair()
    const kid = randomUUID()
    const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }
    this.#keys = [{ kid, privateKey, jwk }]
  }

  /** A token for a peer. */
  async token(peerId: PeerId, options: TokenOptions = {}): Promise<string> {
    return await this.sign(
      { ...RUN_CLAIMS, aud: tokenAudience(peerId), ...options.claims },
      options,
    )
  }

  /** A token with these claims. */
  async sign(
    claims: Readonly<Record<string, unknown>>,
    { header, issuedInMs = 0, lifetimeMs = this.lifetimeMs }: TokenOptions = {},
  ): Promise<string> {
    const { kid, privateKey } = this.#keys[0]!
    const iat = (Date.now() + issuedInMs) / 1000
    const times = { iat, nbf: iat, exp: iat + lifetimeMs / 1000 }
    const payload = { iss: this.url, jti: randomUUID(), ...times, ...claims } as JWTPayload
    return await new SignJWT(payload)
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid, ...header })
      .sign(privateKey)
  }

  /** What the runner gives to a job with the permission `id-token: write`. */
  job(claims: Readonly<Record<string, string>> = {}): { url: string; secret: string } {
    const secret = randomUUID()
    this.#jobs.set(secret, { ...RUN_CLAIMS, ...claims })
    return { url: `${this.url}/token?api-version=2.0`, secret }
  }

  /** Everything that a member in a job of this issuer proves itself with. */
  proofs(
    claims: Readonly<Record<string, string>> = {},
    required = true,
  ): { source: RunnerTokenSource; verifier: TokenVerifier; required: boolean } {
    const { repository_id: repositoryId } = { ...RUN_CLAIMS, ...claims }
    const verifier = new SwarmVerifier(
      { verifier: new IssuerVerifier({ logger: silentLogger }, { issuers: [this.url] }) },
      { repositoryId: repositoryId! },
    )
    return { source: new RunnerTokenSource({}, this.job(claims)), verifier, required }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.url)
    this.asked.push(pathname)
    const answer = this.downWith ?? (await this.#content(pathname, searchParams, request))
    if (typeof answer === 'number') {
      response.writeHead(answer).end()
      return
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  }

  async #content(
    path: string,
    query: URLSearchParams,
    request: IncomingMessage,
  ): Promise<object | number> {
    if (path === '/.well-known/openid-configuration') {
      return {
        issuer: this.url,
        jwks_uri: `${this.url}/.well-known/jwks`,
        id_token_signing_alg_values_supported: ['RS256'],
      }
    }
    if (path === '/.well-known/jwks') return { keys: this.#keys.map(({ jwk }) => jwk) }
    const [, secret] = /^bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
    const claims = this.#jobs.get(secret ?? '')
    if (path !== '/token' || claims === undefined) return 401
    const value = await this.sign({ ...claims, aud: query.get('audience') ?? 'https://github.com' })
    return { value }
  }
}

/** The claims of a token under another header and signature. */
export function resign(
  token: string,
  header: Readonly<Record<string, unknown>>,
  sign: (text: string) => string,
): string {
  const [, payload] = token.split('.')
  const text = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`
  return `${text}.${sign(text)}`
}
