import { i as inputError, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { n as isDigest, t as digestOf } from "./digest.js";
import { t as VERSION } from "./version.js";
import { r as MAX_MANIFEST_BYTES } from "./manifest.js";
import { t as Limit } from "./limit.js";
import { n as unpackAnswers, t as packAnswers } from "./answer-pack.js";
import { n as isTurnResult } from "./lease.js";
import { t as MessageStream } from "./message.js";
import { n as inboxName, r as isInboxName } from "./inbox.js";
import { r as parseSignedEntry } from "./entry.js";
import { t as SocketByteStream } from "./socket-byte-stream.js";
import { n as NO_REQUESTS } from "./member-answers2.js";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, normalize, resolve } from "node:path";
import { statSync } from "node:fs";
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
*    `{ settle: id, good: [numbers], bad: [numbers] }`; a bad one comes again from somebody else. If it was
*    called with `placed` too, frames may come as their places in files of the home: `{ id }` with a list of
*    `PlacedFrame` as body, which the client settles in the same way.
*    `takeTurn` may be answered with any number of `{ id, waiting: progress }` before its result.
* 4. `inbox` is answered with the folder and prefix of an inbox (core/inbox.ts) and what tells the folder from
*    another of that path; `take` names the `prefix` and, as body, files that the client has written there.
* 5. `findAnswers` and `putAnswer` carry answers of the GitHub API as api-cache/answer-pack.ts makes them, `takeTurn`
*    with `answers` takes turns for them; `countApi` says what became of the client's requests so far.
* 6. Who has a turn, which the client has named itself, says `renewTurn` twice a second until `endTurn`.
*
* A connection that ends takes back every call on it.
*/
const CONTROL_LIMITS = {
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
	if (typeof query != "object" || !query || !isName$1(query.repository) || !isName$1(query.key) || !isDigest(query.version) || !isNameList(query.scopes) || !isNameList(query.restoreKeys) || !isNameList(query.except ?? [])) throw malformed$2("the query is incomplete");
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
	if (entry === void 0) throw malformed$2("the entry is incomplete");
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
	if (entry === void 0) throw malformed$2("the entry is incomplete");
	let { writer: _writer, signature: _signature, ...unsigned } = entry;
	return unsigned;
}
function readFrame({ header, body }) {
	let digest = readDigest(header), bytes = header.bytes;
	if (!Number.isSafeInteger(bytes) || Number(bytes) <= 0 || Number(bytes) > 1048576) throw malformed$2("a chunk has no valid size");
	if (body.length === 0 || body.length > 1056768) throw malformed$2(`a frame has ${body.length} bytes`);
	return {
		chunk: {
			digest,
			bytes: Number(bytes)
		},
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
function readDigest(header) {
	let { digest } = header;
	if (!isDigest(digest)) throw malformed$2("a digest is missing");
	return digest;
}
/** How a client says that its turn has ended. */
function readTurnResult({ result }) {
	if (!isTurnResult(result)) throw malformed$2("a turn ended in no known way");
	return result;
}
/** The name that a client gave to a turn. */
function readTurnName(header) {
	let { turn } = header;
	if (typeof turn != "string" || turn === "" || turn.length > 64) throw malformed$2("a turn has no name");
	return turn;
}
function encodeDigests(digests) {
	let bytes = Buffer.allocUnsafe(digests.length * 32);
	for (let [index, digest] of digests.entries()) bytes.write(digest, index * 32, "hex");
	return bytes;
}
function decodeDigests(body) {
	if (body.length % 32 != 0 || body.length > 524288) throw malformed$2(`a list of digests has ${body.length} bytes`);
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
	if (body.length % 36 != 0) throw malformed$2(`a list of chunks has ${body.length} bytes`);
	let bytes = Buffer.from(body.buffer, body.byteOffset, body.length), chunks = /* @__PURE__ */ new Map();
	for (let offset = 0; offset < bytes.length; offset += 36) {
		let digest = bytes.toString("hex", offset, offset + 32), size = bytes.readUInt32BE(offset + 32);
		if (size === 0 || size > 1048576) throw malformed$2(`a chunk claims ${size} bytes`);
		if (chunks.has(digest)) throw malformed$2("a chunk is asked for twice");
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
		throw malformed$2("an answer is not JSON", cause);
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
	if (theirs.hello !== "swarmcache control") return malformed$2("the other side does not greet as one of ours");
	if (theirs.protocol !== 2) return new SwarmCacheError("ERR_CONTROL", `The running node is of swarmcache ${shortVersion(versions.node)}, this is ${shortVersion(versions.client)}, and they do not understand each other. Stop that node and start it again with this version.`);
}
function shortVersion(version) {
	return typeof version == "string" ? version.slice(0, 64) : "of unknown version";
}
function isShort(value) {
	return typeof value != "string" || value.length <= MAX_ERROR_LENGTH;
}
function isName$1(value) {
	return typeof value == "string" && value.length > 0 && value.length <= 1024;
}
function isNameList(value) {
	return Array.isArray(value) && value.length <= 64 && value.every(isName$1);
}
function malformed$2(why, cause) {
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
			protocol: 2,
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
				if (found === void 0 || more.length > 0 || !found.answer.shared) throw malformed$1("it brings no answer");
				if (found.answer.repository !== header.repository) throw malformed$1("it names another");
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
	if (end === 0 || end > Math.min(bytes.length, 65536)) throw malformed$1("it is cut off");
	let found = unpackAnswers(body.subarray(end));
	if (found === void 0) throw malformed$1("an answer in it is damaged");
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
		return !isCount$1(limit) || !isCount$1(remaining) || !isCount$1(reset) || !isCount$1(seen) ? [] : [[name, {
			limit,
			remaining,
			reset,
			seen
		}]];
	}) : [];
}
function readScope(header) {
	let { repository, scope, readable } = header.scope ?? {};
	if (repository !== header.repository || !isName(repository) || !isName(scope) || !Array.isArray(readable) || readable.length > 64 || !readable.every(isName)) throw malformed$1("its scope is incomplete");
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
	let read = Object.keys(names).map((name) => [name, isCount$1(given[name]) ? given[name] : 0]);
	return Object.fromEntries(read);
}
function isName(value) {
	return typeof value == "string" && value !== "" && value.length <= MAX_NAME_LENGTH;
}
function isCount$1(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
function malformed$1(why) {
	return new SwarmCacheError("ERR_FRAME", `A control message about answers is malformed: ${why}.`);
}
// src/node/control-inboxes.ts
const MAX_RECORDS = 4096;
/** The inboxes of the repositories that one connection's client saves to. */
var ControlInboxes = class {
	#inboxes = /* @__PURE__ */ new Map();
	async open(repository, tiers) {
		let inbox = await this.#inbox(repository, tiers), place = inbox && placeOf(inbox.folder);
		return place === void 0 ? {} : {
			folder: inbox?.folder,
			prefix: inbox?.prefix,
			place
		};
	}
	/** Takes over what the client has written, perhaps into the inbox of a connection before this one. */
	async take(repository, tiers, { header: { prefix }, body }) {
		let inbox = await this.#inbox(repository, tiers);
		if (inbox === void 0) throw new SwarmCacheError("ERR_STORE", "The node has nowhere to take files from.");
		if (!isInboxName(prefix)) throw malformed("the files to be taken over have no prefix");
		await inbox.take(decodeWritten(body, prefix));
	}
	async #inbox(repository, tiers) {
		return this.#inboxes.has(repository) || this.#inboxes.set(repository, await tiers.inbox()), this.#inboxes.get(repository);
	}
};
/** The inbox that was offered, if this process finds it where the node has it. */
function openInbox(offer, send) {
	let { folder, prefix, place } = offer ?? {};
	return typeof folder != "string" || !isInboxName(prefix) || placeOf(folder) !== place ? void 0 : {
		folder,
		prefix,
		take: async (frames) => {
			for (let start = 0; start < frames.length; start += MAX_RECORDS) await send(prefix, encodeWritten(frames.slice(start, start + MAX_RECORDS)));
		}
	};
}
function encodeWritten(frames) {
	let bytes = Buffer.allocUnsafe(frames.length * 44), offset = 0;
	for (let { chunk, frameBytes, name } of frames) bytes.write(chunk.digest, offset, "hex"), offset = bytes.writeUInt32BE(chunk.bytes, offset + 32), offset = bytes.writeUInt32BE(frameBytes, offset), offset = bytes.writeUInt32BE(Number(name.slice(name.lastIndexOf("-") + 1)), offset);
	return bytes;
}
function decodeWritten(body, prefix) {
	if (body.length % 44 != 0 || body.length > MAX_RECORDS * 44) throw malformed(`a list of files has ${body.length} bytes`);
	let bytes = Buffer.from(body.buffer, body.byteOffset, body.length), frames = [];
	for (let offset = 0; offset < bytes.length; offset += 44) {
		let sizes = offset + 32;
		frames.push({
			chunk: {
				digest: bytes.toString("hex", offset, sizes),
				bytes: bytes.readUInt32BE(sizes)
			},
			frameBytes: bytes.readUInt32BE(sizes + 4),
			name: inboxName({ prefix }, bytes.readUInt32BE(sizes + 8))
		});
	}
	return frames;
}
function placeOf(folder) {
	try {
		let { dev, ino } = statSync(folder, { bigint: !0 });
		return `${dev}:${ino}`;
	} catch {
		return;
	}
}
function malformed(why) {
	return new SwarmCacheError("ERR_FRAME", `A control message is malformed: ${why}.`);
}
/** Collects places for messages of many. */
var PlaceMessages = class {
	#write;
	#waiting = [];
	#waitingBytes = 0;
	#timer;
	constructor(write) {
		this.#write = write;
	}
	/** Resolves when the next may be added. */
	async add(frame) {
		this.#waiting.push(frame), this.#waitingBytes += frame.bytes, this.#waiting.length >= 256 || this.#waitingBytes >= 524288 ? await this.flush() : this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), 2);
	}
	async flush() {
		clearTimeout(this.#timer), this.#timer = void 0, this.#waitingBytes = 0;
		let frames = this.#waiting;
		this.#waiting = [], frames.length > 0 && await this.#write(encodeJson(frames));
	}
};
/**
* The frames of a message, with the numbers under which they are settled.
*
* @throws ERR_FRAME for one that nobody asked for, or that is not in the home.
*/
function readPlaces(body, chunks, home) {
	let frames = decodeJson(body);
	if (!Array.isArray(frames)) throw misplaced();
	return frames.map((given) => {
		let { path, position, bytes, unopened } = given ?? {};
		if (typeof path != "string" || !isInside(path) || !isCount(position, 2 ** 53 - 1) || !isCount(bytes, 1056768) || !isCount(unopened, 2 ** 53 - 1)) throw misplaced();
		let place = {
			path: join(home, path),
			position,
			bytes
		};
		return {
			frame: {
				...readSource(given ?? {}, chunks),
				bytes: /* @__PURE__ */ new Uint8Array(),
				place
			},
			number: unopened
		};
	});
}
function isInside(path) {
	return !path.includes("\0") && !isAbsolute(path) && !normalize(path).startsWith("..");
}
function isCount(value, max) {
	return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= max;
}
function misplaced() {
	return new SwarmCacheError("ERR_FRAME", "The node named a file that is not one of its frames.");
}
export { readTurnResult as A, readDigest as C, readSignedEntry as D, readRepository as E, readSource as O, readCommittedEntry as S, readQuery as T, encodeDigests as _, ControlAnswers as a, encodeRefs as b, isPrivate as c, ControlChannel as d, MAX_DIGESTS as f, decodeRefs as g, decodeJson as h, openInbox as i, readTurnName as k, prepareControlFolder as l, decodeError as m, readPlaces as n, unpackFound as o, decodeDigests as p, ControlInboxes as r, controlPath as s, PlaceMessages as t, protectSocket as u, encodeError as v, readFrame as w, protocolMismatch as x, encodeJson as y };
