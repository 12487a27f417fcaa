import { t as Limit } from "./limit.js";
import { n as isDigest, t as digestOf } from "./digest.js";
import { n as errnoOf, r as errorMessage } from "./errors.js";
import { n as unpackAnswers, t as packAnswers } from "./answer-pack.js";
import { t as MAX_ANSWER_BYTES } from "./answer-wire.js";
import { r as addAnswer } from "./memory-shelf2.js";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { mkdir, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
// src/api-cache/disk-shelf.ts
const MAGIC = Buffer.from("swarmcache answers 1\n"), HEAD_BYTES = MAGIC.length + 64, MAX_FILE_BYTES = HEAD_BYTES + 4 * (262152 + MAX_ANSWER_BYTES);
/**
* Answers in files of a folder, one for each key, which is written beside and moved into place; the files used least
* recently go first. Two processes may use one folder: each counts what it has seen.
*/
var DiskShelf = class {
	#folder;
	#limitBytes;
	#logger;
	#work = new Limit(8);
	/** One write of a key at a time. */
	#writing = /* @__PURE__ */ new Map();
	/** Bytes of each, least recently used first. */
	#files = /* @__PURE__ */ new Map();
	#bytes = 0;
	#opened;
	#hasWarned = !1;
	constructor({ logger }, { folder, limitBytes }) {
		this.#folder = folder, this.#limitBytes = limitBytes, this.#logger = logger;
	}
	async get(key) {
		return (await this.#guarded([], async () => await this.#read(key))).map((answer) => ({
			answer,
			tier: "disk"
		}));
	}
	async put(answer) {
		let write = (this.#writing.get(answer.key) ?? Promise.resolve()).then(async () => await this.#guarded(void 0, async () => this.#add(answer)));
		this.#writing.set(answer.key, write), await write, this.#writing.get(answer.key) === write && this.#writing.delete(answer.key);
	}
	async delete(key, digest) {
		await this.#guarded(void 0, async () => {
			let left = (await this.#read(key)).filter((answer) => answer.digest !== digest);
			left.length === 0 ? await this.#remove(key) : await this.#write(key, left);
		});
	}
	usage() {
		return {
			bytes: this.#bytes,
			answers: this.#files.size
		};
	}
	async close() {
		await Promise.all(this.#writing.values());
	}
	async #add(answer) {
		let kept = await this.#read(answer.key), same = kept.find(({ digest, scope }) => digest === answer.digest && scope === answer.scope);
		same !== void 0 && answer.validated - same.validated < 3e5 || (await this.#write(answer.key, addAnswer(kept, answer)), await this.#makeRoom());
	}
	async #read(key) {
		let bytes;
		try {
			let path = this.#path(key), { size } = await stat(path);
			if (size > MAX_FILE_BYTES) throw RangeError("it is too large");
			bytes = await readFile(path);
		} catch (error) {
			if (errnoOf(error) === "ENOENT") return this.#forget(key), [];
			throw error;
		}
		this.#remember(key, bytes.length);
		let answers = decodeFile(bytes, key);
		return answers === void 0 ? (this.#logger.log("warning", "Stored answers of the API were damaged; they are fetched again."), await this.#remove(key), []) : answers;
	}
	async #write(key, answers) {
		let part = join(this.#folder, `${key}.${randomUUID()}.part`), packed = packAnswers(answers.map((answer) => ({
			answer,
			tier: "disk"
		})));
		try {
			let file = await open(part, "wx", 384);
			try {
				await file.writev([
					MAGIC,
					Buffer.from(digestOf(packed)),
					packed
				]);
			} finally {
				await file.close();
			}
			await rename(part, this.#path(key));
		} catch (error) {
			throw await rm(part, { force: !0 }), error;
		}
		this.#remember(key, HEAD_BYTES + packed.length);
	}
	/** Removes what was used least recently until the rest fits. */
	async #makeRoom() {
		for (let key of this.#files.keys()) {
			if (this.#bytes <= this.#limitBytes && this.#files.size <= 2e4) return;
			await this.#remove(key);
		}
	}
	async #remove(key) {
		await rm(this.#path(key), { force: !0 }), this.#forget(key);
	}
	#remember(key, bytes) {
		this.#forget(key), this.#files.set(key, bytes), this.#bytes += bytes;
	}
	#forget(key) {
		this.#bytes -= this.#files.get(key) ?? 0, this.#files.delete(key);
	}
	/** Faults of the disk are misses; the first is told. */
	async #guarded(otherwise, work) {
		try {
			return this.#opened ??= this.#open(), await this.#opened, await this.#work.run(work);
		} catch (error) {
			let level = this.#hasWarned ? "debug" : "warning";
			return this.#hasWarned = !0, this.#logger.log(level, `Answers of the API cannot be kept on disk: ${errorMessage(error)}. Going on without.`, { folder: this.#folder }), otherwise;
		}
	}
	/** Counts what an earlier process has left, oldest first. */
	async #open() {
		await mkdir(this.#folder, {
			recursive: !0,
			mode: 448
		});
		let found = [];
		for (let name of await readdir(this.#folder)) {
			let path = join(this.#folder, name), facts = await stat(path).catch(() => void 0);
			if (facts === void 0 || !facts.isFile()) continue;
			let { size, mtimeMs } = facts;
			name.endsWith(".part") && Date.now() - mtimeMs > 6e5 && await rm(path, { force: !0 }), isDigest(name) && found.push({
				key: name,
				bytes: size,
				at: mtimeMs
			});
		}
		for (let { key, bytes } of found.toSorted((a, b) => a.at - b.at)) this.#remember(key, bytes);
	}
	#path(key) {
		return join(this.#folder, key);
	}
};
/** The answers of `key` in a file, or undefined if it is damaged in any place. */
function decodeFile(bytes, key) {
	if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return;
	let packed = bytes.subarray(HEAD_BYTES);
	if (bytes.toString("latin1", MAGIC.length, HEAD_BYTES) !== digestOf(packed)) return;
	let answers = unpackAnswers(packed)?.map(({ answer }) => answer);
	return answers?.every((answer) => answer.key === key) === !0 && answers.length <= 4 ? answers : void 0;
}
export { DiskShelf };
