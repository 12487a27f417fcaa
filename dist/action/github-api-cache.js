import { a as withDeadline, n as pause, t as abortable } from "./deadline.js";
import { t as digestOf } from "./digest.js";
import { i as inputError, r as errorMessage } from "./errors.js";
import { a as listLength, c as storedHeaders, i as doubtfulNextPage, o as receivedHeaders, s as sharedHeaders, t as MAX_ANSWER_BYTES } from "./answer-wire.js";
import { t as Limit } from "./limit.js";
import { t as I } from "./index.min.js";
import { createHash } from "node:crypto";
/**
* The ETag (without quotes) that GitHub gives to `body` for a request with these headers, as far as Vary names them.
*
* SHA-256 over Accept, Authorization and Cookie, each that was sent with a colon behind it, and the body before
* compression. GitHub does not document this; it was found out by
* https://github.com/bored-engineer/github-conditional-http-transport.
*/
function expectedEtag(sent, vary, body) {
	let named = vary?.split(",").map((name) => name.trim().toLowerCase()), counts = (name) => named === void 0 || named.includes("*") || named.includes(name), hash = createHash("sha256");
	for (let name of [
		"accept",
		"authorization",
		"cookie"
	]) {
		let value = sent[name];
		value !== void 0 && counts(name) && hash.update(`${value}:`);
	}
	return hash.update(body).digest("hex");
}
/** What stands between the quotes of an ETag, strong or weak; undefined if it is none. */
function opaqueTag(etag) {
	return /^(?:W\/)?"([^"]*)"$/.exec(etag ?? "")?.[1];
}
/** Knows for each host whether its ETags follow the formula, from every answer that brings one. */
var FormulaWatch = class {
	#logger;
	/** Matches since the last mismatch as positive numbers, mismatches since the last match as negative ones. */
	#streaks = /* @__PURE__ */ new Map();
	#off = /* @__PURE__ */ new Set();
	constructor({ logger }) {
		this.#logger = logger;
	}
	holds(host) {
		return !this.#off.has(host);
	}
	/** Takes in one ETag; `matchedBefore` says that the same request had one that followed the formula. */
	saw(host, matched, matchedBefore) {
		let streak = this.#streaks.get(host) ?? 0, next = matched ? Math.max(0, streak) + 1 : Math.min(0, streak) - 1;
		if (this.#streaks.set(host, next), this.#off.has(host)) next >= 5 && (this.#off.delete(host), this.#logger.log("notice", `The ETags of ${host} follow the formula again.`));
		else {
			if (matched || !matchedBefore && next > -3) return;
			this.#off.add(host), this.#logger.log("notice", `The ETags of ${host} no longer follow the formula that lets tokens share answers. Answers stay right, but each token now pays for its own first request.`);
		}
	}
}, AnswerLedger = class {
	#parts;
	#sharePersonal;
	constructor(parts, { sharePersonal }) {
		this.#parts = parts, this.#sharePersonal = sharePersonal;
	}
	/** What is stored for a request; a fault of the store is nothing. */
	async find(request, options = {}) {
		let { tiers, scope } = this.#parts, { key, signal } = request;
		if (scope.readRefused !== void 0) return [];
		try {
			return await tiers.find(key, scope, {
				...options,
				signal
			});
		} catch (error) {
			return signal?.throwIfAborted(), this.#log(`Stored answers cannot be read: ${errorMessage(error)}`), [];
		}
	}
	/** What this token was given within `maxMs`, as far as it is found. */
	staleOf(request, found, maxMs) {
		let right = this.rightWithin(request, maxMs), { answer, tier } = found.find(({ answer: { digest } }) => digest === right?.digest) ?? {};
		if (right === void 0 || answer === void 0 || tier === void 0) return;
		let ageSeconds = Math.max(0, Math.round((Date.now() - right.at) / 1e3)), headers = storedHeaders(answer, request.url);
		headers.set("etag", right.etag), headers.set("age", String(ageSeconds)), headers.set("warning", "110 swarmcache \"Response is Stale\"");
		let by = {
			by: "hit",
			ageSeconds,
			detail: tier
		};
		return {
			answer: reply(request, answer, headers),
			by
		};
	}
	/** GitHub's word that this token may have an answer, if it is not older. */
	rightWithin(request, maxMs) {
		let right = this.#parts.rights.get(request.key, request.credential);
		return right !== void 0 && Date.now() - right.at < maxMs ? right : void 0;
	}
	/** Gives the answer that GitHub has confirmed with a 304. */
	async confirm(request, condition, fresh, sentAt) {
		let { rights, scope } = this.#parts, { found, etag } = condition, answer = found?.answer ?? {
			key: request.key,
			repository: scope.repository,
			scope: scope.scope,
			headers: {
				...sharedHeaders(fresh),
				"content-type": "application/json; charset=utf-8"
			},
			body: condition.body,
			digest: digestOf(condition.body),
			byFormula: !0,
			shared: this.#isShared(request),
			received: sentAt,
			validated: 0
		}, headers = storedHeaders(answer, request.url, fresh);
		headers.has("etag") || headers.set("etag", etag), rights.grant(request.key, request.credential, {
			digest: answer.digest,
			etag,
			at: sentAt
		});
		let shared = answer.shared || this.#isShared(request);
		(sentAt - answer.validated >= 1e4 || shared !== answer.shared || found?.tier !== "memory") && await this.#put({
			...answer,
			shared,
			validated: sentAt
		});
		let by = found === void 0 ? {
			by: "uri-miss",
			status: 304,
			detail: "empty-list"
		} : {
			by: "stale",
			status: 304,
			detail: found.tier
		};
		return {
			answer: reply(request, answer, headers),
			by
		};
	}
	/** Keeps an answer that GitHub sent; `compared` is what it was asked to compare with. */
	async keep(request, response, found, sentAt, compared) {
		let { formula, rights, scope } = this.#parts, { key, credential, url } = request, { body, headers } = response, digest = digestOf(body), etag = headers.get("etag") ?? "", vary = headers.get("vary") ?? void 0, byFormula = opaqueTag(etag) === expectedEtag(request.sent, vary, body);
		formula.saw(url.host, byFormula, found.some(({ answer }) => answer.byFormula));
		let own = rights.get(key, credential);
		compared !== void 0 && own?.digest === digest ? rights.sawViews(key, !0) : found.some(({ answer }) => answer.digest === digest) && rights.sawViews(key, !1), rights.grant(key, credential, {
			digest,
			etag,
			at: sentAt
		}), await this.#put({
			key,
			repository: scope.repository,
			scope: scope.scope,
			headers: sharedHeaders(headers),
			body,
			digest,
			byFormula,
			shared: this.#isShared(request),
			received: sentAt,
			validated: sentAt
		});
	}
	/** Ends the right to what GitHub gave before it answered with this status. */
	revoke(request, status) {
		let { rights } = this.#parts;
		status === 401 ? rights.revokeAll(request.credential) : rights.revoke(request.key, request.credential);
	}
	#isShared({ token }) {
		return this.#parts.scope.writeRefused === void 0 ? token !== "personal" || this.#sharePersonal : !1;
	}
	async #put(answer) {
		try {
			await this.#parts.tiers.put(answer);
		} catch (error) {
			this.#log(`An answer cannot be stored: ${errorMessage(error)}`);
		}
	}
	#log(message) {
		this.#parts.logger.log("debug", message);
	}
};
function reply({ method, url }, answer, headers) {
	return {
		status: 200,
		statusText: "OK",
		headers,
		body: method === "HEAD" ? /* @__PURE__ */ new Uint8Array() : answer.body,
		url: url.href,
		redirected: !1
	};
}
// src/api-cache/api-counts.ts
/** Counts what becomes of requests. */
var ApiCounts = class {
	#counts = {
		requests: 0,
		charged: 0,
		free: 0,
		collapsed: 0,
		stale: 0,
		failed: 0,
		passed: 0
	};
	#tiers = {
		memory: 0,
		disk: 0,
		shared: 0,
		peers: 0,
		upstream: 0
	};
	add(what) {
		this.#counts[what] += 1;
	}
	from(tier) {
		this.#tiers[tier] += 1;
	}
	stats() {
		let { free, collapsed, stale } = this.#counts;
		return {
			...this.#counts,
			saved: free + collapsed + stale,
			tiers: { ...this.#tiers }
		};
	}
};
// src/api-cache/api-request.ts
const CALLER_CONDITIONS = /^(range|if-none-match|if-modified-since|if-match|if-unmodified-since|if-range)$/, SECRET_PARAMETERS = [
	"access_token",
	"client_secret",
	"token"
], PRETTY_PRINTED_FOR = /curl|wget|safari|firefox/gi;
/** Sorts a call of `fetch`; `apiUrls` are base URLs without a slash at the end. */
function readApiRequest(input, init, apiUrls) {
	let given = input instanceof Request ? input : void 0, text = input instanceof Request ? input.url : input.toString();
	if (!URL.canParse(text)) return { kind: "foreign" };
	let url = new URL(text);
	url.hash = "";
	let base = apiUrls.find((api) => url.href === api || url.href.startsWith(`${api}/`));
	if (base === void 0 || url.username !== "") return { kind: "foreign" };
	let headers = new Headers(init?.headers ?? given?.headers), method = (init?.method ?? given?.method ?? "GET").toUpperCase(), path = url.href.slice(base.length).split("?")[0], pass = (why) => ({
		kind: "passed",
		why,
		payer: {
			url,
			...readCredential(headers)
		}
	});
	if (method !== "GET" && method !== "HEAD") return pass("method");
	if (path === "/rate_limit" || path === "/graphql" || headers.has("x-github-otp") || SECRET_PARAMETERS.some((name) => url.searchParams.has(name))) return pass("bypass");
	if (hasOwnConditions(headers, init?.cache ?? given?.cache)) return pass("request");
	let signal = init?.signal ?? given?.signal ?? void 0;
	return {
		kind: "api",
		request: {
			...apiRequest(method, url, headers),
			signal
		}
	};
}
/** A request for another URL with everything else the same. */
function sameRequestFor(url, { method, headers, signal }) {
	return {
		...apiRequest(method, url, new Headers(headers)),
		signal
	};
}
function apiRequest(method, url, headers) {
	let accept = headers.get("accept") ?? "*/*";
	headers.set("accept", accept);
	let agent = headers.get("user-agent");
	agent !== null && headers.set("user-agent", agent.replace(PRETTY_PRINTED_FOR, otherCase));
	let version = headers.get("x-github-api-version") ?? "";
	return {
		method,
		url,
		headers,
		key: digestOf(JSON.stringify([
			"api answer",
			url.href,
			accept,
			version
		])),
		...readCredential(headers),
		sent: {
			accept,
			authorization: headers.get("authorization") ?? void 0,
			cookie: headers.get("cookie") ?? void 0
		}
	};
}
function hasOwnConditions(headers, cache) {
	return cache !== void 0 && cache !== "default" || /\bno-(store|cache)\b/i.test(headers.get("cache-control") ?? "") ? !0 : [...headers.keys()].some((name) => CALLER_CONDITIONS.test(name));
}
/** Tokens of jobs and Apps start with `ghs_`; all others speak for a person. */
function readCredential(headers) {
	let authorization = headers.get("authorization"), cookie = headers.get("cookie"), credential = digestOf(JSON.stringify([
		"credential",
		authorization,
		cookie
	]));
	return authorization === null && cookie === null ? {
		credential,
		token: "none"
	} : {
		credential,
		token: cookie === null && /^(bearer|token)\s+ghs_/i.test(authorization ?? "") ? "job" : "personal"
	};
}
function otherCase(name) {
	return name.replace(/./g, (letter, at) => at % 2 == 0 ? letter.toLowerCase() : letter.toUpperCase());
}
// src/api-cache/condition.ts
const EMPTY_LIST = Buffer.from("[]");
/** The stored answer that GitHub most likely has for this token, with the ETag that it would have then. */
function chooseCondition(request, found, { right, hasViews, followsFormula }) {
	let own = found.find(({ answer }) => answer.digest === right?.digest), newest = found.filter((other) => other !== own && followsFormula && other.answer.byFormula).reduce((best, other) => laterOf(best, other) ? other : best, void 0), mayHaveChanged = newest !== void 0 && newest.answer.received > (right?.at ?? 0);
	if (own !== void 0 && right !== void 0 && (hasViews || !mayHaveChanged)) return {
		etag: right.etag,
		body: own.answer.body,
		found: own
	};
	if (newest !== void 0) {
		let { headers, body } = newest.answer;
		return {
			etag: quoted(expectedEtag(request.sent, headers.vary, body)),
			body,
			found: newest
		};
	}
	if (followsFormula && request.method === "GET" && /json|\*\/\*/.test(request.sent.accept)) return {
		etag: quoted(expectedEtag(request.sent, void 0, EMPTY_LIST)),
		body: EMPTY_LIST
	};
}
function laterOf(best, other) {
	return best === void 0 || other.answer.validated > best.answer.validated;
}
function quoted(tag) {
	return `"${tag}"`;
}
// src/api-cache/whole-response.ts
const WITHOUT_BODY = [
	204,
	205,
	304
];
/** Reads a response up to `maxBytes`; rejects as its body does, if that breaks off. */
async function readResponse(response, maxBytes) {
	if (Number(response.headers.get("content-length") ?? 0) > maxBytes) return {
		kind: "large",
		response
	};
	let reader = response.body?.getReader(), pieces = [], bytes = 0;
	for (; reader !== void 0;) {
		let next = await reader.read();
		if (next.done) break;
		if (pieces.push(next.value), bytes += next.value.length, bytes > maxBytes) return {
			kind: "large",
			response: makeResponse(continued(pieces, reader), response, response.headers)
		};
	}
	let { status, statusText, headers, url, redirected } = response;
	return {
		kind: "whole",
		response: {
			status,
			statusText,
			headers,
			body: pieces.length === 1 ? pieces[0] : Buffer.concat(pieces),
			url,
			redirected
		}
	};
}
/** A response with another body and other headers, which says that it came from the same place. */
function makeResponse(body, from, headers) {
	let { status, statusText, url, redirected } = from, content = WITHOUT_BODY.includes(status) ? null : body, response = new Response(content, {
		status,
		statusText,
		headers
	});
	return Object.defineProperties(response, {
		url: { value: url },
		redirected: { value: redirected }
	}), response;
}
function continued(pieces, reader) {
	let waiting = [...pieces];
	return new ReadableStream({
		async pull(controller) {
			let first = waiting.shift(), next = first === void 0 ? await reader.read() : {
				done: !1,
				value: first
			};
			next.done ? controller.close() : controller.enqueue(next.value);
		},
		async cancel(reason) {
			await reader.cancel(reason);
		}
	}, { highWaterMark: 0 });
}
// src/api-cache/api-exchange.ts
const UNCHARGED = [
	304,
	401,
	429
];
/** Asks GitHub with one token, with whatever is stored as the condition, and keeps what it says. */
var ApiExchange = class {
	#parts;
	#staleOnErrorMs;
	constructor(parts, { staleOnErrorMs }) {
		this.#parts = parts, this.#staleOnErrorMs = staleOnErrorMs;
	}
	/** What GitHub says to this request. Rejects as the upstream does, or with the signal's reason. */
	async ask(request, send, options = {}) {
		let { limits, ledger } = this.#parts, { follows: nearOnly, holder } = options, found = await ledger.find(request, {
			nearOnly,
			holder
		}), old = () => asStale(ledger.staleOf(request, found, this.#staleOnErrorMs)), refusal = limits.refusal(request);
		if (refusal !== void 0 || limits.isExhausted(request)) {
			let stale = old();
			if (stale !== void 0) return stale;
		}
		if (refusal !== void 0 && !await limits.waitOut(refusal, request.signal)) return {
			kind: "response",
			response: repeated(refusal),
			by: {
				by: "hit",
				detail: "refused-before"
			}
		};
		try {
			let outcome = await this.#exchange(request, send, found, options);
			if (outcome.kind !== "response" || !this.#isDown(request, outcome.response)) return outcome;
			let stale = old();
			return stale !== void 0 && await discard(outcome.response), stale ?? outcome;
		} catch (error) {
			request.signal?.throwIfAborted();
			let stale = old();
			if (stale === void 0) throw error;
			let why = `GitHub cannot be asked (${errorMessage(error)}); giving an older answer`;
			return this.#parts.logger.log("debug", why), stale;
		}
	}
	/** What this token was given within `maxMs`, without asking again. */
	async stale(request, maxMs) {
		let { ledger } = this.#parts;
		if (!(maxMs <= 0 || ledger.rightWithin(request, maxMs) === void 0)) return asStale(ledger.staleOf(request, await ledger.find(request, { nearOnly: !0 }), maxMs));
	}
	async #exchange(request, send, found, options) {
		let { formula, rights } = this.#parts, condition = chooseCondition(request, found, {
			right: rights.get(request.key, request.credential),
			hasViews: rights.hasViews(request.key),
			followsFormula: formula.holds(request.url.host)
		}), sentAt = Date.now(), received = await this.#send(request, send, condition), { response } = received;
		if (response.status !== 304 || condition === void 0) return await this.#take(request, received, found, sentAt, condition?.found);
		if (isFrom(request.url, response) && await this.#isConfirmed(request, send, condition, response.headers, options)) return {
			kind: "answer",
			...await this.#parts.ledger.confirm(request, condition, response.headers, sentAt),
			current: !0
		};
		let againAt = Date.now();
		return await this.#take(request, await this.#send(request, send), found, againAt);
	}
	async #send(request, send, condition) {
		let { limits, counts } = this.#parts;
		condition?.found === void 0 && await limits.space(request);
		let headers = new Headers(request.headers);
		condition !== void 0 && headers.set("if-none-match", condition.etag);
		using _place = await limits.place(request.signal);
		let response = await send(request, headers);
		limits.saw(request, response.headers);
		let { status } = response, received = await readWhole(request, response);
		return (received.kind !== "whole" || limits.sawRefusal(request, received.response) === void 0) && status < 500 && !UNCHARGED.includes(status) && counts.add("charged"), received;
	}
	/** A 304 says that the body is right; whether the links are, too, may take another look. */
	async #isConfirmed(request, send, { etag, found }, fresh, { isProbe = !1 }) {
		let answered = fresh.get("etag");
		if (answered !== null && opaqueTag(answered) !== opaqueTag(etag)) return !1;
		let next = found === void 0 || isProbe ? void 0 : doubtfulNextPage(found.answer, request.url, fresh);
		if (next === void 0) return !0;
		let probed = sameRequestFor(next, {
			...request,
			method: "GET"
		}), probe = await this.ask(probed, send, { isProbe: !0 });
		return probe.kind === "answer" && probe.current && listLength(probe.answer.body) === 0;
	}
	/** Keeps an answer with a body; anything else is handed on as it is, and ends rights that it contradicts. */
	async #take(request, received, found, sentAt, compared) {
		let { response } = received, by = {
			by: found.length === 0 ? "uri-miss" : "stale",
			status: response.status
		};
		if (received.kind === "whole" && isKept(request, received.response)) {
			let answer = received.response;
			return await this.#parts.ledger.keep(request, answer, found, sentAt, compared), {
				kind: "answer",
				answer,
				by: {
					...by,
					stored: !0
				},
				current: !0
			};
		}
		return this.#isDown(request, response) || this.#parts.ledger.revoke(request, response.status), {
			kind: "response",
			response,
			by
		};
	}
	/** GitHub is down, or refuses because of a limit. */
	#isDown(request, response) {
		return response.status >= 500 || this.#parts.limits.refusal(request)?.response === response;
	}
};
/** Reads what is kept, and what may say why GitHub refuses; anything else stays a stream. */
async function readWhole({ method }, response) {
	let { status } = response;
	if (method === "HEAD" || status < 400 && status !== 200 && status !== 304) return {
		kind: "large",
		response
	};
	let received = await readResponse(response, status === 200 ? MAX_ANSWER_BYTES : 65536);
	if (received.kind === "large") return received;
	let { headers, body } = received.response;
	return {
		kind: "whole",
		response: {
			...received.response,
			headers: receivedHeaders(headers, body.length)
		}
	};
}
/** Without an ETag nothing can be compared later. */
function isKept({ method, url }, response) {
	return method === "GET" && response.status === 200 && opaqueTag(response.headers.get("etag")) !== void 0 && isFrom(url, response);
}
/** False after a redirect to another host, whose ETags mean something else. */
function isFrom({ origin }, { url }) {
	return !URL.canParse(url) || new URL(url).origin === origin;
}
/** Frees the connection of an answer that nobody reads. */
async function discard(response) {
	response instanceof Response && await response.body?.cancel();
}
function asStale(given) {
	return given && {
		kind: "answer",
		...given,
		current: !1
	};
}
/** What GitHub said, with what is left of the wait. */
function repeated({ until, response }) {
	let headers = receivedHeaders(response.headers, response.body.length), leftSeconds = Math.ceil((until - Date.now()) / 1e3);
	return headers.has("retry-after") && headers.set("retry-after", String(Math.max(1, leftSeconds))), {
		...response,
		headers
	};
}
// src/api-cache/api-limits.ts
const MAX_REFUSALS = 2e3, DEFAULT_REFUSAL_MS = 6e4;
/** Keeps requests within GitHub's limits, without ever holding one for longer than a bound. */
var ApiLimits = class {
	#parts;
	#maxWaitMs;
	#concurrent = new Limit(40);
	#refusals = new I({ max: MAX_REFUSALS });
	#nextAt = new I({ max: MAX_REFUSALS });
	constructor(parts, { maxWaitMs }) {
		this.#parts = parts, this.#maxWaitMs = maxWaitMs;
	}
	/** A place among the requests under way; after the longest wait without one, too. */
	async place(signal) {
		try {
			return await withDeadline(this.#maxWaitMs, "Other requests", signal, async (ended) => await this.#concurrent.acquire(1, ended));
		} catch {
			return signal?.throwIfAborted(), { [Symbol.dispose]() {} };
		}
	}
	/** GitHub's last refusal to this very token, as long as it holds. */
	refusal(request) {
		let refusal = this.#refusals.get(nameOf$1(request));
		return refusal === void 0 || refusal.until <= Date.now() ? void 0 : refusal;
	}
	/** Waits until a refusal is over; false, at once, if that takes too long. */
	async waitOut(refusal, signal) {
		let leftMs = refusal.until - Date.now();
		return leftMs > this.#maxWaitMs ? !1 : (leftMs > 0 && await pause(leftMs, signal), !0);
	}
	/** True if there is nothing left of the quota, as far as anybody told. */
	isExhausted(request) {
		return this.#quotaOf(request)?.state.remaining === 0;
	}
	/** Waits before a request that will be charged, the longer the less is left. */
	async space(request) {
		let quota = this.#quotaOf(request);
		if (quota === void 0) return;
		let { name, state } = quota;
		if (state.remaining > state.limit * .1) return;
		let now = Date.now(), gapMs = Math.min(2e3, (state.reset - now) / Math.max(1, state.remaining)), at = Math.min(Math.max(now, this.#nextAt.get(name) ?? 0), now + this.#maxWaitMs);
		this.#nextAt.set(name, at + gapMs), at > now && await pause(at - now, request.signal);
	}
	/** Takes in what an answer says of quotas. */
	saw(payer, headers) {
		let state = quotaState(headers);
		if (state === void 0) return;
		let resource = headers.get("x-ratelimit-resource") ?? resourceOf(payer.url), owner = payer.token === "job" && state.limit === 1e3 ? this.#parts.scope.repository : payer.credential;
		this.#parts.quota.saw(`${payer.url.host} ${resource} ${owner}`, state);
	}
	/** Keeps an answer that refuses because of a limit; undefined if it is none. */
	sawRefusal(request, response) {
		let waitMs = refusedForMs(response);
		if (waitMs === void 0) return;
		let refusal = {
			until: Date.now() + Math.min(waitMs, 36e5),
			response
		};
		return this.#refusals.set(nameOf$1(request), refusal), refusal;
	}
	#quotaOf(request) {
		let { quota, scope } = this.#parts, shared = `${request.url.host} ${resourceOf(request.url)} ${scope.repository}`;
		for (let name of request.token === "job" ? [nameOf$1(request), shared] : [nameOf$1(request)]) {
			let state = quota.get(name);
			if (state !== void 0) return {
				name,
				state
			};
		}
	}
};
/**
* For how long GitHub wants to hear nothing of this token; undefined if the answer is no refusal of that kind.
*
* https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
*/
function refusedForMs({ status, headers, body }) {
	if (status !== 403 && status !== 429) return;
	let retryAfter = Number(headers.get("retry-after") ?? NaN);
	if (retryAfter >= 0) return retryAfter * 1e3;
	if (headers.get("x-ratelimit-remaining") === "0") {
		let resetMs = Number(headers.get("x-ratelimit-reset") ?? NaN) * 1e3;
		return Number.isFinite(resetMs) ? Math.max(0, resetMs - Date.now()) : DEFAULT_REFUSAL_MS;
	}
	let saysLimit = /\b(secondary rate|abuse detection|rate limit)\b/i.test(textOf(body));
	return status === 429 || saysLimit ? DEFAULT_REFUSAL_MS : void 0;
}
function quotaState(headers) {
	let numberOf = (name) => {
		let value = headers.get(`x-ratelimit-${name}`);
		return value === null || value === "" ? NaN : Number(value);
	}, [limit, remaining, reset] = [
		numberOf("limit"),
		numberOf("remaining"),
		numberOf("reset")
	];
	if ([
		limit,
		remaining,
		reset
	].every((value) => Number.isSafeInteger(value) && value >= 0)) return {
		limit,
		remaining,
		reset: reset * 1e3,
		seen: Date.now()
	};
}
function nameOf$1({ url, credential }) {
	return `${url.host} ${resourceOf(url)} ${credential}`;
}
/** The quota that a path is charged to, by GitHub's names. */
function resourceOf(url) {
	let path = url.pathname.replace(/^\/api\/v3/, "");
	return path === "/search/code" ? "code_search" : path.startsWith("/search/") ? "search" : "core";
}
function textOf(body) {
	return Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
}
/** The value of the header field `Cache-Status` (RFC 9211). */
function cacheStatus(answered) {
	let parts = ["swarmcache", answered.by === "hit" ? "hit" : `fwd=${answered.by}`];
	return answered.status !== void 0 && parts.push(`fwd-status=${answered.status}`), answered.ageSeconds !== void 0 && parts.push(`ttl=-${answered.ageSeconds}`), answered.stored === !0 && parts.push("stored"), answered.collapsed === !0 && parts.push("collapsed"), answered.detail !== void 0 && parts.push(`detail=${answered.detail}`), parts.join("; ");
}
/** Work of one name that runs once at a time in this process; those who come meanwhile wait for its outcome. */
var LocalTurns = class {
	#running = /* @__PURE__ */ new Map();
	#waitMs;
	/** `waitMs` bounds what one caller waits for others, all together. */
	constructor({ waitMs }) {
		this.#waitMs = waitMs;
	}
	/** Rejects with the signal's reason only. After a failure the next who waits has the turn. */
	async take(name, signal) {
		let end = performance.now() + this.#waitMs;
		for (let failed = 0;; failed += 1) {
			let running = this.#running.get(name);
			if (running === void 0) return this.#start(name);
			let leftMs = end - performance.now();
			if (failed === 2 || leftMs <= 0) return { kind: "alone" };
			let value;
			try {
				value = await withDeadline(leftMs, "The same request", signal, async (ended) => abortable(running, ended));
			} catch {
				return signal?.throwIfAborted(), { kind: "alone" };
			}
			if (value !== void 0) return {
				kind: "done",
				value
			};
		}
	}
	#start(name) {
		let { promise, resolve } = Promise.withResolvers();
		return this.#running.set(name, promise), {
			kind: "mine",
			done: (value) => {
				this.#running.get(name) === promise && this.#running.delete(name), resolve(value);
			}
		};
	}
};
// src/api-cache/rights.ts
const MAX_RIGHTS = 2e4;
/**
* Which token may be given which stored body without asking, because GitHub gave it that very body.
*
* A right is only ever learned from GitHub's own answer to this process, never from a peer or a store, and lost
* with the first answer that speaks against it, whichever of two overtakes the other. Tokens are known by their hash.
*/
var Rights = class {
	#known = new I({ max: MAX_RIGHTS });
	#refusedTokens = new I({ max: MAX_RIGHTS });
	#views = new I({ max: MAX_RIGHTS });
	get(key, credential) {
		let right = this.#known.get(nameOf(key, credential))?.right, refused = this.#refusedTokens.get(credential) ?? 0;
		return right === void 0 || right.at <= refused ? void 0 : right;
	}
	/** Ignored if GitHub refused the same after that request was sent. */
	grant(key, credential, right) {
		let known = this.#known.get(nameOf(key, credential));
		right.at <= (known?.refused ?? 0) || right.at < (known?.right?.at ?? 0) || this.#known.set(nameOf(key, credential), {
			...known,
			right
		});
	}
	/** Whether GitHub was seen to answer tokens differently: then what one got says nothing of a change for others. */
	sawViews(key, differ) {
		differ ? this.#views.set(key, !0) : this.#views.delete(key);
	}
	hasViews(key) {
		return this.#views.has(key);
	}
	revoke(key, credential) {
		this.#known.set(nameOf(key, credential), { refused: Date.now() });
	}
	/** The token itself is no good any more. */
	revokeAll(credential) {
		this.#refusedTokens.set(credential, Date.now());
	}
};
function nameOf(key, credential) {
	return `${credential} ${key}`;
}
// src/api-cache/github-api-cache.ts
const DEFAULT_API_URL = "https://api.github.com";
/** The cache in front of the GitHub API for one job, or for a process that asks with the tokens of others. */
var GitHubApiCache = class {
	fetch;
	#parts;
	#apiUrls;
	#maxStaleMs;
	#sharePersonal;
	#counts = new ApiCounts();
	#formula;
	#limits;
	#exchange;
	/** Requests with the same token get one answer. */
	#copies;
	/** Requests with different tokens wait for a body to compare with. */
	#turns;
	#turnWaitMs;
	constructor(parts, options = {}) {
		let { logger, scope, quota, tiers } = parts;
		this.#parts = parts, this.#apiUrls = (options.apiUrls ?? [DEFAULT_API_URL]).map(baseUrl), this.#maxStaleMs = options.maxStaleMs ?? 0, this.#sharePersonal = options.sharePersonal ?? !1, this.#turnWaitMs = options.turnWaitMs ?? 1e4, this.#copies = new LocalTurns({ waitMs: this.#turnWaitMs }), this.#turns = new LocalTurns({ waitMs: this.#turnWaitMs }), this.#formula = new FormulaWatch({ logger }), this.#limits = new ApiLimits({
			quota,
			scope
		}, { maxWaitMs: options.maxWaitMs ?? 1e4 });
		let rights = new Rights(), formula = this.#formula, ledger = new AnswerLedger({
			tiers,
			scope,
			rights,
			formula,
			logger
		}, { sharePersonal: this.#sharePersonal });
		this.#exchange = new ApiExchange({
			ledger,
			rights,
			formula,
			limits: this.#limits,
			counts: this.#counts,
			logger
		}, { staleOnErrorMs: options.staleOnErrorMs ?? 0 }), this.fetch = this.through(parts.fetch ?? globalThis.fetch);
	}
	through(upstream) {
		return async (input, init) => {
			let read = readApiRequest(input, init, this.#apiUrls);
			if (read.kind === "foreign") return await upstream(input, init);
			this.#counts.add("requests");
			try {
				if (read.kind === "passed") return await this.#pass(upstream, input, init, read);
				let redirect = init?.redirect ?? (input instanceof Request ? input.redirect : void 0);
				return this.#finish(await this.#answer(read.request, async ({ method, url, headers, signal }, sent) => await upstream(url.href, {
					...init,
					method,
					redirect,
					signal,
					headers: sent ?? headers
				}), redirect));
			} catch (error) {
				throw this.#counts.add("failed"), error;
			}
		};
	}
	stats() {
		return this.#counts.stats();
	}
	async stop() {
		await this.#parts.tiers.close();
	}
	async [Symbol.asyncDispose]() {
		await this.stop();
	}
	async #pass(upstream, input, init, { why, payer }) {
		this.#counts.add("passed");
		let response = await upstream(input, init);
		return this.#limits.saw(payer, response.headers), response.status !== 304 && response.status < 400 && this.#counts.add("charged"), marked(response, {
			by: why,
			status: response.status
		});
	}
	async #answer(request, send, redirect = "follow") {
		let { method, key, credential, signal } = request, stale = await this.#exchange.stale(request, this.#maxStaleMs);
		if (stale !== void 0) return stale;
		let turn = await this.#copies.take(`${method} ${redirect} ${key} ${credential}`, signal);
		if (turn.kind === "done") return this.#counts.add("collapsed"), {
			...turn.value,
			by: {
				...turn.value.by,
				collapsed: !0
			}
		};
		let outcome;
		try {
			return outcome = await this.#askInTurn(request, send), outcome;
		} finally {
			let isCurrent = outcome?.kind === "answer" && outcome.current;
			turn.kind === "mine" && turn.done(isCurrent ? outcome : void 0);
		}
	}
	/** Of all who want an answer now, one goes first; the others compare what it got, at no cost. */
	async #askInTurn(request, send) {
		let ask = async (options) => await this.#exchange.ask(request, send, options);
		if (request.method !== "GET" || !this.#formula.holds(request.url.host)) return await ask();
		let turn = await this.#turns.take(request.key, request.signal);
		if (turn.kind !== "mine") return await ask({ follows: turn.kind === "done" });
		let succeeded = !1;
		try {
			let wide = await this.#takeWideTurn(request);
			try {
				let outcome = await ask({ holder: wide?.kind === "done" ? wide.by : void 0 });
				return succeeded = outcome.kind === "answer" && outcome.current, outcome;
			} finally {
				wide?.kind === "mine" && wide.done(succeeded && "for-now");
			}
		} finally {
			turn.done(succeeded ? !0 : void 0);
		}
	}
	/** The turn among the processes and peers of the repository. */
	async #takeWideTurn({ key, token, signal }) {
		let { tiers, scope, logger } = this.#parts;
		if (token === "personal" && !this.#sharePersonal || (scope.writeRefused ?? scope.readRefused) !== void 0) return;
		let name = digestOf(JSON.stringify([
			"api",
			scope.repository,
			scope.scope,
			key
		]));
		try {
			return await withDeadline(this.#turnWaitMs, "The same request elsewhere", signal, async (ended) => tiers.takeTurn(name, { signal: ended }));
		} catch (error) {
			signal?.throwIfAborted(), logger.log("debug", `Asking GitHub without a turn: ${errorMessage(error)}`);
			return;
		}
	}
	#finish(outcome) {
		let { by } = outcome;
		return outcome.kind === "response" ? (outcome.response.status >= 400 && this.#counts.add("failed"), marked(outcome.response, by)) : (by.by === "hit" ? this.#counts.add("stale") : by.status === 304 && by.collapsed !== !0 && this.#counts.add("free"), by.status === 200 ? this.#counts.from("upstream") : by.detail !== void 0 && by.detail !== "empty-list" && by.detail !== "refused-before" && this.#counts.from(by.detail), marked(outcome.answer, by));
	}
};
/** As the URLs of requests are spelled, without a slash at the end. */
function baseUrl(text) {
	if (!URL.canParse(text)) throw inputError(`"${text}" is not the URL of an API. Write for example ${DEFAULT_API_URL}.`);
	return new URL(text).href.replace(/\/+$/, "");
}
function marked(response, by) {
	if (response.status < 200) return response;
	let headers = new Headers(response.headers);
	return headers.append("cache-status", cacheStatus(by)), makeResponse(response.body, response, headers);
}
export { GitHubApiCache };
