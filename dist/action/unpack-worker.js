import { o as openFrameSync } from "./chunk.js";
import { t as freeMemory } from "./free-memory.js";
import { f as FrameReader, l as RowComparison, t as TreeWriter } from "./tree-writer.js";
import { t as packError } from "./worker-thread.js";
import { parentPort } from "node:worker_threads";
// src/archive/unpack-worker.ts
let writer;
const reader = new FrameReader();
parentPort.on("message", (message) => {
	"jobs" in message ? write(message) : "progress" in message ? compare(message) : writer = new TreeWriter(message);
});
function compare(state) {
	let comparison = new RowComparison(state);
	for (; comparison.compareBlock(););
}
function write({ bytes, jobs }) {
	let before = writer.filesWritten, failures = [];
	for (let [job, { chunk, frame, places }] of jobs.entries()) try {
		let framed = "path" in frame ? reader.read(frame) : bytes.subarray(frame.start, frame.end), plain = openFrameSync({
			chunk,
			bytes: framed
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
	parentPort.postMessage(outcome, bytes === void 0 ? [] : [bytes.buffer]);
}
export {};
