import { a as withDeadline } from "./deadline.js";
import { r as errorMessage } from "./errors.js";
import { t as isTrustworthy } from "./issuer.js";
// src/identity/fetch-json.ts
/** An answer that says that asking again is no use. */
var FinalAnswer = class extends Error {
	name = "FinalAnswer";
};
/**
* The JSON object at an https URL (or one of this machine), without following redirects; rejects with what
* went wrong, in words that name no header.
*/
async function fetchJson(address, options) {
	let url = URL.parse(address);
	if (url === null || !isTrustworthy(url)) throw new FinalAnswer("its address is not an https URL");
	let what = `Asking ${url.host}`, text = await withDeadline(options.timeoutMs, what, options.signal, async (signal) => {
		let response = await request(url, options, signal);
		if (!response.ok) {
			await response.body?.cancel();
			let reason = `${url.host} answered ${response.status}`;
			throw response.status >= 400 && response.status < 500 && response.status !== 429 ? new FinalAnswer(reason) : Error(reason);
		}
		return await readText(response, options.maxBytes);
	});
	try {
		let value = JSON.parse(text);
		if (typeof value == "object" && value) return value;
	} catch {}
	throw Error(`${url.host} answered with something that is not a JSON object`);
}
async function request(url, { fetch, headers }, signal) {
	try {
		return await fetch(url, {
			headers: {
				accept: "application/json",
				...headers
			},
			redirect: "error",
			signal
		});
	} catch (cause) {
		signal.throwIfAborted();
		let why = cause instanceof Error && cause.cause !== void 0 ? cause.cause : cause;
		throw Error(`${url.host} cannot be reached (${errorMessage(why)})`, { cause });
	}
}
async function readText(response, maxBytes) {
	let pieces = [], bytes = 0;
	for await (let piece of response.body ?? []) {
		if (bytes += piece.length, bytes > maxBytes) throw Error(`the answer has more than ${maxBytes} bytes`);
		pieces.push(piece);
	}
	return Buffer.concat(pieces).toString("utf8");
}
export { fetchJson as n, FinalAnswer as t };
