/** The npm package. Bundlers make files of their own from its parts. */

import { connect } from "./connect";

export type { Firsthand, Options, Properties, Reply } from "./api";

export const { firsthand, init } = connect({ watch: () => import("./watch/part") });
export default firsthand;
