import { n as isDigest, t as digestOf } from "./digest.js";
// src/api-cache/answer-headers.ts
const SHARED_NAMES = [
	"content-type",
	"link",
	"last-modified",
	"vary",
	"cache-control",
	"content-language",
	"deprecation",
	"sunset",
	"x-github-media-type",
	"x-github-api-version-selected",
	"x-poll-interval"
], FRAMING = [
	"content-encoding",
	"content-length",
	"transfer-encoding",
	"connection",
	"keep-alive"
], PRINTABLE = /^[\x20-\x7e]*$/;
/** The headers of a 200 that are kept with its body. */
function sharedHeaders(headers) {
	return checkSharedHeaders(Object.fromEntries(headers)) ?? {};
}
/** Those of `values` (from a response, a store or a peer) that may be kept; undefined if one is malformed. */
function checkSharedHeaders(values) {
	let kept = {};
	for (let name of SHARED_NAMES) {
		let value = values[name];
		if (value !== void 0) {
			if (typeof value != "string" || value.length > 8192 || !PRINTABLE.test(value)) return;
			kept[name] = value;
		}
	}
	return kept;
}
/** The headers of an answer whose bytes are at hand: all that came, but what described the transport. */
function receivedHeaders(headers, bodyBytes) {
	let result = new Headers(headers);
	for (let name of FRAMING) result.delete(name);
	return result.set("content-length", String(bodyBytes)), result;
}
/** The headers of a stored answer: fresh ones where GitHub just sent some, kept ones for the rest. */
function storedHeaders(answer, url, fresh = new Headers()) {
	let result = receivedHeaders(fresh, answer.body.length);
	for (let [name, value] of Object.entries(answer.headers)) if (name === "content-type") result.set(name, value);
	else if (name === "link" && !linksWithin(value, url.origin)) continue;
	else result.has(name) || result.set(name, value);
	return result;
}
/**
* The URL of the page after this one, if only that can tell whether there is one; else undefined.
*
* GitHub's 304 says nothing about links, and a page that was full without a next one stays the same when the list
* grows.
*/
function doubtfulNextPage(answer, url, fresh) {
	if (fresh.has("link") || /\brel="?next\b/.test(answer.headers.link ?? "")) return;
	let perPage = Math.min(numberIn(url, "per_page", 30), 100);
	if (listLength(answer.body) !== perPage) return;
	let next = new URL(url);
	return next.searchParams.set("page", String(numberIn(url, "page", 1) + 1)), next;
}
/** The number of items if `body` is a JSON list. */
function listLength(body) {
	if (body[0] === 91) try {
		let value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
		return Array.isArray(value) ? value.length : void 0;
	} catch {
		return;
	}
}
/** A client sends its token to where a link points, and what is kept may come from a peer. */
function linksWithin(link, origin) {
	return [...link.matchAll(/<([^>]*)>/g)].every(([, target = ""]) => URL.canParse(target) && new URL(target).origin === origin);
}
function numberIn(url, name, otherwise) {
	let value = Number(url.searchParams.get(name) ?? otherwise);
	return Number.isSafeInteger(value) && value > 0 ? value : otherwise;
}
// src/api-cache/answer-wire.ts
/** The largest body that is kept, so that readers can bound what they accept. */
const MAX_ANSWER_BYTES = 4194304;
/** The answer as `decodeAnswer` reads it. */
function encodeAnswer(answer) {
	let { body, ...rest } = answer;
	return {
		header: {
			answer: 1,
			...rest
		},
		body
	};
}
/**
* The answer that a header (parsed JSON from a peer or a store) and a body make; undefined if they are malformed, of
* another version, or the body is not the one of its digest.
*/
function decodeAnswer(header, body) {
	if (typeof header != "object" || !header || body.length > 4194304) return;
	let v = header, { key, digest, repository, scope, byFormula, shared, received, validated } = v;
	if (v.answer !== 1 || !isDigest(key) || !isDigest(digest) || !isName(repository) || !isName(scope) || typeof byFormula != "boolean" || typeof shared != "boolean" || !isTime(received) || !isTime(validated) || typeof v.headers != "object" || v.headers === null) return;
	let headers = checkSharedHeaders(v.headers);
	if (headers !== void 0 && digestOf(body) === digest) return {
		key,
		repository,
		scope,
		headers,
		body,
		digest,
		byFormula,
		shared,
		received,
		validated
	};
}
function isName(value) {
	return typeof value == "string" && value.length > 0 && value.length <= 1024;
}
function isTime(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
export { listLength as a, storedHeaders as c, doubtfulNextPage as i, decodeAnswer as n, receivedHeaders as o, encodeAnswer as r, sharedHeaders as s, MAX_ANSWER_BYTES as t };
