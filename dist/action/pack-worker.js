import { n as SegmentPacker, o as makeNewFrameSync, s as writeNewFrame } from "./segment-packer.js";
import { t as packError } from "./worker-thread.js";
import { parentPort } from "node:worker_threads";
// src/archive/pack-worker.ts
/** One packer of this thread, and its way to the side that knows which chunks exist: one question is open at a time. */
var PackSlot = class {
	#slot;
	#packer;
	#inbox;
	#files = 0;
	answer = () => {};
	constructor(slot) {
		this.#slot = slot, this.#packer = new SegmentPacker(this, (chunk, plain) => this.#store(chunk, plain));
	}
	async pack(job) {
		try {
			this.#inbox = job.inbox, this.#files = 0, send({
				slot: this.#slot,
				packed: await this.#packer.pack(job)
			});
		} catch (error) {
			send({
				slot: this.#slot,
				error: packError(error)
			});
		}
	}
	ask(chunks) {
		return send({
			slot: this.#slot,
			ask: chunks
		}), new Promise((resolve) => this.answer = resolve);
	}
	async put(frames) {
		let transfer = [];
		for (let { frame } of frames) frame !== void 0 && transfer.push(frame.buffer);
		send({
			slot: this.#slot,
			put: frames
		}, transfer), await new Promise((resolve) => this.answer = resolve);
	}
	#store(chunk, plain) {
		if (this.#inbox === void 0) return makeNewFrameSync(chunk, plain);
		let file = this.#inbox.firstFile + this.#files;
		return this.#files += 1, writeNewFrame(chunk, plain, `${this.#inbox.path}-${file}`, file);
	}
};
function send(message, transfer = []) {
	parentPort.postMessage(message, transfer);
}
const slots = [];
parentPort.on("message", (message) => {
	message === "end" && process.exit();
	let { slot } = message;
	"job" in message ? (slots[slot] ??= new PackSlot(slot)).pack(message.job) : slots[slot].answer("wanted" in message ? message.wanted : []);
});
export {};
