export { i as tcp } from "./libp2p.js";
