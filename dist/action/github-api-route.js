import { o as isSwarmCacheError, t as SwarmCacheError } from "./errors.js";
import { n as refuse } from "./http-gateway2.js";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
// src/gateway/proxied-headers.ts
const HOP_BY_HOP = [
	"connection",
	"keep-alive",
	"proxy-authenticate",
	"proxy-authorization",
	"proxy-connection",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade"
], REQUEST_ONLY = [
	"host",
	"content-length",
	"expect",
	"accept-encoding"
];
/** The headers of a client's request as they go on. */
function forwardedHeaders(given) {
	let headers = new Headers(), dropped = /* @__PURE__ */ new Set([
		...HOP_BY_HOP,
		...REQUEST_ONLY,
		...named(given.connection)
	]);
	for (let [name, value] of Object.entries(given)) if (!(value === void 0 || dropped.has(name))) for (let one of Array.isArray(value) ? value : [value]) headers.append(name, one);
	return headers;
}
/**
* The headers of an answer as the client gets them, with links to `api` (a base URL without a slash at the end) led to
* `base`, so that who follows them stays with this door.
*/
function returnedHeaders(given, api, base) {
	let dropped = /* @__PURE__ */ new Set([...HOP_BY_HOP, ...named(given.get("connection") ?? void 0)]);
	given.has("content-encoding") && dropped.add("content-encoding").add("content-length");
	let headers = {};
	for (let [name, value] of given) !dropped.has(name) && name !== "set-cookie" && (headers[name] = value);
	let cookies = given.getSetCookie();
	cookies.length > 0 && (headers["set-cookie"] = cookies);
	let link = given.get("link");
	link !== null && (headers.link = link.replaceAll(`<${api}/`, `<${base}/`));
	let location = given.get("location");
	return location?.startsWith(`${api}/`) === !0 && (headers.location = `${base}${location.slice(api.length)}`), headers;
}
function named(connection) {
	return (connection ?? "").split(",").map((name) => name.trim().toLowerCase());
}
// src/gateway/github-api-route.ts
const METHODS = [
	"GET",
	"HEAD",
	"POST",
	"PUT",
	"PATCH",
	"DELETE"
], MAX_BODY_BYTES = 167772160;
/**
* The GitHub API under `/api/github/`, and under `/api/v3/` for clients that know Enterprise Server: with the caller's
* own token, GET and HEAD through the cache, everything else as it is.
*/
var GithubApiRoute = class {
	prefixes = ["/api/github/", "/api/v3/"];
	#cache;
	#apiUrl;
	constructor({ cache }, { apiUrl }) {
		this.#cache = cache, this.#apiUrl = apiUrl;
	}
	async handle({ message, rest, base, signal }, response) {
		let { method } = message, url = this.#target(rest);
		if (!METHODS.includes(method)) return refuse(response, 405, `${method} is not answered here.`);
		if (url === void 0) return refuse(response, 400, "The path leads out of the API.");
		let answer;
		try {
			answer = await this.#cache.fetch(url.href, {
				method,
				headers: forwardedHeaders(message.headers),
				redirect: "manual",
				signal,
				...await bodyOf(message)
			});
		} catch (error) {
			if (signal.throwIfAborted(), isSwarmCacheError(error, "ERR_LIMIT")) return refuse(response, 413, error.message);
			let { cause } = error;
			throw cause instanceof SwarmCacheError ? cause : Error("GitHub cannot be reached. Check the network of this node, and GITHUB_API_URL.", { cause });
		}
		response.writeHead(answer.status, returnedHeaders(answer.headers, this.#apiUrl, base)), answer.body === null || method === "HEAD" ? (await answer.body?.cancel(), response.end()) : await pipeline(Readable.fromWeb(answer.body), response);
	}
	/** The URL at the API; undefined for a path that is written so as to get out of it. */
	#target(rest) {
		let api = new URL(`${this.#apiUrl}/`);
		if (/^graphql(\?|$)/.test(rest) && api.pathname.endsWith("/api/v3/")) return new URL(`/api/${rest}`, api);
		if (!URL.canParse(`${api.href}${rest}`)) return;
		let url = new URL(`${api.href}${rest}`);
		return url.origin === api.origin && url.pathname.startsWith(api.pathname) && url.username === "" ? url : void 0;
	}
};
async function bodyOf(message) {
	if (message.method === "GET" || message.method === "HEAD") return message.resume(), {};
	let length = message.headers["content-length"];
	if (length === void 0 && message.headers["transfer-encoding"] === void 0) return {};
	let declared = Number(length ?? 1e400);
	if (length !== void 0 && declared > MAX_BODY_BYTES) throw tooLarge();
	if (declared <= 1048576) {
		let pieces = [];
		for await (let piece of message) pieces.push(piece);
		return { body: Buffer.concat(pieces) };
	}
	let bytes = 0, bounded = new Transform({ transform(piece, _encoding, done) {
		bytes += piece.length, done(bytes > MAX_BODY_BYTES ? tooLarge() : void 0, piece);
	} });
	return pipeline(message, bounded).catch(() => {}), {
		body: Readable.toWeb(bounded),
		duplex: "half"
	};
}
function tooLarge() {
	return new SwarmCacheError("ERR_LIMIT", `The body is larger than ${MAX_BODY_BYTES} bytes.`);
}
export { GithubApiRoute };
