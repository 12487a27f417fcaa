import { o as isSwarmCacheError, r as errorMessage } from "./errors.js";
import { t as abortable } from "./deadline.js";
import { t as digestOf } from "./digest.js";
import { n as fetchJson } from "./fetch-json.js";
import { a as uncheckedError, i as tokenAudience, n as attestationOf, r as proofError } from "./token-claims.js";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
// src/identity/kept-keys.ts
const SAFE_ALGORITHMS = [
	"RS256",
	"PS256",
	"ES256",
	"EdDSA"
], NO_KEYS = {
	fetched: 0,
	algorithms: ["RS256"],
	keys: []
};
/** The keys of a JWK set that can sign tokens; others are passed over. */
function signingKeys(set) {
	return (Array.isArray(set.keys) ? set.keys : []).slice(0, 64).filter(isSigningKey);
}
/** Those of an issuer's algorithms that are safe; RS256 if it names none. */
function safeAlgorithms(named) {
	let list = Array.isArray(named) ? SAFE_ALGORITHMS.filter((name) => named.includes(name)) : [];
	return list.length === 0 ? ["RS256"] : list;
}
/** What is kept after the issuer listed `jwks`: those, then the ones it listed before, up to a bound. */
function mergeKeys(old, jwks, algorithms, now) {
	let listed = new Set(jwks.map(({ kid }) => kid)), retired = old.keys.filter(({ jwk }) => !listed.has(jwk.kid));
	return {
		fetched: now,
		algorithms,
		keys: [...jwks.map((jwk) => ({
			jwk,
			seen: now
		})), ...retired].slice(0, 64)
	};
}
/** The keys kept in a file; none if there is no file or it is damaged, since they can be fetched again. */
async function readKeys(path) {
	try {
		await using file = await open(path);
		let { size } = await file.stat();
		return size > 524288 ? NO_KEYS : parseKeys(JSON.parse(await file.readFile("utf8"))) ?? NO_KEYS;
	} catch {
		return NO_KEYS;
	}
}
/** Puts the keys into a file that other processes read and write too. */
async function writeKeys(path, keys) {
	let draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
	try {
		await mkdir(dirname(path), { recursive: !0 }), await writeFile(draft, JSON.stringify(keys), {
			mode: 384,
			flag: "wx"
		}), await rename(draft, path);
	} finally {
		await rm(draft, { force: !0 });
	}
}
/** The keys that a file's content, parsed, describes; undefined if it is malformed as a whole. */
function parseKeys(value) {
	if (typeof value != "object" || !value) return;
	let { fetched, algorithms, keys } = value;
	if (typeof fetched != "number" || !Array.isArray(keys)) return;
	let kept = keys.slice(0, 64).filter((item) => {
		if (typeof item != "object" || !item) return !1;
		let { jwk, seen } = item;
		return typeof seen == "number" && isSigningKey(jwk);
	});
	return {
		fetched,
		algorithms: safeAlgorithms(algorithms),
		keys: kept
	};
}
function isSigningKey(value) {
	if (typeof value != "object" || !value) return !1;
	let { kty, kid, use } = value;
	return kty !== "RSA" && kty !== "EC" && kty !== "OKP" || typeof kid != "string" || kid === "" || kid.length > 256 ? !1 : (use === void 0 || use === "sig") && JSON.stringify(value).length <= 4096;
}
// src/identity/issuer-keys.ts
const MAX_AGE_MS = 36e5;
/** The public keys of one issuer: fetched when needed, kept when it lists them no more. */
var IssuerKeys = class {
	#parts;
	#issuer;
	#path;
	#imported = /* @__PURE__ */ new Map();
	#kept = NO_KEYS;
	#loaded;
	#running;
	#triedAt = -1e400;
	#failure = "";
	constructor(parts, { issuer, folder }) {
		this.#parts = parts, this.#issuer = issuer, folder !== void 0 && (this.#path = join(folder, `${digestOf(issuer).slice(0, 32)}.json`));
	}
	/** The algorithms that its tokens may be signed with. */
	async algorithms(signal) {
		return await this.#fresh(signal), [...this.#kept.algorithms];
	}
	/**
	* The key that a token's header names, as it was at a moment; undefined `at` means now, when only keys that
	* the issuer lists will do.
	*
	* @throws ERR_PROOF if there is none.
	*/
	async find(header, at, signal) {
		let { kid, alg } = header;
		if (kid === void 0) throw proofError("names no key");
		await this.#fresh(signal);
		let key = this.#find(kid, at);
		if (key === void 0 && (await this.#refresh(signal), key = this.#find(kid, at)), key === void 0) throw proofError("names a key that its issuer does not list");
		if (key.jwk.alg !== void 0 && key.jwk.alg !== alg) throw proofError("is signed by an algorithm that its key is not for");
		let name = `${alg} ${kid}`, known = this.#imported.get(name);
		if (known !== void 0) return known;
		let { importJWK } = await import("./webapi.js"), imported = await importJWK(key.jwk, alg);
		return this.#imported.set(name, imported), imported;
	}
	#find(kid, at) {
		let key = this.#kept.keys.find(({ jwk }) => jwk.kid === kid);
		return key === void 0 || key.seen === this.#kept.fetched || at !== void 0 && at <= key.seen + MAX_AGE_MS ? key : void 0;
	}
	/** Resolves once the keys are not older than they may be. */
	async #fresh(signal) {
		this.#loaded ??= this.#load(), await this.#loaded;
		let ageMs = this.#parts.now() - this.#kept.fetched;
		if (!(ageMs >= 0 && ageMs <= MAX_AGE_MS) && (await this.#refresh(signal), this.#parts.now() - this.#kept.fetched > 864e5)) throw uncheckedError(`the keys of its issuer cannot be had: ${this.#failure}`);
	}
	async #load() {
		this.#path !== void 0 && (this.#kept = await readKeys(this.#path));
	}
	/** Asks the issuer, unless it was asked a moment ago; shared by all who wait. */
	async #refresh(signal) {
		if (this.#running === void 0) {
			let now = this.#parts.now();
			if (now >= this.#triedAt && now - this.#triedAt < 3e4) return;
			this.#triedAt = now, this.#running = this.#fetch().finally(() => this.#running = void 0);
		}
		await (signal === void 0 ? this.#running : abortable(this.#running, signal));
	}
	async #fetch() {
		let { fetch, now, logger } = this.#parts, options = {
			fetch,
			timeoutMs: 3e3
		};
		try {
			let metadata = await fetchJson(`${this.#issuer}/.well-known/openid-configuration`, {
				...options,
				maxBytes: 65536
			});
			if (metadata.issuer !== this.#issuer) throw Error("it calls itself by another name");
			let keys = signingKeys(await fetchJson(String(metadata.jwks_uri), {
				...options,
				maxBytes: 262144
			}));
			if (keys.length === 0) throw Error("it lists no keys");
			let algorithms = safeAlgorithms(metadata.id_token_signing_alg_values_supported);
			this.#kept = mergeKeys(this.#kept, keys, algorithms, now()), this.#imported.clear(), this.#path !== void 0 && await writeKeys(this.#path, this.#kept);
		} catch (error) {
			this.#failure = errorMessage(error);
			let { failure, issuer } = {
				failure: this.#failure,
				issuer: this.#issuer
			};
			logger.log("warning", "The keys of an issuer of ID tokens cannot be had.", {
				issuer,
				failure
			});
		}
	}
}, IssuerVerifier = class {
	#issuers;
	#now;
	constructor(parts, { issuers, folder }) {
		let { fetch = globalThis.fetch, now = Date.now, logger } = parts;
		this.#now = now, this.#issuers = new Map(issuers.map((issuer) => [issuer, new IssuerKeys({
			fetch,
			now,
			logger
		}, {
			issuer,
			folder
		})]));
	}
	async verify(token, { peerId, at, signal }) {
		if (signal?.throwIfAborted(), token.length > 16384) throw proofError("is too long");
		let now = this.#now(), moment = Math.min(at ?? now, now), claims = await this.#claims(token, {
			moment,
			at,
			required: [
				"aud",
				"exp",
				"iat"
			],
			signal
		});
		assertAudience(claims, peerId);
		let attestation = attestationOf(claims, peerId);
		if (attestation.issuedAt > moment + 3e4) throw proofError("is not valid yet");
		return attestation;
	}
	/** What a token of a trusted issuer says now, whomever it is for. @throws ERR_PROOF, as `verify`. */
	async claims(token, { signal } = {}) {
		return await this.#claims(token, {
			moment: this.#now(),
			required: ["exp"],
			signal
		});
	}
	async #claims(token, { moment, at, required, signal }) {
		let { decodeJwt, jwtVerify } = await import("./webapi.js");
		try {
			let issuer = decodeJwt(token).iss ?? "", keys = this.#issuers.get(issuer);
			if (keys === void 0) throw proofError("comes from an issuer that is not trusted");
			let { payload } = await jwtVerify(token, (header) => keys.find(header, at, signal), {
				algorithms: await keys.algorithms(signal),
				issuer,
				clockTolerance: 30,
				currentDate: new Date(moment),
				requiredClaims: [...required]
			});
			return payload;
		} catch (error) {
			throw signal?.throwIfAborted(), isSwarmCacheError(error) ? error : proofError(reasonOf(error));
		}
	}
};
function assertAudience({ aud }, peerId) {
	if (aud === tokenAudience(peerId)) return;
	let isOurs = typeof aud == "string" && aud.startsWith(tokenAudience(""));
	throw proofError(isOurs ? "was made for another peer" : "was made for another audience");
}
/** What is wrong with a token; jose's own errors hold its claims, which belong in no log. */
function reasonOf(error) {
	let { code, claim } = error;
	switch (code) {
		case "ERR_JWT_EXPIRED": return "has expired";
		case "ERR_JOSE_ALG_NOT_ALLOWED": return "is signed by an algorithm that is not allowed";
		case "ERR_JWS_SIGNATURE_VERIFICATION_FAILED": return "was not signed by its issuer";
		case "ERR_JWT_CLAIM_VALIDATION_FAILED": return claim === "nbf" ? "is not valid yet" : `has no good claim ${String(claim)}`;
		default: return "is malformed";
	}
}
export { IssuerVerifier };
