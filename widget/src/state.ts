import { uuid7 } from "./ids";

const MINUTE = 60_000;
const IDLE = 30 * MINUTE;
const LONGEST_SESSION = 24 * 60 * MINUTE;

/** What a browser keeps between pages. */
export interface Kept {
  anonymousId?: string;
  userId?: string | undefined;
  groupId?: string | undefined;
  /** The time of its last event, its id, and the time of its first. */
  session?: [last: number, id: string, start: number] | undefined;
  /** Digests of the last `identify` and `group`, which are not repeated within a session. */
  said?: Record<string, number> | undefined;
  consent?: "in" | "out" | undefined;
}

export class State {
  #name: string;
  #isLasting: boolean;
  #memory: string | null = null;

  constructor(key: string, isLasting: boolean) {
    this.#name = `fh_${key}`;
    this.#isLasting = isLasting;
  }

  /** Read each time, because other tabs write it as well. */
  read(): Kept {
    let text = this.#memory;
    // A browser that forbids storage throws on access.
    try {
      if (this.#isLasting) text = localStorage.getItem(this.#name) ?? text;
      return (JSON.parse(text!) as Kept | null) ?? {};
    } catch {
      return {};
    }
  }

  change(changes: Kept): Kept {
    return this.replace({ ...this.read(), ...changes });
  }

  replace(kept: Kept): Kept {
    const text = JSON.stringify(kept);
    try {
      if (this.#isLasting) localStorage.setItem(this.#name, text);
    } catch {
      this.#isLasting = false;
    }
    if (!this.#isLasting) this.#memory = text;
    return kept;
  }

  /**
   * The session's id. Acting begins a new one after 30 minutes without events and after 24 hours. What happens by itself
   * (an error in a forgotten tab) does not, because nobody came back.
   */
  session(isActing: boolean): string {
    const now = Date.now();
    let [last, id, start] = this.read().session ?? [0, "", 0];
    const isOver = now - last > IDLE || now - start > LONGEST_SESSION;
    if (!id || (isActing && isOver)) [id, start] = [uuid7(), now];
    else if (!isActing) return id;
    this.change({ session: [now, id, start] });
    return id;
  }
}
