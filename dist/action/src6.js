export { b as bootstrap } from "./libp2p.js";
