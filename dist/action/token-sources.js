import { n as pause, t as abortable } from "./deadline.js";
import { t as SingleFlight } from "./single-flight.js";
import { n as errnoOf, r as errorMessage } from "./errors.js";
import { n as fetchJson, t as FinalAnswer } from "./fetch-json.js";
import { i as tokenAudience, r as proofError } from "./token-claims.js";
import { readFile, stat } from "node:fs/promises";
/**
* Tokens of the job that this process runs in, minted again when less than half of their lifetime is left.
*
* https://docs.github.com/en/actions/reference/security/oidc
*/
var RunnerTokenSource = class {
	#fetch;
	#now;
	#request;
	#minted = /* @__PURE__ */ new Map();
	#minting = new SingleFlight();
	constructor(parts, request) {
		this.#fetch = parts.fetch ?? globalThis.fetch, this.#now = parts.now ?? Date.now, this.#request = request;
	}
	async token(peerId, { signal } = {}) {
		signal?.throwIfAborted();
		let have = this.#minted.get(peerId);
		if (have !== void 0 && this.#now() < (have.issuedMs + have.expiresMs) / 2) return have.token;
		let minting = this.#minting.run(peerId, async () => await this.#mint(peerId));
		try {
			let { token } = await (signal === void 0 ? minting : abortable(minting, signal));
			return token;
		} catch (error) {
			if (signal?.throwIfAborted(), have !== void 0 && this.#now() < have.expiresMs) return have.token;
			throw proofError(`of this job cannot be had: ${errorMessage(error)}`, error);
		}
	}
	async #mint(peerId) {
		let url = new URL(this.#request.url);
		url.searchParams.set("audience", tokenAudience(peerId));
		let { value } = await this.#ask(url.href), { decodeJwt } = await import("./webapi.js");
		if (typeof value != "string" || value.length > 16384) throw Error(`${url.host} answered without a token`);
		let { iat = 0, exp = 0 } = decodeJwt(value), issuedMs = this.#now(), minted = {
			token: value,
			issuedMs,
			expiresMs: issuedMs + (exp - iat) * 1e3
		};
		return this.#minted.set(peerId, minted), minted;
	}
	async #ask(url) {
		let options = {
			fetch: this.#fetch,
			timeoutMs: 5e3,
			maxBytes: 65536,
			headers: { authorization: `bearer ${this.#request.secret}` }
		};
		for (let tried = 1;; tried += 1) try {
			return await fetchJson(url, options);
		} catch (error) {
			if (error instanceof FinalAnswer || tried === 3) throw error;
			await pause(200 * 2 ** (tried - 1));
		}
	}
}, FileTokenSource = class {
	#path;
	constructor(options) {
		this.#path = options.path;
	}
	async token(peerId, { signal } = {}) {
		signal?.throwIfAborted();
		let token = await this.#read(), { decodeJwt } = await import("./webapi.js"), aud;
		try {
			({aud} = decodeJwt(token));
		} catch {
			throw proofError(`in ${this.#path} is malformed`);
		}
		if (aud === tokenAudience(peerId)) return token;
		throw proofError(`in ${this.#path} has another audience than this node needs, which is ${tokenAudience(peerId)}`);
	}
	async #read() {
		try {
			let { size } = await stat(this.#path);
			if (size > 16384) throw Error("it is too long");
			return (await readFile(this.#path, "utf8")).trim();
		} catch (cause) {
			let why = errnoOf(cause) ?? errorMessage(cause);
			throw proofError(`in ${this.#path} cannot be read (${why})`, cause);
		}
	}
};
export { RunnerTokenSource as n, FileTokenSource as t };
