import { MemoryShelf } from '../../src/api-cache/memory-shelf.ts'
import { QuotaBoard } from '../../src/api-cache/quota-board.ts'
import { TieredAnswers } from '../../src/api-cache/tiered-answers.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { MemberAnswers } from '../../src/node/member-answers.ts'

/** Answers of the API in memory alone, for members that are about something else. */
export function ownAnswers(): MemberAnswers {
  const tiers = new TieredAnswers({ memory: new MemoryShelf(), logger: silentLogger })
  return new MemberAnswers({ tiers, quota: new QuotaBoard(), services: [] })
}
