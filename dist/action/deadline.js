import { t as SwarmCacheError } from "./errors.js";
// src/async/deadline.ts
/** Starts a deadline; dispose it (`using`) so that its timer does not outlive the wait. */
function startDeadline(milliseconds, what, parent) {
	let controller = new AbortController(), timer = setTimeout(() => {
		controller.abort(timedOut(what, milliseconds));
	}, milliseconds), onAbort = () => controller.abort(parent?.reason);
	return parent?.aborted === !0 ? onAbort() : parent?.addEventListener("abort", onAbort, { once: !0 }), {
		signal: controller.signal,
		[Symbol.dispose]() {
			clearTimeout(timer), parent?.removeEventListener("abort", onAbort);
		}
	};
}
/** The ERR_TIMEOUT of something that took too long. */
function timedOut(what, milliseconds) {
	return new SwarmCacheError("ERR_TIMEOUT", `${what} took longer than ${milliseconds} ms.`, { facts: { milliseconds } });
}
/**
* Settles as `work` does, or rejects with the signal's reason as soon as it aborts.
*
* The work itself goes on unless it listens to the same signal; its late rejection is swallowed.
*/
async function abortable(work, signal) {
	if (signal.aborted) throw work.catch(() => {}), signal.reason;
	let onAbort, aborted = new Promise((_, reject) => {
		onAbort = () => reject(signal.reason), signal.addEventListener("abort", onAbort, { once: !0 });
	});
	try {
		return await Promise.race([work, aborted]);
	} finally {
		onAbort !== void 0 && signal.removeEventListener("abort", onAbort), work.catch(() => {});
	}
}
/** Runs `work` with a deadline of its own inside `parent`; rejects with ERR_TIMEOUT when it is over. */
async function withDeadline(milliseconds, what, parent, work) {
	using deadline = startDeadline(milliseconds, what, parent);
	return await abortable(work(deadline.signal), deadline.signal);
}
/** Resolves after `milliseconds`, or rejects with the signal's reason. */
async function pause(milliseconds, signal) {
	signal?.throwIfAborted(), await new Promise((resolve, reject) => {
		let onAbort = () => {
			clearTimeout(timer), reject(signal?.reason);
		}, timer = setTimeout(() => {
			signal?.removeEventListener("abort", onAbort), resolve();
		}, milliseconds);
		signal?.addEventListener("abort", onAbort, { once: !0 });
	});
}
export { withDeadline as a, timedOut as i, pause as n, startDeadline as r, abortable as t };
