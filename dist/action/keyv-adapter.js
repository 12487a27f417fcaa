import { i as inputError } from "./errors.js";
// src/api-cache/keyv-adapter.ts
const PACKAGES = {
	redis: "@keyv/redis",
	rediss: "@keyv/redis",
	valkey: "@keyv/valkey",
	sqlite: "@keyv/sqlite",
	postgres: "@keyv/postgres",
	postgresql: "@keyv/postgres",
	mysql: "@keyv/mysql",
	mongodb: "@keyv/mongo",
	etcd: "@keyv/etcd",
	memcache: "@keyv/memcache"
}, importPackage = async (name) => await import(name);
/**
* The keyv adapter of a URI such as `redis://host:6379`, from the package that its scheme stands for.
*
* @throws ERR_INPUT for a scheme that has none, or a package that is not installed; without the URI, which may hold
* a password.
*/
async function loadKeyvAdapter(uri, setting, load = importPackage) {
	let scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase() ?? "", name = PACKAGES[scheme];
	if (name === void 0) {
		let known = Object.keys(PACKAGES).join(", ");
		throw inputError(`${setting} has the scheme "${scheme}", but must have one of ${known}.`);
	}
	let loaded;
	try {
		loaded = await load(name);
	} catch (cause) {
		throw cause.code === "ERR_MODULE_NOT_FOUND" ? inputError(`${setting} is a ${scheme} URI, for which the package ${name} is needed. Install it next to swarmcache: npm install ${name}`) : cause;
	}
	let adapter = loaded.default;
	if (typeof adapter != "function") throw inputError(`The package ${name} has no adapter for keyv as its default export.`);
	return new adapter(uri);
}
export { loadKeyvAdapter };
