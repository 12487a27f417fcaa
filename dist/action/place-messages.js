import { r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as digestOf } from "./digest.js";
import { t as VERSION } from "./version.js";
import "./manifest.js";
import { t as Limit } from "./limit.js";
import { t as MessageStream } from "./message.js";
import { n as inboxName, r as isInboxName } from "./inbox.js";
import { t as SocketByteStream } from "./socket-byte-stream.js";
import { C as readSource, d as encodeJson, i as TIERS, m as readChunk, n as HELLO, s as decodeJson, t as CONTROL_LIMITS, v as readFrame } from "./control-protocol.js";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, normalize, relative, resolve } from "node:path";
import { statSync } from "node:fs";
import { chmod, lstat, mkdir } from "node:fs/promises";
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
			hello: HELLO,
			protocol: 4,
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
		let unopened = given?.unopened;
		if (!isCount(unopened, 2 ** 53 - 1)) throw misplaced();
		let place = readPlace(given, home);
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
/** A piece of an archive as the header and body of a message; its place is relative to `home`. */
function encodePiece({ chunk, bytes, place, tier, peer, archiveBytes }, home) {
	let placed = place && {
		...place,
		path: relative(home, place.path)
	};
	return {
		header: {
			...chunk,
			tier,
			peer,
			archiveBytes,
			place: placed
		},
		body: bytes
	};
}
/** What `encodePiece` made. @throws ERR_FRAME if it is malformed, or its place is not in the home. */
function readPiece(message, home) {
	let { tier, peer, archiveBytes, place } = message.header;
	if (!TIERS.includes(tier) || !isCount(archiveBytes, 2 ** 53 - 1)) throw misplaced();
	let piece = {
		...place === void 0 ? readFrame(message) : {
			chunk: readChunk(message.header),
			bytes: message.body,
			place: readPlace(place, home)
		},
		tier,
		archiveBytes
	};
	return typeof peer == "string" ? {
		...piece,
		peer
	} : piece;
}
function readPlace(value, home) {
	let { path, position, bytes } = value ?? {};
	if (typeof path != "string" || !isInside(path) || !isCount(position, 2 ** 53 - 1) || !isCount(bytes, 1056768)) throw misplaced();
	return {
		path: join(home, path),
		position,
		bytes
	};
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
export { ControlInboxes as a, isPrivate as c, ControlChannel as d, readPlaces as i, prepareControlFolder as l, encodePiece as n, openInbox as o, readPiece as r, controlPath as s, PlaceMessages as t, protectSocket as u };
