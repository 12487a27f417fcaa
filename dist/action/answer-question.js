import { n as isDigest } from "./digest.js";
import { t as MAX_ANSWER_BYTES } from "./answer-wire.js";
// src/api-cache/answer-question.ts
/**
* One question and one reply on a stream of its own, as messages.
*
* `{find: key, repository, scopes, known, quotas}` is answered with `{held: [{digest, bytes, validated}], quotas}`, and
* if the newest of them is small, with that one: `sent` (the header of answer-wire.ts), its bytes as the body.
* `{send: key, digest, repository, scopes}` is answered with `{sent}` and the body, or `{none: true}`.
* `{quotas}` is answered with `{noted: true}`. `{busy: true}` refuses.
*
* Quotas are those of the repository alone: `{host, resource, limit, remaining, reset}`. Nothing of this holds a
* token or a hash of one.
*/
const ANSWERS_PROTOCOL = "/swarmcache/answers/1", INLINE_BYTES = 16384, QUESTION_LIMITS = {
	headerBytes: 32768,
	bodyBytes: 0
}, HEADER_BYTES = 262144, REPLY_LIMITS = {
	headerBytes: HEADER_BYTES,
	bodyBytes: INLINE_BYTES
}, SENT_LIMITS = {
	headerBytes: HEADER_BYTES,
	bodyBytes: MAX_ANSWER_BYTES
};
/** The question in a header from a peer, or undefined if it is malformed or over a bound. */
function parseQuestion(header) {
	let { find, send, digest, repository, scopes, known } = header;
	if (find === void 0 && send === void 0) {
		let quotas = parseQuotas(header.quotas);
		return quotas === void 0 ? void 0 : {
			ask: "note",
			quotas
		};
	}
	if (!isName(repository) || !isListOf(scopes, 10, isName)) return;
	if (isDigest(send)) return isDigest(digest) ? {
		ask: "send",
		key: send,
		digest,
		repository,
		scopes
	} : void 0;
	let quotas = parseQuotas(header.quotas);
	if (isDigest(find) && quotas !== void 0 && isListOf(known, 16, isDigest)) return {
		ask: "find",
		key: find,
		known,
		repository,
		scopes,
		quotas
	};
}
/** A question as a header. */
function questionHeader(question) {
	if (question.ask === "note") return { quotas: question.quotas };
	let { ask, key, ...rest } = question;
	return {
		[ask]: key,
		...rest
	};
}
/** The reply to `find` in a header from a peer, or undefined if it is malformed or over a bound. */
function parseFindReply(header) {
	let { held, sent } = header, quotas = parseQuotas(header.quotas);
	if (quotas !== void 0 && isListOf(held, 8, isHeld)) return {
		held,
		sent,
		quotas
	};
}
/** Quotas from a peer, or undefined if they are malformed; whether they can be true is not looked at. */
function parseQuotas(value) {
	return isListOf(value, 8, isToldQuota) ? value : void 0;
}
function isToldQuota(value) {
	if (typeof value != "object" || !value) return !1;
	let { host, resource, limit, remaining, reset } = value;
	return typeof host == "string" && /^[a-z0-9.:[\]-]{1,255}$/.test(host) && typeof resource == "string" && /^[a-z_]{1,64}$/.test(resource) && [
		limit,
		remaining,
		reset
	].every(isCount);
}
function isHeld(value) {
	if (typeof value != "object" || !value) return !1;
	let { digest, bytes, validated } = value;
	return isDigest(digest) && isCount(bytes) && bytes <= 4194304 && isCount(validated);
}
function isListOf(value, atMost, isItem) {
	return Array.isArray(value) && value.length <= atMost && value.every(isItem);
}
function isName(value) {
	return typeof value == "string" && value.length > 0 && value.length <= 1024;
}
function isCount(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
export { SENT_LIMITS as a, questionHeader as c, REPLY_LIMITS as i, INLINE_BYTES as n, parseFindReply as o, QUESTION_LIMITS as r, parseQuestion as s, ANSWERS_PROTOCOL as t };
