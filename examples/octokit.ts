// Ask the GitHub API for what any runner of the repository has fetched already: GitHub confirms it for your token,
// at no cost, and only what has changed counts against the quota.
//
//   GITHUB_TOKEN=… SWARMCACHE_KEY=… SWARMCACHE_REPOSITORY=octocat/hello node examples/octokit.ts
import { Octokit } from '@octokit/rest'
import { createSwarmCache } from '../src/index.ts' // in your project: 'swarmcache'

await using cache = await createSwarmCache()
const Client = Octokit.plugin(cache.api.octokit)
const client = new Client({
  auth: process.env['GITHUB_TOKEN'],
  baseUrl: process.env['GITHUB_API_URL'] ?? 'https://api.github.com',
})

const [owner = '', repo = ''] = (process.env['SWARMCACHE_REPOSITORY'] ?? 'octocat/hello').split('/')
const issues = await client.paginate(client.rest.issues.listForRepo, { owner, repo, per_page: 100 })
console.log(`${issues.length} issues`)

// Any other client takes `cache.api.fetch` in place of `fetch`.
const { requests, charged, free, tiers } = cache.api.stats()
console.log(`${requests} requests, ${charged} charged, ${free} free`, tiers)
