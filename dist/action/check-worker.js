import { t as checkFrameSync } from "./chunk.js";
import { a as isMalformed, o as isSwarmCacheError } from "./errors.js";
import { parentPort } from "node:worker_threads";
// src/transfer/check-worker.ts
/** Checks frames in a thread of its own: gets lists of them, and gives each list back with what was found. */
parentPort.on("message", (batch) => {
	batch === "end" && process.exit();
	let checked = {
		frames: batch.map((frame) => frame.bytes),
		problems: batch.map((frame) => {
			try {
				checkFrameSync(frame);
				return;
			} catch (error) {
				if (isSwarmCacheError(error, "ERR_INTEGRITY")) return {
					message: error.message,
					malformed: isMalformed(error)
				};
				throw error;
			}
		})
	};
	parentPort.postMessage(checked, transferred(checked.frames));
});
function transferred(frames) {
	return frames.map((frame) => frame.buffer);
}
export {};
