import { n as isDigest } from "./digest.js";
import { r as parseSignedEntry } from "./entry.js";
import { i as inputError, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { r as MAX_MANIFEST_BYTES } from "./manifest.js";
import { n as isTurnResult } from "./lease.js";
// src/node/control-protocol.ts
const HELLO = "swarmcache control", CONTROL_LIMITS = {
	headerBytes: 65536,
	bodyBytes: MAX_MANIFEST_BYTES
}, MAX_DIGESTS = 16384, MAX_ERROR_LENGTH = 4096, TIERS = [
	"memory",
	"disk",
	"shared",
	"peers",
	"upstream"
], REPOSITORY_PATTERN = /^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/;
/** The repository that a call names. */
function readRepository(header) {
	let { repository } = header;
	if (typeof repository != "string" || !REPOSITORY_PATTERN.test(repository)) throw inputError("A repository must be given as owner/name, in the characters GitHub allows.");
	return repository;
}
function readQuery(header) {
	let query = header.query;
	if (typeof query != "object" || !query || !isName(query.repository) || !isName(query.key) || !isDigest(query.version) || !isNameList(query.scopes) || !isNameList(query.restoreKeys) || !isNameList(query.except ?? [])) throw malformed("the query is incomplete");
	let { repository, scopes, key, restoreKeys, version, except } = query;
	return {
		repository,
		scopes,
		key,
		restoreKeys,
		version,
		...isNameList(except) ? { except } : {}
	};
}
function readSignedEntry(header) {
	let entry = parseSignedEntry(header.entry);
	if (entry === void 0) throw malformed("the entry is incomplete");
	return entry;
}
/** An entry that is about to be signed, or has been signed by the client. */
function readCommittedEntry(header) {
	let given = header.entry, signed = parseSignedEntry(given);
	if (signed !== void 0) return signed;
	let filled = typeof given == "object" && given ? {
		...given,
		writer: "-",
		signature: "-"
	} : given, entry = parseSignedEntry(filled);
	if (entry === void 0) throw malformed("the entry is incomplete");
	let { writer: _writer, signature: _signature, ...unsigned } = entry;
	return unsigned;
}
/** A chunk by its digest and size. */
function readChunk(header) {
	let digest = readDigest(header), bytes = header.bytes;
	if (!Number.isSafeInteger(bytes) || Number(bytes) <= 0 || Number(bytes) > 1048576) throw malformed("a chunk has no valid size");
	return {
		digest,
		bytes: Number(bytes)
	};
}
function readFrame({ header, body }) {
	let chunk = readChunk(header);
	if (body.length === 0 || body.length > 1056768) throw malformed(`a frame has ${body.length} bytes`);
	return {
		chunk,
		bytes: body
	};
}
/** Which chunk of a request a frame is, and where it comes from. @throws ERR_FRAME if it was not asked for. */
function readSource({ frame, tier, peer }, chunks) {
	let chunk = typeof frame == "number" ? chunks[frame] : void 0;
	if (chunk === void 0 || !TIERS.includes(tier)) throw new SwarmCacheError("ERR_FRAME", "The node sent a frame that nobody asked for.");
	let source = {
		chunk,
		tier
	};
	return typeof peer == "string" ? {
		...source,
		peer
	} : source;
}
/** What a client wants to follow. */
function readFollow(header) {
	let { scope, key, first, placed } = header;
	if (!isName(scope) || !isName(key) || !isCount(first)) throw malformed("a download has no name");
	return {
		work: readDigest(header),
		scope,
		key,
		first,
		placed: placed === !0
	};
}
/** A part that a client offers, but for the check that its entry names it. */
function readPart({ header, body }) {
	let { archiveBytes, first } = header;
	if (!isCount(archiveBytes) || !isCount(first)) throw malformed("a part has no place");
	return {
		entry: readCommittedEntry(header),
		archiveBytes,
		first,
		pieces: decodeRefList(body)
	};
}
function readDigest(header) {
	let { digest } = header;
	if (!isDigest(digest)) throw malformed("a digest is missing");
	return digest;
}
/** How a client says that its turn has ended. */
function readTurnResult({ result }) {
	if (!isTurnResult(result)) throw malformed("a turn ended in no known way");
	return result;
}
/** The name that a client gave to a turn. */
function readTurnName(header) {
	let { turn } = header;
	if (typeof turn != "string" || turn === "" || turn.length > 64) throw malformed("a turn has no name");
	return turn;
}
function encodeDigests(digests) {
	let bytes = Buffer.allocUnsafe(digests.length * 32);
	for (let [index, digest] of digests.entries()) bytes.write(digest, index * 32, "hex");
	return bytes;
}
function decodeDigests(body) {
	if (body.length % 32 != 0 || body.length > 524288) throw malformed(`a list of digests has ${body.length} bytes`);
	let bytes = Buffer.from(body.buffer, body.byteOffset, body.length), digests = [];
	for (let offset = 0; offset < bytes.length; offset += 32) digests.push(bytes.toString("hex", offset, offset + 32));
	return digests;
}
function encodeRefs(chunks) {
	let bytes = Buffer.allocUnsafe(chunks.length * 36), offset = 0;
	for (let chunk of chunks) bytes.write(chunk.digest, offset, "hex"), bytes.writeUInt32BE(chunk.bytes, offset + 32), offset += 36;
	return bytes;
}
/** A list that may name a chunk more than once. */
function decodeRefList(body) {
	if (body.length % 36 != 0) throw malformed(`a list of chunks has ${body.length} bytes`);
	let bytes = Buffer.from(body.buffer, body.byteOffset, body.length), chunks = [];
	for (let offset = 0; offset < bytes.length; offset += 36) {
		let digest = bytes.toString("hex", offset, offset + 32), size = bytes.readUInt32BE(offset + 32);
		if (size === 0 || size > 1048576) throw malformed(`a chunk claims ${size} bytes`);
		chunks.push({
			digest,
			bytes: size
		});
	}
	return chunks;
}
function decodeRefs(body) {
	let chunks = decodeRefList(body);
	if (new Set(chunks.map(({ digest }) => digest)).size !== chunks.length) throw malformed("a chunk is asked for twice");
	return chunks;
}
function encodeJson(value) {
	return Buffer.from(JSON.stringify(value));
}
function decodeJson(body) {
	try {
		return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8"));
	} catch (cause) {
		throw malformed("an answer is not JSON", cause);
	}
}
/** An error as it crosses the socket: what the caller may tell apart, without the stack of the other process. */
function encodeError(error) {
	let message = errorMessage(error).slice(0, MAX_ERROR_LENGTH);
	if (!isSwarmCacheError(error)) return {
		code: "ERR_CONTROL",
		message
	};
	let facts = Object.entries(error.facts).filter(([, value]) => [
		"string",
		"number",
		"boolean"
	].includes(typeof value) && isShort(value));
	return {
		code: error.code,
		message,
		facts: Object.fromEntries(facts.slice(0, 64))
	};
}
function decodeError(value) {
	let { code, message, facts } = value ?? {};
	return new SwarmCacheError(typeof code == "string" && code.startsWith("ERR_") ? code : "ERR_CONTROL", typeof message == "string" ? message : "The node failed without saying why.", typeof facts == "object" && facts ? { facts } : void 0);
}
/** Why the two sides cannot talk, or undefined if they can. */
function protocolMismatch(theirs, versions) {
	if (theirs.hello !== "swarmcache control") return malformed("the other side does not greet as one of ours");
	if (theirs.protocol !== 4) return new SwarmCacheError("ERR_CONTROL", `The running node is of swarmcache ${shortVersion(versions.node)}, this is ${shortVersion(versions.client)}, and they do not understand each other. Stop that node and start it again with this version.`);
}
function shortVersion(version) {
	return typeof version == "string" ? version.slice(0, 64) : "of unknown version";
}
function isShort(value) {
	return typeof value != "string" || value.length <= MAX_ERROR_LENGTH;
}
function isCount(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
function isName(value) {
	return typeof value == "string" && value.length > 0 && value.length <= 1024;
}
function isNameList(value) {
	return Array.isArray(value) && value.length <= 64 && value.every(isName);
}
function malformed(why, cause) {
	return new SwarmCacheError("ERR_FRAME", `A control message is malformed: ${why}.`, { cause });
}
export { readSource as C, readSignedEntry as S, readTurnResult as T, readFollow as _, decodeDigests as a, readQuery as b, decodeRefs as c, encodeJson as d, encodeRefs as f, readDigest as g, readCommittedEntry as h, TIERS as i, encodeDigests as l, readChunk as m, HELLO as n, decodeError as o, protocolMismatch as p, MAX_DIGESTS as r, decodeJson as s, CONTROL_LIMITS as t, encodeError as u, readFrame as v, readTurnName as w, readRepository as x, readPart as y };
