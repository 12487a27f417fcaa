import { n as isPeerId } from "./peer.js";
import { i as inputError } from "./errors.js";
// src/core/address.ts
const ADDRESS = /^\/(?:ip4\/(?<ip4>[^/]+)|ip6\/(?<ip6>[^/]+)|(?:dns|dns4|dns6)\/(?<host>[^/]+))\/tcp\/(?<port>\d{1,5})(?:\/p2p\/(?<peer>[^/]+))?$/;
/**
* A multiaddr over TCP that a node may listen on or dial, as it was written.
*
* @throws ERR_INPUT naming `setting`, the address and what is wrong with it.
*/
function parseAddress(text, setting) {
	let fail = (why) => {
		throw inputError(`${setting} contains "${text}", ${why}. Write for example /ip4/192.0.2.7/tcp/4001.`, {
			setting,
			address: text
		});
	}, parts = ADDRESS.exec(text)?.groups;
	return parts === void 0 ? fail("which is not a multiaddr of a TCP address") : Number(parts.port) > 65535 ? fail("whose port is above 65535") : parts.ip4 !== void 0 && !isIp4(parts.ip4) ? fail("whose IPv4 address is wrong") : parts.ip6 !== void 0 && !isIp6(parts.ip6) ? fail("whose IPv6 address is wrong") : parts.peer !== void 0 && !isPeerId(parts.peer) ? fail("whose peer id is not that of an Ed25519 key (12D3Koo…)") : text;
}
/**
* A multiaddr that also says who answers there, `…/p2p/<peer id>`.
*
* @throws ERR_INPUT as `parseAddress` does, and if the peer id is missing.
*/
function parseBootstrapAddress(text, setting) {
	let address = parseAddress(text, setting);
	if (!address.includes("/p2p/")) throw inputError(`${setting} contains "${text}", which does not say whom to expect there. Add /p2p/ and the peer id, as "swarmcache serve" prints it.`, {
		setting,
		address: text
	});
	return address;
}
function isIp4(text) {
	let parts = text.split(".");
	return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
}
function isIp6(text) {
	return URL.canParse(`http://[${text}]/`);
}
export { parseBootstrapAddress as n, parseAddress as t };
