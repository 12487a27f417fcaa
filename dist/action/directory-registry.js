import { n as errnoOf } from "./errors.js";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { constants, mkdirSync, watch } from "node:fs";
import { lstat, mkdir, open, opendir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
/**
* Calls `onChange` soon after a file whose name passes `isWanted` appeared, changed or went,
* until the returned function is called. The folder is made if it does not exist.
*/
function watchFolder(folder, isWanted, onChange) {
	let watcher, pending, lastMs = 0, stopped = !1, notify = () => {
		if (pending !== void 0 || stopped) return;
		let waitMs = Math.max(0, lastMs + 250 - performance.now());
		pending = setTimeout(() => {
			pending = void 0, lastMs = performance.now(), onChange();
		}, waitMs), pending.unref();
	}, attach = () => {
		try {
			mkdirSync(folder, { recursive: !0 }), watcher = watch(folder, { persistent: !1 }, (_event, name) => {
				(name === null || isWanted(name)) && notify();
			}), watcher.on("error", () => {
				watcher?.close(), watcher = void 0;
			});
		} catch {
			watcher = void 0;
		}
	}, seen, poll = async () => {
		let now = await fingerprint(folder, isWanted);
		seen !== void 0 && now !== seen && notify(), seen = now, stopped || (watcher === void 0 && attach(), timer = setTimeout(() => void poll(), 3e3), timer.unref());
	};
	attach();
	let timer;
	return poll(), () => {
		stopped = !0, clearTimeout(timer), clearTimeout(pending), watcher?.close();
	};
}
/** Something that changes whenever a wanted file does; empty if the folder cannot be read. */
async function fingerprint(folder, isWanted) {
	try {
		let names = (await readdir(folder)).filter(isWanted).sort(), times = await Promise.all(names.map(async (name) => (await stat(join(folder, name)).catch(() => void 0))?.mtimeMs));
		return names.map((name, index) => `${name} ${times[index]}`).join("\n");
	} catch {
		return "";
	}
}
// src/registry/directory-registry.ts
const RECORD_PATTERN = /^([0-9a-f]{64})\.jwe$/, DRAFT_PATTERN = /^[0-9a-f]{64}\.[0-9a-f]{12}\.tmp$/, MAX_RECORD_BYTES = 8192;
/** Peers announce themselves in a folder that they share; safe with any number of processes. */
var DirectoryRegistry = class {
	name;
	#keys;
	#folder;
	constructor(parts, options) {
		this.name = `dir:${options.path}`, this.#keys = parts.keys, this.#folder = join(options.path, parts.keys.place);
	}
	async announce(record, options) {
		let sealed = await this.#keys.seal(record);
		options?.signal?.throwIfAborted();
		let name = this.#keys.recordName(record.peerId), draft = join(this.#folder, `${name}.${randomBytes(6).toString("hex")}.tmp`);
		await mkdir(this.#folder, { recursive: !0 });
		try {
			await writeFile(draft, sealed, {
				flag: "wx",
				signal: options?.signal
			}), await rename(draft, join(this.#folder, `${name}.jwe`));
		} catch (error) {
			throw await rm(draft, { force: !0 }), options?.signal?.aborted === !0 ? options.signal.reason : error;
		}
	}
	async discover(options) {
		let files = await this.#list(options?.signal), newest = files.filter((file) => file.recordName !== void 0).sort((a, b) => b.modifiedMs - a.modifiedMs).slice(0, 512), now = Date.now(), records = [];
		for (let file of newest) {
			options?.signal?.throwIfAborted();
			let record = await this.#read(file);
			record !== void 0 && (record.expires > now ? records.push(record) : record.expires + 6e4 < now && await remove(file.path));
		}
		for (let file of files) file.modifiedMs + 864e5 < now && await this.#sweep(file);
		return records;
	}
	async withdraw(peerId, options) {
		options?.signal?.throwIfAborted(), await rm(join(this.#folder, `${this.#keys.recordName(peerId)}.jwe`), { force: !0 });
	}
	watch(onChange) {
		return watchFolder(this.#folder, (name) => RECORD_PATTERN.test(name), onChange);
	}
	/** Files that are ours by their names; none if the folder does not exist yet. */
	async #list(signal) {
		let files = [];
		try {
			let names = 0;
			for await (let { name } of await opendir(this.#folder)) {
				if (signal?.throwIfAborted(), ++names > 8192) break;
				let recordName = RECORD_PATTERN.exec(name)?.[1];
				if (recordName === void 0 && !DRAFT_PATTERN.test(name)) continue;
				let path = join(this.#folder, name), stats = await lstat(path).catch(ignoreMissing);
				stats !== void 0 && files.push({
					path,
					recordName,
					modifiedMs: stats.mtimeMs
				});
			}
		} catch (error) {
			if (errnoOf(error) !== "ENOENT") throw error;
		}
		return files;
	}
	/** The record in a file, if a member sealed it under the name that it has. */
	async #read(file) {
		let sealed = await readBounded(file.path), record = sealed === void 0 ? void 0 : await this.#keys.open(sealed);
		if (record !== void 0 && this.#keys.recordName(record.peerId) === file.recordName) return record;
	}
	async #sweep(file) {
		let record = file.recordName === void 0 ? void 0 : await this.#read(file);
		(record === void 0 || record.expires < Date.now()) && await remove(file.path);
	}
};
async function readBounded(path) {
	try {
		let flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
		await using file = await open(path, flags);
		let stats = await file.stat();
		if (!stats.isFile() || stats.size > MAX_RECORD_BYTES) return;
		let { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(MAX_RECORD_BYTES) });
		return buffer.toString("utf8", 0, bytesRead);
	} catch {
		return;
	}
}
async function remove(path) {
	await rm(path, { force: !0 }).catch(() => {});
}
function ignoreMissing(error) {
	if (errnoOf(error) !== "ENOENT") throw error;
}
export { DirectoryRegistry };
