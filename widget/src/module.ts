/** fh.mjs: the same as a module, from your installation. */

import { connect } from "./connect";
import { partsBeside } from "./urls";

export type { Firsthand, Options, Properties, Reply } from "./api";

export const { firsthand, init } = connect(partsBeside(import.meta.url), new URL(".", import.meta.url).href);
export default firsthand;
