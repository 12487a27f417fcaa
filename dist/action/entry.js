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
	return new TextEncoder().encode(JSON.stringify([
		"swarmcache entry 1",
		entry.repository,
		entry.scope,
		entry.key,
		entry.version,
		entry.manifest,
		entry.manifestBytes,
		entry.contentBytes,
		entry.created,
		entry.origin,
		entry.writer
	]));
}
/** The entry that `value` (parsed JSON from a peer or the disk) describes, or undefined if it is malformed. */
function parseSignedEntry(value) {
	if (typeof value != "object" || !value) return;
	let v = value;
	if (isName(v.repository) && isName(v.scope) && isName(v.key) && isName(v.writer) && isName(v.signature) && isDigest(v.version) && isDigest(v.manifest) && isCount(v.manifestBytes) && isCount(v.contentBytes) && isCount(v.created) && (v.origin === "save" || v.origin === "upstream")) return {
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
		signature: v.signature
	};
}
function isName(value) {
	return typeof value == "string" && value.length > 0 && value.length <= 1024;
}
function isCount(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
export { entryDigest as n, parseSignedEntry as r, entryBytes as t };
