import { a as isSwarmCacheError, i as inputError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { n as isDigest, t as digestOf } from "./digest.js";
import { t as VERSION } from "./version.js";
import { r as MAX_MANIFEST_BYTES } from "./manifest.js";
import { t as Limit } from "./limit.js";
import { r as parseSignedEntry } from "./entry.js";
import { t as MessageStream } from "./message.js";
import { t as SocketByteStream } from "./socket-byte-stream.js";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { chmod, lstat, mkdir } from "node:fs/promises";
// src/node/control-protocol.ts
/**
* What is said over the control socket, as messages of core/message.ts.
*
* 1. Both sides send a greeting first: `{ hello, protocol, version, pid }`.
* 2. The client sends calls: `{ id, call, …arguments }` with a body where one is needed, any number at once,
*    and may take one back: `{ cancel: id }`.
* 3. The server answers each with `{ id }` and the result as body, or `{ id, error }`, in any order.
*    `readChunks` is answered with one `{ id, frame, tier, peer? }` for each frame, whose index in the
*    request is `frame` and whose bytes are the body, then `{ id, end: true }`. If it was called with
*    `unopened`, frames that nobody has opened carry a number under that name, and the client answers with
*    `{ settle: id, good: [numbers], bad: [numbers] }`; a bad one comes again from somebody else.
*    `takeTurn` may be answered with any number of `{ id, waiting: progress }` before its result.
* 4. Who has a turn, which the client has named itself, says `renewTurn` twice a second until `endTurn`.
*
* A connection that ends takes back every call on it.
*/
const CONTROL_LIMITS = {
	headerBytes: 65536,
	bodyBytes: MAX_MANIFEST_BYTES
}, MAX_DIGESTS = 16384, MAX_ERROR_LENGTH = 4096, REPOSITORY_PATTERN = /^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/;
/** The repository that a call names. */
function readRepository(header) {
	let { repository } = header;
	if (typeof repository != "string" || !REPOSITORY_PATTERN.test(repository)) throw inputError("A repository must be given as owner/name, in the characters GitHub allows.");
	return repository;
}
function readQuery(header) {
	let query = header.query;
	if (typeof query != "object" || !query || !isName(query.repository) || !isName(query.key) || !isDigest(query.version) || !isNameList(query.scopes) || !isNameList(query.restoreKeys)) throw malformed("the query is incomplete");
	let { repository, scopes, key, restoreKeys, version } = query;
	return {
		repository,
		scopes,
		key,
		restoreKeys,
		version
	};
}
function readSignedEntry(header) {
	let entry = parseSignedEntry(header.entry);
	if (entry === void 0) throw malformed("the entry is incomplete");
	return entry;
}
/** An entry that is about to be signed. */
function readUnsignedEntry(header) {
	let given = header.entry, filled = typeof given == "object" && given ? {
		...given,
		writer: "-",
		signature: "-"
	} : given, entry = parseSignedEntry(filled);
	if (entry === void 0) throw malformed("the entry is incomplete");
	let { writer: _writer, signature: _signature, ...unsigned } = entry;
	return unsigned;
}
function readFrame({ header, body }) {
	let digest = readDigest(header), bytes = header.bytes;
	if (!Number.isSafeInteger(bytes) || Number(bytes) <= 0 || Number(bytes) > 1048576) throw malformed("a chunk has no valid size");
	if (body.length === 0 || body.length > 1056768) throw malformed(`a frame has ${body.length} bytes`);
	return {
		chunk: {
			digest,
			bytes: Number(bytes)
		},
		bytes: body
	};
}
function readDigest(header) {
	let { digest } = header;
	if (!isDigest(digest)) throw malformed("a digest is missing");
	return digest;
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
function decodeRefs(body) {
	if (body.length % 36 != 0) throw malformed(`a list of chunks has ${body.length} bytes`);
	let bytes = Buffer.from(body.buffer, body.byteOffset, body.length), chunks = /* @__PURE__ */ new Map();
	for (let offset = 0; offset < bytes.length; offset += 36) {
		let digest = bytes.toString("hex", offset, offset + 32), size = bytes.readUInt32BE(offset + 32);
		if (size === 0 || size > 1048576) throw malformed(`a chunk claims ${size} bytes`);
		if (chunks.has(digest)) throw malformed("a chunk is asked for twice");
		chunks.set(digest, {
			digest,
			bytes: size
		});
	}
	return [...chunks.values()];
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
	if (theirs.protocol !== 1) return new SwarmCacheError("ERR_CONTROL", `The running node is of swarmcache ${shortVersion(versions.node)}, this is ${shortVersion(versions.client)}, and they do not understand each other. Stop that node and start it again with this version.`);
}
function shortVersion(version) {
	return typeof version == "string" ? version.slice(0, 64) : "of unknown version";
}
function isShort(value) {
	return typeof value != "string" || value.length <= MAX_ERROR_LENGTH;
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
// src/node/control-channel.ts
/** One connection of the control socket, on which any number of writers take turns. */
var ControlChannel = class {
	#messages;
	#turn = new Limit(1);
	constructor(socket) {
		this.#messages = new MessageStream(new SocketByteStream(socket), CONTROL_LIMITS);
	}
	/** Says who we are; the first thing either side sends. */
	async greet() {
		await this.write({
			hello: "swarmcache control",
			protocol: 1,
			version: VERSION,
			pid: process.pid
		});
	}
	async write(header, body) {
		using _turn = await this.#turn.acquire();
		await this.#messages.write(header, body);
	}
	/** The next message, or undefined at the end; one reader at a time. */
	async read() {
		return await this.#messages.read();
	}
	/** Ends the connection at once. */
	abort(error) {
		this.#messages.abort(error);
	}
	/** Ends the connection after what was written has been sent. */
	async close() {
		await this.#messages.closeWrite();
	}
};
// src/node/control-path.ts
const SOCKET_NAME = "control.sock";
/**
* Where the node of `home` listens: `control.sock` in the home, or, where that path is too long for a
* socket, a file named after the home in a folder of this user under the system's temp folder.
*
* @throws ERR_CONTROL if even that path is too long.
*/
function controlPath(home) {
	let absolute = resolve(home), name = digestOf(absolute).slice(0, 20);
	if (process.platform === "win32") return `\\\\.\\pipe\\swarmcache-${name}`;
	let usual = join(absolute, SOCKET_NAME);
	if (fits(usual)) return usual;
	let short = join(tmpdir(), `swarmcache-${process.getuid?.() ?? 0}`, `${name}.sock`);
	if (fits(short)) return short;
	throw new SwarmCacheError("ERR_CONTROL", `No socket fits under ${absolute}, nor under the temp folder ${tmpdir()}: both paths are too long. Choose a shorter SWARMCACHE_HOME.`, { facts: { home: absolute } });
}
/** Creates the folder of the socket, readable by this user only if it is new. @throws ERR_CONTROL. */
async function prepareControlFolder(path) {
	if (process.platform !== "win32") {
		try {
			await mkdir(dirname(path), {
				recursive: !0,
				mode: 448
			});
		} catch (cause) {
			throw new SwarmCacheError("ERR_CONTROL", `The folder ${dirname(path)} of the control socket cannot be made: ${errorMessage(cause)}. Remove what is in the way, or choose another SWARMCACHE_HOME.`, {
				cause,
				facts: { folder: dirname(path) }
			});
		}
		if (!await isPrivate(path)) throw new SwarmCacheError("ERR_CONTROL", `The folder ${dirname(path)} belongs to another user or is open to others, so no control socket can be put there. Remove it, or choose a shorter SWARMCACHE_HOME.`, { facts: { folder: dirname(path) } });
	}
}
/** True unless others could have put the socket there: the shared temp folder is not to be trusted blindly. */
async function isPrivate(path) {
	if (process.platform === "win32" || path.endsWith(`/${SOCKET_NAME}`)) return !0;
	try {
		let folder = await lstat(dirname(path));
		return folder.isDirectory() && folder.uid === process.getuid?.() && !(folder.mode & 63);
	} catch {
		return !1;
	}
}
/** Lets nobody but this user connect. */
async function protectSocket(path) {
	process.platform !== "win32" && await chmod(path, 384);
}
function fits(path) {
	return Buffer.byteLength(path) <= 103;
}
export { readUnsignedEntry as S, readFrame as _, ControlChannel as a, readSignedEntry as b, decodeError as c, encodeDigests as d, encodeError as f, readDigest as g, protocolMismatch as h, protectSocket as i, decodeJson as l, encodeRefs as m, isPrivate as n, MAX_DIGESTS as o, encodeJson as p, prepareControlFolder as r, decodeDigests as s, controlPath as t, decodeRefs as u, readQuery as v, readTurnName as x, readRepository as y };
