import { n as makeFrameSync } from "./chunk.js";
import { t as SegmentPacker } from "./segment-packer.js";
import { t as packError } from "./worker-thread.js";
import { parentPort } from "node:worker_threads";
// src/archive/pack-worker.ts
/** The side that knows which chunks exist, seen from a thread: one question is open at a time. */
var RemotePort = class {
	#slot;
	answer = () => {};
	constructor(slot) {
		this.#slot = slot;
	}
	ask(chunks) {
		return send({
			slot: this.#slot,
			ask: chunks
		}), new Promise((resolve) => this.answer = resolve);
	}
	async put(frames) {
		send({
			slot: this.#slot,
			put: frames
		}, frames.map(({ frame }) => frame.buffer)), await new Promise((resolve) => this.answer = resolve);
	}
};
function send(message, transfer = []) {
	parentPort.postMessage(message, transfer);
}
const slots = [];
parentPort.on("message", (message) => {
	let { slot } = message;
	"job" in message ? pack(slot, message.job) : slots[slot].port.answer("wanted" in message ? message.wanted : []);
});
async function pack(slot, job) {
	try {
		if (slots[slot] === void 0) {
			let port = new RemotePort(slot);
			slots[slot] = {
				port,
				packer: new SegmentPacker(port, makeFrameSync)
			};
		}
		send({
			slot,
			packed: await slots[slot].packer.pack(job)
		});
	} catch (error) {
		send({
			slot,
			error: packError(error)
		});
	}
}
export {};
