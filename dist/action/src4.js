export { C as GoAwayCode, S as yamux } from "./libp2p.js";
