export { o as PING_PROTOCOL, a as ping } from "./libp2p.js";
