export { t as Octokit } from "./octokit.js";
