export { t as createLibp2p, r as dnsaddrResolver, n as isLibp2p } from "./libp2p.js";
