import { a as openFrameSync } from "./chunk.js";
import { t as TreeWriter } from "./tree-writer.js";
import { t as packError } from "./worker-thread.js";
import { parentPort, workerData } from "node:worker_threads";
// src/archive/unpack-worker.ts
const writer = new TreeWriter(workerData);
parentPort.on("message", ({ bytes, jobs }) => {
	let before = writer.filesWritten, error;
	try {
		for (let { chunk, start, end, places } of jobs) {
			let plain = openFrameSync({
				chunk,
				bytes: bytes.subarray(start, end)
			});
			for (let place of places) writer.writeContent(plain, place);
		}
	} catch (thrown) {
		error = packError(thrown);
	}
	let outcome = {
		files: writer.filesWritten - before,
		error
	};
	parentPort.postMessage(outcome);
});
export {};
