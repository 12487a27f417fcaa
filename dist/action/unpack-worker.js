import { a as openFrameSync } from "./chunk.js";
import { i as freeMemory, t as packError } from "./worker-thread.js";
import { t as TreeWriter } from "./tree-writer.js";
import { parentPort, workerData } from "node:worker_threads";
// src/archive/unpack-worker.ts
const writer = new TreeWriter(workerData);
parentPort.on("message", ({ bytes, jobs }) => {
	let before = writer.filesWritten, failures = [];
	for (let [job, { chunk, start, end, places }] of jobs.entries()) try {
		let plain = openFrameSync({
			chunk,
			bytes: bytes.subarray(start, end)
		});
		for (let place of places) writer.writeContent(plain, place);
		freeMemory(plain);
	} catch (thrown) {
		failures.push({
			job,
			error: packError(thrown)
		});
	}
	let outcome = {
		files: writer.filesWritten - before,
		failures,
		bytes
	};
	parentPort.postMessage(outcome, [bytes.buffer]);
});
export {};
