/** Sends events in batches, and keeps them in memory, within bounds, while they cannot be sent. */

const SECOND = 1000;
const FLUSH_AFTER = 2 * SECOND;
const FIRST_RETRY = 3 * SECOND;
const LONGEST_BACKOFF = 300 * SECOND;
const LONGEST_WAIT = 3600 * SECOND;
const MOST_QUEUED = 1000;
const MOST_IN_BATCH = 100;
const COMPRESSED_ABOVE = 1500; // characters: below, a request is one packet either way
// Bytes. The server takes events of 32 KiB, in batches of 500,000 bytes.
const LARGEST_EVENT = 32_768;
const LARGEST_BATCH = 450_000;
const LARGEST_QUEUE = 1_000_000;
// All beacons and keepalive requests of a page, the host's own included, share 64 KiB.
const LARGEST_KEEPALIVE = 16_000;
const LARGEST_BEACON = 48_000;

const TEXT = { type: "text/plain" };

interface Queued {
  text: string;
  size: number;
  token: string;
}

export type Log = (...words: unknown[]) => void;

export class Transport {
  #address: string;
  #envelope: () => Record<string, unknown>;
  #debug: Log | undefined;
  #queue: Queued[] = [];
  #sending: Queued[] = [];
  #survives = false;
  #timer = 0;
  #failures = 0;
  #most = MOST_IN_BATCH;
  #isRefused = false;

  /** `envelope` returns the fields that all events of a batch share. */
  constructor(host: string, envelope: () => Record<string, unknown>, debug?: Log) {
    this.#address = `${host}v1/b`;
    this.#envelope = envelope;
    this.#debug = debug;
  }

  /** `token` proves who the event is about. Such events are sent in requests of their own. */
  add(event: object, token = ""): void {
    if (this.#isRefused) return;
    // As text at once, because the page may change its objects later.
    const text = JSON.stringify(event);
    // Not the size of a Blob, which costs half a millisecond.
    const size = new TextEncoder().encode(text).length;
    if (size > LARGEST_EVENT) return this.#debug?.("event too large", event);
    this.#queue.push({ text, size, token });
    // More than a beacon would be lost if the page went now. But what has failed waits for its time.
    const isUrgent = this.#dropOldest() > LARGEST_BEACON / 2 && !this.#failures;
    if (!this.#timer || isUrgent) this.#flushAfter(isUrgent ? 1 : FLUSH_AFTER);
  }

  /** Forget what has not been sent. */
  clear(): void {
    this.#queue = [];
    this.#sending = [];
  }

  async flush(isLeaving = false): Promise<void> {
    const [first] = this.#queue;
    if (!first || this.#sending.length) return;
    this.#flushAfter(0);
    this.#sending = this.#take(first.token, isLeaving ? LARGEST_BEACON : LARGEST_BATCH);
    const wait = await this.#post(this.#sending, isLeaving);
    if (wait) this.#queue.unshift(...this.#sending);
    this.#sending = [];
    this.#dropOldest();
    this.#flushAfter(this.#queue.length && (wait || (this.#queue.length < this.#most ? FLUSH_AFTER : 1)));
  }

  /** Send what is left by beacon. Requests under way may be cancelled, so theirs go again: the server counts ids once. */
  leave(): void {
    if (!this.#survives) this.#queue.unshift(...this.#sending.splice(0));
    const batch = this.#take("", LARGEST_BEACON);
    if (batch.length && !navigator.sendBeacon(this.#address, new Blob([this.#body(batch)], TEXT)))
      this.#queue.unshift(...batch);
    // What a token proves cannot go by beacon, which has no headers.
    else void this.flush(true);
  }

  /** 0 for not before the next event. */
  #flushAfter(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer =
      wait &&
      setTimeout(() => {
        this.#timer = 0;
        void this.flush();
      }, wait);
  }

  /** Returns the bytes that are left. */
  #dropOldest(): number {
    let bytes = this.#queue.reduce((sum, { size }) => sum + size, 0);
    while (this.#queue.length > MOST_QUEUED || bytes > LARGEST_QUEUE) bytes -= this.#queue.shift()!.size;
    return bytes;
  }

  #take(token: string, most: number): Queued[] {
    const taken = new Set<Queued>();
    for (const each of this.#queue) {
      if (each.token !== token) continue;
      most -= each.size;
      if (taken.size >= this.#most || (taken.size && most < 0)) break;
      taken.add(each);
    }
    this.#queue = this.#queue.filter((each) => !taken.has(each));
    return [...taken];
  }

  #body(batch: Queued[]): string {
    const envelope = JSON.stringify(this.#envelope());
    return `${envelope.slice(0, -1)},"batch":[${batch.map(({ text }) => text).join()}]}`;
  }

  /** Resolves to the milliseconds until the next attempt, 0 if these events need none. */
  async #post(batch: Queued[], isLeaving: boolean): Promise<number> {
    const backoff = Math.min(FIRST_RETRY * 2 ** this.#failures++, LONGEST_BACKOFF) * (0.5 + Math.random() / 2);
    try {
      const answer = await this.#fetch(this.#body(batch), batch[0]!.token, isLeaving);
      const { status } = answer;
      if (status === 429 || status === 408 || status >= 500)
        return Math.min((answer.headers.get("Retry-After") as unknown as number) * SECOND, LONGEST_WAIT) || backoff;
      this.#failures = 0;
      if (status === 413 && batch.length > 1) return (this.#most = batch.length >> 1);
      // The key or the site is not allowed: nothing from this page ever will be.
      this.#isRefused = status === 401 || status === 403;
      if (this.#isRefused) this.clear();
      if (this.#debug) this.#debug(status, await answer.text());
      return 0;
    } catch (error) {
      this.#debug?.(error);
      return backoff;
    }
  }

  async #fetch(text: string, token: string, isLeaving: boolean): Promise<Response> {
    let body: string | Blob = text;
    // Not while leaving: the page may be gone before its stream ends.
    if (!isLeaving && text.length > COMPRESSED_ABOVE && self.CompressionStream)
      body = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
    this.#survives = isLeaving || new Blob([body]).size < LARGEST_KEEPALIVE;
    return fetch(this.#address, {
      method: "POST",
      // As text/plain, so that the browser asks for no permission first. The server recognizes gzip by its first bytes.
      headers: { "Content-Type": TEXT.type, ...(token && { "Firsthand-Identity": token }) },
      body,
      keepalive: this.#survives,
      credentials: "omit",
    });
  }
}
