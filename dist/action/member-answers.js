export { t as MemberAnswers, n as NO_REQUESTS } from "./member-answers2.js";
