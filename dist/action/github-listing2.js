import { r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { n as parseRetryAfter, t as Holdoff } from "./github-holdoff.js";
// src/registry/github-listing.ts
/** Entries of one request, the newest ones. */
const LISTED_ENTRIES = 100, ROUTE = "/repos/{owner}/{repo}/actions/caches";
/**
* Lists and deletes cache entries of a repository; needs `actions: read` and `actions: write`.
*
* An answer that has not changed costs nothing (ETag). Rejects with ERR_UPSTREAM if GitHub refuses or fails.
* https://docs.github.com/rest/actions/cache
*/
var CacheListing = class {
	listHoldoff;
	deleteHoldoff;
	#access;
	#now;
	#pages = /* @__PURE__ */ new Map();
	#octokit;
	#reservedUntil = 0;
	constructor(access, now) {
		this.listHoldoff = new Holdoff(now), this.deleteHoldoff = new Holdoff(now), this.#access = access, this.#now = now;
	}
	/** True if a request is allowed and leaves the jobs their part of the quota. */
	get mayList() {
		return this.listHoldoff.mayCall && this.#now() >= this.#reservedUntil;
	}
	/** The newest entries whose key starts with `prefix`, of all refs or of one. */
	async list(prefix, ref, signal) {
		let name = `${ref ?? ""}\n${prefix}`, known = this.#pages.get(name), answer = await this.#request(this.listHoldoff, `GET ${ROUTE}`, signal, {
			key: prefix,
			sort: "created_at",
			direction: "desc",
			per_page: 100,
			...ref === void 0 ? {} : { ref },
			headers: known?.etag === void 0 ? {} : { "if-none-match": known.etag }
		});
		if (answer === "unchanged") return known?.entries ?? [];
		let page = {
			etag: textOf(answer.headers.etag),
			entries: parseEntries(answer.data)
		};
		return this.#pages.size >= 8 && this.#pages.clear(), this.#pages.set(name, page), page.entries;
	}
	/** Deletes an entry by its id, or by its complete key; one that is gone already is fine. */
	async delete(entry, signal) {
		if ("id" in entry) {
			let route = `DELETE ${ROUTE}/{cache_id}`;
			await this.#request(this.deleteHoldoff, route, signal, { cache_id: entry.id });
		} else await this.#request(this.deleteHoldoff, `DELETE ${ROUTE}{?key}`, signal, { key: entry.key });
	}
	async #request(holdoff, route, signal, parameters) {
		let [owner, repo] = this.#access.repository.split("/"), octokit = this.#octokit ??= await openClient(this.#access);
		try {
			let request = { signal }, answer = await octokit.request(route, {
				...parameters,
				owner,
				repo,
				request
			});
			return this.#noteQuota(answer.headers), holdoff.succeeded(), {
				headers: answer.headers,
				data: answer.data
			};
		} catch (error) {
			return signal?.throwIfAborted(), this.#judge(holdoff, error);
		}
	}
	#judge(holdoff, error) {
		let { status = 0, response } = error, headers = response?.headers ?? {};
		if (this.#noteQuota(headers), status === 304) return holdoff.succeeded(), "unchanged";
		let message = errorMessage(error).slice(0, 200), empty = headers["x-ratelimit-remaining"] === "0", retryAfter = textOf(headers["retry-after"]);
		if (status === 429 || status === 403 && (empty || retryAfter || /rate limit/i.test(message))) {
			let resetMs = Number(headers["x-ratelimit-reset"]) * 1e3 - this.#now(), untilReset = empty && Number.isFinite(resetMs) ? resetMs : void 0;
			throw holdoff.limited(parseRetryAfter(retryAfter, this.#now()) ?? untilReset), refusal("limits the rate of requests of this repository", message, error);
		}
		if (status === 404 && holdoff === this.deleteHoldoff) return holdoff.succeeded(), {
			headers,
			data: void 0
		};
		throw status === 401 || status === 403 || status === 404 ? (holdoff.forbidden(), refusal("does not let this token do that", message, error)) : (holdoff.failed(), refusal("gave no usable answer", message, error));
	}
	#noteQuota(headers) {
		let remaining = Number(headers["x-ratelimit-remaining"]), limit = Number(headers["x-ratelimit-limit"]), resetMs = Number(headers["x-ratelimit-reset"]) * 1e3;
		remaining < limit * .5 && Number.isFinite(resetMs) && (this.#reservedUntil = resetMs);
	}
};
/** Loaded late: a node that needs no registry of GitHub's need not wait for it. */
async function openClient({ apiUrl, token }) {
	let { Octokit } = await import("./dist-src.js"), silent = () => {};
	return new Octokit({
		auth: token,
		baseUrl: apiUrl,
		userAgent: "swarmcache",
		log: {
			debug: silent,
			info: silent,
			warn: silent,
			error: silent
		}
	});
}
/** The entries of one page of an answer; what is malformed is passed over. */
function parseEntries(data) {
	let rows = data?.actions_caches;
	return Array.isArray(rows) ? rows.slice(0, 100).flatMap((row) => {
		let { id, key, ref, created_at: time } = row ?? {}, created = typeof time == "string" ? Date.parse(time) : NaN;
		return !Number.isSafeInteger(id) || typeof key != "string" || typeof ref != "string" || Number.isNaN(created) ? [] : [{
			id,
			key,
			ref,
			created
		}];
	}) : [];
}
function textOf(value) {
	return typeof value == "string" || typeof value == "number" ? String(value) : void 0;
}
function refusal(what, message, cause) {
	return new SwarmCacheError("ERR_UPSTREAM", `GitHub's API ${what}: ${message}.`, { cause });
}
export { LISTED_ENTRIES as n, parseEntries as r, CacheListing as t };
