import { o as isSwarmCacheError, t as SwarmCacheError } from "./errors.js";
import { a as textOf$1, i as parentOf, n as fsPath, r as joinPath, t as bytePath } from "./byte-path.js";
import { n as COVERED, t as PathSelection } from "./path-selection.js";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { lstatSync, realpathSync } from "node:fs";
// src/archive/tar-headers.ts
const KINDS = {
	0: "file",
	"\0": "file",
	7: "file",
	1: "hardlink",
	2: "symlink",
	5: "folder"
};
/**
* Reads the headers of a tar archive (POSIX pax, ustar and GNU's long names) from its bytes as they come.
*
* Whatever `tar` could understand in another way than this does, or that caches of files do not hold (devices,
* sparse files, archives of several volumes), is refused.
*/
var TarHeaders = class {
	#onEntry;
	#block = Buffer.alloc(512);
	#filled = 0;
	#skipBytes = 0;
	/** What is being read instead of skipped: the type of its header, and how much of it is no padding. */
	#records;
	/** What the headers before the next one say of it. */
	#next = {};
	#isOver = !1;
	constructor(onEntry) {
		this.#onEntry = onEntry;
	}
	/** Takes the next bytes. @throws ERR_INTEGRITY, or what the listener throws. */
	put(bytes) {
		for (let at = 0; at < bytes.length;) {
			if (this.#skipBytes > 0) {
				let end = Math.min(bytes.length, at + this.#skipBytes);
				this.#records?.pieces.push(bytes.subarray(at, end)), this.#skipBytes -= end - at, at = end, this.#skipBytes === 0 && this.#readRecords();
				continue;
			}
			let end = Math.min(bytes.length, at + 512 - this.#filled);
			bytes.copy(this.#block, this.#filled, at, end), this.#filled += end - at, at = end, this.#filled < 512 || (this.#filled = 0, this.#readBlock(this.#block));
		}
	}
	/** @throws ERR_INTEGRITY if the archive ends in the middle. */
	end() {
		if (!this.#isOver || this.#filled > 0) throw damaged$1("it ends too early");
	}
	#readBlock(block) {
		let isEmpty = block.every((byte) => byte === 0);
		if (isEmpty || this.#isOver) {
			if (!isEmpty) throw damaged$1("something follows its end");
			this.#isOver = !0;
			return;
		}
		if (checkSum(block), block.toString("latin1", 257, 262) !== "ustar") throw damaged$1("a header is of no known kind");
		let type = String.fromCharCode(block[156]), bytes = this.#next.bytes ?? numberOf(block, 124, 12);
		if ("xgLK".includes(type)) {
			let own = numberOf(block, 124, 12);
			if (own === 0 || own > 262144) throw damaged$1(`a header claims ${own} bytes`);
			this.#records = {
				type,
				bytes: own,
				pieces: []
			}, this.#skipBytes = padded(own);
			return;
		}
		let kind = KINDS[type];
		if (kind === void 0) throw damaged$1(`it holds something of the type "${type}"`);
		let path = this.#next.path ?? nameOf(block), target = this.#next.target ?? textOf(block, 157, 100);
		this.#next = {};
		let isFolder = kind === "file" && path.endsWith("/");
		if (this.#onEntry({
			path,
			kind: isFolder ? "folder" : kind,
			target
		}), this.#skipBytes = kind === "file" ? padded(bytes) : 0, kind !== "file" && bytes !== 0) throw damaged$1("what is no file has content");
	}
	#readRecords() {
		let records = this.#records;
		if (records === void 0) return;
		this.#records = void 0;
		let content = Buffer.concat(records.pieces).subarray(0, records.bytes);
		if (records.type === "L" || records.type === "K") {
			let text = content.toString("latin1").replace(/\0+$/, "");
			if (text === "" || text.includes("\0")) throw damaged$1("a long name is malformed");
			this.#set(records.type === "L" ? "path" : "target", text);
		} else for (let [key, value] of paxRecords(content)) {
			let isForAll = records.type === "g";
			if (key === "path" || key === "linkpath" || key === "size") {
				if (isForAll) throw damaged$1(`it says the ${key} of everything`);
				if (key !== "size") this.#set(key === "path" ? "path" : "target", value);
				else if (!/^\d{1,15}$/.test(value) || this.#next.bytes !== void 0) throw damaged$1("a size is malformed");
				else this.#next.bytes = Number(value);
			} else if (/^(?:GNU|LIBARCHIVE|SCHILY|SUN)\.(?!xattr\.|acl\.|dev$|ino$|nlink$|fflags$|creationtime$)/.test(key)) throw damaged$1(`it needs "${key}", which is not understood`);
		}
	}
	#set(name, value) {
		if (value === "" || value.includes("\0") || this.#next[name] !== void 0) throw damaged$1("a name is malformed");
		this.#next[name] = value;
	}
};
/** Records `length key=value\n`, whose values may hold anything. */
function* paxRecords(content) {
	for (let at = 0; at < content.length;) {
		let length = /^\d{1,7}(?= )/.exec(content.toString("latin1", at, at + 8))?.[0], end = at + Number(length ?? NaN);
		if (!(end <= content.length) || content[end - 1] !== 10) throw damaged$1("a record is malformed");
		let text = content.toString("latin1", at + length.length + 1, end - 1), equals = text.indexOf("=");
		if (equals <= 0) throw damaged$1("a record is malformed");
		yield [text.slice(0, equals), text.slice(equals + 1)], at = end;
	}
}
function checkSum(block) {
	let sum = 0;
	for (let [index, byte] of block.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
	if (sum !== numberOf(block, 148, 8)) throw damaged$1("a header has another sum than it says");
}
/** A number as octal digits, or in binary where they are too few. */
function numberOf(block, start, length) {
	if (block[start] & 128) {
		let isSmall = block.subarray(start + 1, start + length - 6).every((byte) => byte === 0);
		if (block[start] !== 128 || !isSmall) throw damaged$1("a number is too large");
		return block.readUIntBE(start + length - 6, 6);
	}
	let text = block.toString("latin1", start, start + length).replace(/[\0 ]+$/, "").trimStart();
	if (!/^[0-7]*$/.test(text)) throw damaged$1("a number is malformed");
	return Number.parseInt(text || "0", 8);
}
function nameOf(block) {
	let name = textOf(block, 0, 100), prefix = block.toString("latin1", 257, 263) === "ustar\0" ? textOf(block, 345, 155) : "";
	return prefix === "" ? name : `${prefix}/${name}`;
}
function textOf(block, start, length) {
	let text = block.toString("latin1", start, start + length), end = text.indexOf("\0");
	return end === -1 ? text : text.slice(0, end);
}
function padded(bytes) {
	return Math.ceil(bytes / 512) * 512;
}
function damaged$1(why) {
	return new SwarmCacheError("ERR_INTEGRITY", `The archive is damaged: ${why}.`);
}
// src/archive/tar-check.ts
const ZSTD_MAGIC = [
	40,
	181,
	47,
	253
], GZIP_MAGIC = [31, 139], FREE_BYTES = 8 * 1024 ** 3;
/**
* Checks a compressed tar archive, as @actions/cache makes them, before `tar` gets to see the last of it: it is whole,
* and everything in it lies below the declared paths, without a way through a link.
*/
var TarCheck = class {
	#selection;
	#folder;
	/** What `..` starts from. */
	#realFolder;
	#headers;
	#symlinks = /* @__PURE__ */ new Set();
	/** Folders of which it is known that they lead nowhere else. */
	#plain = /* @__PURE__ */ new Set();
	#decoder;
	#fault;
	#archiveBytes = 0;
	#plainBytes = 0;
	constructor(paths, options) {
		this.#selection = PathSelection.of(paths, options.workingDirectory), this.#folder = bytePath(options.folder), this.#realFolder = bytePath(realpathSync(options.folder)), this.#headers = new TarHeaders((entry) => this.#checkEntry(entry));
	}
	async write(bytes) {
		if (bytes.length === 0) return;
		this.#archiveBytes += bytes.length;
		let decoder = this.#decoder ??= this.#decoderOf(bytes);
		await new Promise((resolve, reject) => {
			decoder.write(bytes, (error) => {
				error || this.#fault !== void 0 ? reject(this.#reason(error)) : resolve();
			});
		});
	}
	async end() {
		let decoder = this.#decoder;
		if (decoder === void 0) throw damaged("it is empty");
		await new Promise((resolve, reject) => {
			decoder.once("end", resolve), decoder.once("error", (error) => reject(this.#reason(error))), decoder.end();
		}), this.#headers.end();
	}
	close() {
		this.#decoder?.destroy();
	}
	#decoderOf(first) {
		let starts = (magic) => magic.every((byte, index) => first[index] === byte);
		if (!starts(ZSTD_MAGIC) && !starts(GZIP_MAGIC)) throw damaged("it is not compressed as usual");
		let options = { chunkSize: 524288 }, decoder = starts(ZSTD_MAGIC) ? createZstdDecompress(options) : createGunzip(options);
		return decoder.on("error", (error) => this.#fault ??= error), decoder.on("data", (plain) => {
			try {
				if (this.#plainBytes += plain.length, this.#plainBytes > FREE_BYTES + 200 * this.#archiveBytes) throw damaged("it unpacks to more than any cache has");
				this.#headers.put(plain);
			} catch (error) {
				this.#fault ??= error, decoder.destroy(error);
			}
		}), decoder;
	}
	#reason(error) {
		let reason = this.#fault ?? error;
		return isSwarmCacheError(reason) ? reason : damaged("it does not unpack", reason);
	}
	#checkEntry({ path, kind, target }) {
		let place = this.#place(path, kind === "folder");
		if (this.#symlinks.delete(place), kind === "symlink" && (this.#symlinks.add(place), this.#plain.clear()), kind !== "hardlink") return;
		let linked = this.#place(target, !1);
		if (this.#symlinks.has(linked)) throw outside(target, "is a link to a link");
	}
	/** The absolute path of a name in the archive. @throws ERR_PATH if it is none that may be written. */
	#place(name, isFolder) {
		let place = this.#resolve(name), { states } = this.#selection.standingOf(place, isFolder), at = this.#selection.patterns.findIndex(({ negate }, index) => !negate && states[index] === COVERED);
		if (at === -1) throw outside(name, "is outside of the declared paths");
		let { root } = this.#selection.patterns[at], passed = [];
		for (let folder = place; folder !== root;) {
			let parent = parentOf(folder);
			if (parent === void 0 || parent.length < root.length) break;
			if (this.#symlinks.has(parent)) throw outside(name, "leads through a link");
			if (this.#plain.has(parent)) break;
			passed.push(parent), folder = parent;
		}
		for (let folder of passed) if (folder !== root) {
			if (lstatSync(fsPath(folder), { throwIfNoEntry: !1 })?.isSymbolicLink() === !0) throw outside(name, "leads through a link");
			this.#plain.add(folder);
		}
		return place;
	}
	#resolve(name) {
		let names = name.split("/").filter((part) => part !== "" && part !== ".");
		if (name.startsWith("/")) {
			if (names.includes("..")) throw outside(name, "climbs out of a folder");
			return `/${names.join("/")}`;
		}
		let folder = names[0] === ".." ? this.#realFolder : this.#folder;
		for (; names[0] === "..";) folder = parentOf(folder) ?? folder, names.shift();
		if (names.includes("..")) throw outside(name, "climbs out of a folder");
		return names.reduce((parent, part) => joinPath(parent, part), folder);
	}
};
function outside(name, why) {
	let path = textOf$1(name);
	return new SwarmCacheError("ERR_PATH", `The archive is not used: "${path}" in it ${why}.`, { facts: {
		path,
		undeclared: !0
	} });
}
function damaged(why, cause) {
	return new SwarmCacheError("ERR_INTEGRITY", `The archive is damaged: ${why}.`, { cause });
}
export { TarCheck };
