import type { Part, Parts, Watch } from "./parts";

/** The file of a part, named by its content. The build sets it. */
declare const WATCH_FILE: string;

/** Parts that lie beside a script of this address. */
export const partsBeside = (script: string): Parts => ({
  watch: () => import(new URL(WATCH_FILE, script).href) as Promise<Part<Watch>>,
});
