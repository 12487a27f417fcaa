import { join } from "node:path";
import { readdirSync, rmSync } from "node:fs";
// src/core/inbox.ts
const NAME_PATTERN = /^[0-9a-z-]+$/;
/** The name of an inbox's file by its number, which has 32 bits. */
function inboxName({ prefix }, file) {
	return `${prefix}-${file}`;
}
/** True if `name` may be a file in an inbox, or a prefix: it leads to no other folder. */
function isInboxName(name) {
	return typeof name == "string" && name.length <= 100 && NAME_PATTERN.test(name);
}
/** Removes what was written into an inbox and not taken. */
function clearInbox({ folder, prefix }) {
	for (let name of readdirSync(folder)) name.startsWith(prefix) && rmSync(join(folder, name), { force: !0 });
}
export { inboxName as n, isInboxName as r, clearInbox as t };
