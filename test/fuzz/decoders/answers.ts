import fc from 'fast-check'
import {
  parseFindReply,
  parseQuestion,
  questionHeader,
} from '../../../src/api-cache/answer-question.ts'
import type { AnswerQuestion } from '../../../src/api-cache/answer-question.ts'
import { packAnswers, unpackAnswers } from '../../../src/api-cache/answer-pack.ts'
import { decodeAnswer, encodeAnswer } from '../../../src/api-cache/answer-wire.ts'
import type { Answer, FoundAnswer } from '../../../src/api-cache/api-cache.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { bytesOf, COUNT, DIGEST, HEX, NAME, plain } from '../arbitraries.ts'
import type { Decoder, Json } from '../decoder.ts'

type Header = Readonly<Record<string, unknown>>

const QUOTAS = fc.array(
  fc.record({
    host: fc.constantFrom('api.github.com', 'ghe.example:8443'),
    resource: fc.constantFrom('core', 'search'),
    limit: COUNT,
    remaining: COUNT,
    reset: COUNT,
  }),
  { maxLength: 3 },
)
const QUESTION: fc.Arbitrary<AnswerQuestion> = fc.oneof(
  fc.record({ ask: fc.constant('note' as const), quotas: QUOTAS }),
  fc.record({
    ask: fc.constant('send' as const),
    key: DIGEST,
    digest: DIGEST,
    repository: NAME,
    scopes: fc.array(NAME, { maxLength: 3 }),
  }),
  fc.record({
    ask: fc.constant('find' as const),
    key: DIGEST,
    known: fc.array(DIGEST, { maxLength: 3 }),
    repository: NAME,
    scopes: fc.array(NAME, { maxLength: 3 }),
    quotas: QUOTAS,
  }),
)
const ANSWER: fc.Arbitrary<Answer> = fc
  .record({
    key: DIGEST,
    repository: NAME,
    scope: NAME,
    headers: fc.constant({ 'content-type': 'application/json', etag: '"abc"' }),
    body: fc.uint8Array({ maxLength: 60 }),
    byFormula: fc.boolean(),
    shared: fc.boolean(),
    received: COUNT,
    validated: COUNT,
  })
  .map((answer) => ({ ...answer, digest: digestOf(answer.body) }))

function headerOf(value: unknown): Header {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Header)
    : {}
}

export const ANSWERS: readonly Decoder[] = [
  {
    name: 'answer-question',
    valid: QUESTION.map((question) => plain(questionHeader(question))),
    refuses: [],
    decode: (value: Json) => parseQuestion(headerOf(value)),
    encode: (question: AnswerQuestion) => plain(questionHeader(question)),
  },
  {
    name: 'answer-reply',
    valid: fc
      .record({
        held: fc.array(fc.record({ digest: DIGEST, bytes: fc.nat(9999), validated: COUNT }), {
          maxLength: 3,
        }),
        quotas: QUOTAS,
      })
      .map(plain),
    refuses: [],
    decode: (value: Json) => parseFindReply(headerOf(value)),
    encode: plain,
  },
  {
    name: 'api-answer',
    valid: fc.record({ answer: ANSWER, more: HEX({ max: 0 }) }).map(({ answer }) => {
      const { header, body } = encodeAnswer(answer)
      return plain({ header, body: Buffer.from(body).toString('hex') })
    }),
    refuses: [],
    decode(value: Json) {
      const { header, body } = headerOf(value)
      return decodeAnswer(header, bytesOf(body))
    },
    encode(answer: Answer) {
      const { header, body } = encodeAnswer(answer)
      return plain({ header, body: Buffer.from(body).toString('hex') })
    },
    repair(value: Json) {
      const { header, body } = headerOf(value)
      return plain({ header: { ...headerOf(header), digest: digestOf(bytesOf(body)) }, body })
    },
  },
  {
    name: 'answer-pack',
    valid: fc
      .array(
        fc.record({ answer: ANSWER, tier: fc.constantFrom('memory' as const, 'disk' as const) }),
        {
          maxLength: 3,
        },
      )
      .map((found) => Buffer.from(packAnswers(found))),
    refuses: [],
    decode: unpackAnswers,
    encode: (found: FoundAnswer[]) => packAnswers(found),
  },
]
