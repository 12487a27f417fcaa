import { r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as digestOf } from "./digest.js";
import { t as UNLED_TURN } from "./lease.js";
import { r as foldKey } from "./entry-match.js";
import { t as Watchdog } from "./watchdog.js";
import { join } from "node:path";
/** Notes what has been restored under another key, since it will be saved under its own. */
async function noteRestore(plan, options, paths) {
	let notes = notesFile(options, paths);
	notes !== void 0 && await plan.note(notes);
}
/** Where the notes are about some paths of one repository in one workspace. */
function notesFile(options, paths) {
	let { notesFolder, workingDirectory, request } = options;
	if (notesFolder === void 0) return;
	let about = JSON.stringify([
		request.repository,
		workingDirectory,
		paths
	]);
	return join(notesFolder, digestOf(about).slice(0, 32));
}
/** The name of what one runner does with an entry for all others of its scope. */
function workName(kind, { key, ...entry }) {
	let { repository, scope, version } = entry;
	return digestOf(JSON.stringify([
		kind,
		repository,
		scope,
		version,
		foldKey(key)
	]));
}
/**
* The turn for some work, or the news that another has done it.
*
* Whatever fails, and who waits in vain, does the work without: rejects with the signal's reason only.
*/
async function takeTurn(parts, name, options = {}) {
	let { tiers, logger } = parts, { signal, patienceMs = 45e3 } = options, gaveUp = new AbortController();
	using patience = new Watchdog(patienceMs, () => {
		let why = `Another runner's work has not moved on for ${patienceMs} ms.`;
		gaveUp.abort(new SwarmCacheError("ERR_TIMEOUT", why));
	});
	let last = -1, onWaiting = (progress) => {
		options.onWaiting?.(), progress <= last || (last = progress, patience.heard());
	};
	try {
		let ending = signal === void 0 ? gaveUp.signal : AbortSignal.any([signal, gaveUp.signal]);
		return await tiers.takeTurn(name, {
			signal: ending,
			onWaiting
		});
	} catch (error) {
		return signal?.throwIfAborted(), logger.log("info", `Doing alone what others may do too: ${errorMessage(error)}`), UNLED_TURN;
	}
}
export { notesFile as i, workName as n, noteRestore as r, takeTurn as t };
