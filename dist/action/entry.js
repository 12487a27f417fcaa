import { n as isDigest, t as digestOf } from "./digest.js";
// src/core/entry.ts
/** The digest under which holders of an entry are found in the DHT. */
function entryDigest(name) {
	return digestOf(JSON.stringify([
		"entry",
		name.repository,
		name.scope,
		name.version,
		name.key
	]));
}
/** The bytes that the writer signs: every field, in a fixed order, with a label for this use. */
function entryBytes(entry) {
	let { run = {} } = entry;
	return new TextEncoder().encode(JSON.stringify([
		"swarmcache entry 2",
		entry.repository,
		entry.scope,
		entry.key,
		entry.version,
		entry.manifest,
		entry.manifestBytes,
		entry.contentBytes,
		entry.created,
		entry.origin,
		entry.writer,
		entry.repositoryId ?? null,
		RUN_FIELDS.map((name) => run[name] ?? null),
		entry.token ?? null
	]));
}
const RUN_FIELDS = [
	"event",
	"ref",
	"workflow",
	"runId",
	"runAttempt",
	"sha",
	"actor"
];
/** The entry that `value` (parsed JSON from a peer or the disk) describes, or undefined if it is malformed. */
function parseSignedEntry(value) {
	if (typeof value != "object" || !value) return;
	let v = value;
	if (!isName(v.repository) || !isName(v.scope) || !isName(v.key) || !isName(v.writer) || !isName(v.signature) || !isDigest(v.version) || !isDigest(v.manifest) || !isCount(v.manifestBytes) || !isCount(v.contentBytes) || !isCount(v.created) || v.origin !== "save" && v.origin !== "upstream") return;
	let { repositoryId, token } = v;
	if (repositoryId !== void 0 && !isName(repositoryId) || token !== void 0 && !isName(token, 16384)) return;
	let run = v.run === void 0 ? void 0 : parseRunFacts(v.run);
	if (v.run === void 0 || run !== void 0) return {
		repository: v.repository,
		scope: v.scope,
		key: v.key,
		version: v.version,
		manifest: v.manifest,
		manifestBytes: v.manifestBytes,
		contentBytes: v.contentBytes,
		created: v.created,
		origin: v.origin,
		writer: v.writer,
		signature: v.signature,
		...repositoryId !== void 0 && { repositoryId },
		...run !== void 0 && { run },
		...token !== void 0 && { token }
	};
}
/** The facts in `value` (parsed JSON from elsewhere), or undefined if one is malformed. */
function parseRunFacts(value) {
	if (typeof value != "object" || !value) return;
	let facts = {};
	for (let name of RUN_FIELDS) {
		let fact = value[name];
		if (fact !== void 0) {
			if (!isName(fact)) return;
			facts[name] = fact;
		}
	}
	return facts;
}
function isName(value, maxLength = 1024) {
	return typeof value == "string" && value.length > 0 && value.length <= maxLength;
}
function isCount(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
export { entryDigest as n, parseSignedEntry as r, entryBytes as t };
