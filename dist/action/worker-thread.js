import { n as startThreadBeside } from "./start-thread.js";
import { o as isSwarmCacheError, t as SwarmCacheError } from "./errors.js";
import { availableParallelism } from "node:os";
/** How many threads serve `options` beside the caller's. */
function threadsOf(options) {
	return options.threads ?? Math.min(availableParallelism(), 4);
}
/** Starts a thread from a file beside this one. */
function startThread(file, workerData) {
	return startThreadBeside(import.meta.url, file, workerData);
}
/** For sending from a thread. */
function packError(error) {
	let known = isSwarmCacheError(error) ? error : void 0;
	return {
		code: known?.code,
		message: error instanceof Error ? error.message : String(error),
		facts: { ...known?.facts },
		cause: known === void 0 ? void 0 : plainCause(known.cause)
	};
}
/** What was thrown in the thread. */
function unpackError(error) {
	let { code, message, cause, facts } = error;
	return code === void 0 ? Error(message) : new SwarmCacheError(code, message, {
		cause,
		facts
	});
}
/** System errors carry properties that structured cloning drops; only what a message needs is kept. */
function plainCause(cause) {
	return cause instanceof Error ? Error(cause.message) : void 0;
}
export { unpackError as i, startThread as n, threadsOf as r, packError as t };
