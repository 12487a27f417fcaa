export { w as noise, T as pureJsCrypto } from "./libp2p.js";
