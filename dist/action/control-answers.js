import { n as unpackAnswers, t as packAnswers } from "./answer-pack.js";
import { n as isDigest } from "./digest.js";
import { t as SwarmCacheError } from "./errors.js";
import { d as encodeJson, g as readDigest, t as CONTROL_LIMITS } from "./control-protocol.js";
import { n as NO_REQUESTS } from "./member-answers2.js";
// src/node/control-answers.ts
const MAX_NAME_LENGTH = 1024, NOTHING = /* @__PURE__ */ new Uint8Array();
/** The calls of one client about answers of the API; what it counted stays when it has gone. */
var ControlAnswers = class {
	#counted = /* @__PURE__ */ new Map();
	async call(name, answers, { header, body, signal }) {
		switch (name) {
			case "findAnswers": {
				for (let [quota, state] of readQuotas(header.saw)) answers.quota.saw(quota, state);
				let options = {
					...readOptions(header),
					signal
				};
				return packFound((await answers.tiers.find(readDigest(header), readScope(header), options)).filter(({ answer }) => answer.shared), quotasOf(answers, header));
			}
			case "putAnswer": {
				let [found, ...more] = unpackAnswers(body) ?? [];
				if (found === void 0 || more.length > 0 || !found.answer.shared) throw malformed("it brings no answer");
				if (found.answer.repository !== header.repository) throw malformed("it names another");
				return await answers.tiers.put(found.answer), NOTHING;
			}
			case "countApi": return this.#count(answers, readStats(header.stats)), NOTHING;
		}
	}
	/** The client has gone. */
	stop() {
		for (let { end } of this.#counted.values()) end();
		this.#counted.clear();
	}
	#count(answers, stats) {
		let counted = this.#counted.get(answers);
		if (counted !== void 0) {
			counted.stats = stats;
			return;
		}
		let source = {
			stats,
			end: async () => {}
		};
		source.end = answers.count(() => source.stats), this.#counted.set(answers, source);
	}
};
/** Answers and quotas as the body of a reply: u32 bytes of the quotas as JSON, the quotas, the answers. */
function packFound(found, quotas) {
	let said = encodeJson(quotas), prefix = Buffer.allocUnsafe(4);
	prefix.writeUInt32BE(said.length);
	let room = CONTROL_LIMITS.bodyBytes - 4 - said.length;
	return Buffer.concat([
		prefix,
		said,
		packAnswers(found, room)
	]);
}
/** What `packFound` made. @throws ERR_FRAME if it is damaged. */
function unpackFound(body) {
	let bytes = Buffer.from(body.buffer, body.byteOffset, body.length), end = bytes.length < 4 ? 0 : 4 + bytes.readUInt32BE(0);
	if (end === 0 || end > Math.min(bytes.length, 65536)) throw malformed("it is cut off");
	let found = unpackAnswers(body.subarray(end));
	if (found === void 0) throw malformed("an answer in it is damaged");
	return {
		found,
		quotas: readQuotas(JSON.parse(bytes.toString("utf8", 4, end)))
	};
}
/** The view of the quotas that the client names. */
function quotasOf({ quota }, header) {
	let names = header.quotas;
	return Array.isArray(names) ? names.slice(0, 64).filter((name) => typeof name == "string").flatMap((name) => {
		let state = quota.get(name);
		return state === void 0 ? [] : [[name, state]];
	}) : [];
}
function readQuotas(value) {
	return Array.isArray(value) ? value.slice(0, 64).flatMap((item) => {
		let [name, state] = Array.isArray(item) ? item : [];
		if (typeof name != "string" || name.length > MAX_NAME_LENGTH || typeof state != "object" || !state) return [];
		let { limit, remaining, reset, seen } = state;
		return !isCount(limit) || !isCount(remaining) || !isCount(reset) || !isCount(seen) ? [] : [[name, {
			limit,
			remaining,
			reset,
			seen
		}]];
	}) : [];
}
function readScope(header) {
	let { repository, scope, readable } = header.scope ?? {};
	if (repository !== header.repository || !isName(repository) || !isName(scope) || !Array.isArray(readable) || readable.length > 64 || !readable.every(isName)) throw malformed("its scope is incomplete");
	return {
		repository,
		scope,
		readable
	};
}
function readOptions({ known, nearOnly, holder }) {
	return {
		known: Array.isArray(known) ? known.slice(0, 64).filter(isDigest) : [],
		nearOnly: nearOnly === !0,
		holder: isName(holder) ? holder : void 0
	};
}
function readStats(value) {
	let given = typeof value == "object" && value ? value : {}, tiers = typeof given.tiers == "object" ? given.tiers ?? {} : {}, { tiers: noTiers, ...none } = NO_REQUESTS;
	return {
		...counts(none, given),
		tiers: counts(noTiers, tiers)
	};
}
function counts(names, given) {
	let read = Object.keys(names).map((name) => [name, isCount(given[name]) ? given[name] : 0]);
	return Object.fromEntries(read);
}
function isName(value) {
	return typeof value == "string" && value !== "" && value.length <= MAX_NAME_LENGTH;
}
function isCount(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
function malformed(why) {
	return new SwarmCacheError("ERR_FRAME", `A control message about answers is malformed: ${why}.`);
}
export { unpackFound as n, ControlAnswers as t };
