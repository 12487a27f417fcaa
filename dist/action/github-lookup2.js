import { t as SwarmCacheError } from "./errors.js";
import { n as parseRetryAfter, t as Holdoff } from "./github-holdoff.js";
import { createHash } from "node:crypto";
// src/registry/github-lookup.ts
/** The declared path of every announcement; part of what the service compares. */
const ANNOUNCEMENT_PATH = "swarmcache-peer", COMPRESSIONS = ["zstd-without-long", "gzip"];
/**
* Asks the cache service for the newest entry under some prefixes.
*
* One request of its own instead of a call of @actions/cache: that client runs in a process of 80 MB, keeps the
* Retry-After of a refusal to itself, and sees only entries made by machines with the same compression tool.
* https://github.com/actions/toolkit/tree/main/packages/cache
*/
var CacheLookup = class {
	holdoff;
	#access;
	#now;
	#versions = COMPRESSIONS.map((compression) => createHash("sha256").update([
		ANNOUNCEMENT_PATH,
		compression,
		"1.0"
	].join("|")).digest("hex"));
	constructor(access, now) {
		this.holdoff = new Holdoff(now), this.#access = access, this.#now = now;
	}
	/** The newest key under the first of the prefixes that has one; at most ten prefixes. @throws ERR_UPSTREAM */
	async find(prefixes, signal) {
		for (let version of this.#versions) {
			if (!this.holdoff.mayCall) return;
			let key = await this.#ask(prefixes, version, signal);
			if (key !== void 0) return this.#versions = [version, ...this.#versions.filter((other) => other !== version)], key;
		}
	}
	async #ask(prefixes, version, signal) {
		let { status, headers, text } = await this.#request(prefixes, version, signal);
		if (status === 429) throw this.holdoff.limited(parseRetryAfter(headers.get("retry-after"), this.#now())), refusal("limits the rate of requests of this repository");
		if (status === 401 || status === 403) throw this.holdoff.forbidden(), refusal("refuses this job's token");
		let answer = status === 200 ? parseObject(text) : void 0;
		if (status !== 204 && answer === void 0) throw this.holdoff.failed(), refusal(`gave no usable answer (status ${status})`);
		this.holdoff.succeeded();
		let key = answer?.matched_key ?? answer?.cacheKey;
		return typeof key == "string" && key.length <= 512 ? key : void 0;
	}
	async #request(prefixes, version, signal) {
		let { url, token, protocol } = this.#access, headers = {
			authorization: `Bearer ${token}`,
			"user-agent": "swarmcache"
		};
		try {
			let response = protocol === "v2" ? await fetch(new URL("/twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL", url), {
				method: "POST",
				headers: {
					...headers,
					"content-type": "application/json"
				},
				body: JSON.stringify({
					key: prefixes[0],
					restore_keys: prefixes.slice(1),
					version
				}),
				signal
			}) : await fetch(olderUrl(url, prefixes, version), {
				headers: {
					...headers,
					accept: "application/json;api-version=6.0-preview.1"
				},
				signal
			});
			return {
				status: response.status,
				headers: response.headers,
				text: await bounded(response)
			};
		} catch (cause) {
			throw signal?.throwIfAborted(), this.holdoff.failed(), refusal("cannot be reached", cause);
		}
	}
};
function olderUrl(base, prefixes, version) {
	let url = new URL("_apis/artifactcache/cache", base.endsWith("/") ? base : `${base}/`);
	return url.searchParams.set("keys", prefixes.join(",")), url.searchParams.set("version", version), url;
}
/** The body as text; what is longer than any answer is cut, and then no JSON. */
async function bounded(response) {
	let text = "", decoder = new TextDecoder();
	for await (let chunk of response.body ?? []) if (text += decoder.decode(chunk, { stream: !0 }), text.length > 65536) break;
	return text;
}
function parseObject(text) {
	try {
		let value = JSON.parse(text);
		return typeof value == "object" && value ? value : void 0;
	} catch {
		return;
	}
}
function refusal(what, cause) {
	return new SwarmCacheError("ERR_UPSTREAM", `The cache service ${what}.`, { cause });
}
export { CacheLookup as n, ANNOUNCEMENT_PATH as t };
